module example.com/lancedb_example

go 1.23

require github.com/lancedb/lancedb-go v0.1.2
