// Runs one SELECT on DuckDB, through its C interface.

#include <cstdio>
#include <cstdlib>

#include "duckdb.h"

namespace {

// sum() is in the archive core_functions, json_extract_string() in json, version() in DuckDB itself.
constexpr char kQuery[] =
    "SELECT version(), sum(i)::BIGINT, json_extract_string('{\"linked\": \"yes\"}', '$.linked') "
    "FROM range(1000001) AS numbers(i)";

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "duckdb: %s\n", what);
  std::exit(1);
}

class Connection {
 public:
  Connection() {
    if (duckdb_open(nullptr, &database_) != DuckDBSuccess) Fail("cannot open a database");
    if (duckdb_connect(database_, &connection_) != DuckDBSuccess) Fail("cannot connect to it");
  }
  ~Connection() {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  duckdb_connection get() const { return connection_; }

 private:
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

}  // namespace

int main() {
  const Connection connection;
  duckdb_result result;
  if (duckdb_query(connection.get(), kQuery, &result) != DuckDBSuccess) {
    Fail(duckdb_result_error(&result));
  }
  for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
    char* value = duckdb_value_varchar(&result, column, 0);
    std::printf("%s%s", column == 0 ? "" : " | ", value);
    duckdb_free(value);
  }
  std::printf("\n");
  duckdb_destroy_result(&result);
}
