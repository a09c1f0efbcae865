module example.com/duckdb

go 1.22
