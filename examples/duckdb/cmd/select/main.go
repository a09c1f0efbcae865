// Select runs one SELECT on DuckDB, through its C interface.
package main

// #include <stdlib.h>
// #include "duckdb.h"
import "C"

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"unsafe"
)

// sum() is in the archive core_functions, json_extract_string() in json, version() in DuckDB itself.
const query = `
	SELECT version(), sum(i)::BIGINT, json_extract_string('{"linked": "yes"}', '$.linked')
	FROM range(1000001) AS numbers(i)`

// selectRow runs a query on an empty database and returns the first row of its result as text.
func selectRow(query string) ([]string, error) {
	var database C.duckdb_database
	if C.duckdb_open(nil, &database) != C.DuckDBSuccess {
		return nil, errors.New("cannot open a database")
	}
	defer C.duckdb_close(&database)
	var connection C.duckdb_connection
	if C.duckdb_connect(database, &connection) != C.DuckDBSuccess {
		return nil, errors.New("cannot connect to the database")
	}
	defer C.duckdb_disconnect(&connection)

	text := C.CString(query)
	defer C.free(unsafe.Pointer(text))
	var result C.duckdb_result
	defer C.duckdb_destroy_result(&result)
	if C.duckdb_query(connection, text, &result) != C.DuckDBSuccess {
		return nil, errors.New(C.GoString(C.duckdb_result_error(&result)))
	}
	var row []string
	for column := C.idx_t(0); column < C.duckdb_column_count(&result); column++ {
		value := C.duckdb_value_varchar(&result, column, 0)
		row = append(row, C.GoString(value))
		C.duckdb_free(unsafe.Pointer(value))
	}
	return row, nil
}

func main() {
	log.SetFlags(0)
	row, err := selectRow(query)
	if err != nil {
		log.Fatalf("duckdb: %v", err)
	}
	fmt.Println(strings.Join(row, " | "))
}
