module example.com/lancedb_example

go 1.23

require (
	github.com/apache/arrow/go/v17 v17.0.0
	github.com/lancedb/lancedb-go v0.1.2
)
