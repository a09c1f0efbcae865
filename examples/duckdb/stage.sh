#!/bin/sh
# Downloads DuckDB's Go modules and lays their files out as prebuilt.yaml names them.
#
# usage: stage.sh DIR
set -eu

archives=github.com/duckdb/duckdb-go-bindings/lib/linux-amd64@v0.3.0 # DuckDB v1.4.3
header=github.com/duckdb/duckdb-go-bindings@v0.3.1                   # the release that uses them

# Downloads a module, its checksum checked by Go, and prints its folder in Go's module cache.
download() {
    go mod download "$1"
    go list -m -f '{{.Dir}}' "$1"
}

mkdir -p "$1/lib" "$1/include"
cd "$1" # where no go.mod of this example has a say

archives_dir=$(download "$archives")
header_dir=$(download "$header")
cp "$archives_dir"/*.a lib/
cp "$header_dir/include/duckdb.h" include/
chmod -R u+w lib include # Go's module cache is read-only
