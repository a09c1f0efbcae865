"""Real libraries as others publish them, each from its registry's own client, and a program for each.

The files of a registry are served from one folder, as a release would be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.release_with_links import ONNX_HEADER, write_release

_GO_MAIN = """\
package main

/*
%s*/
import "C"

import "fmt"

func main() { fmt.Println(C.GoString(C.say())) }
"""


@dataclass(frozen=True)
class Animal:
    """A library of the zoo.

    Attributes:
        name: The name that `init` should find.
        bring: Puts the release's files into a folder.
        snippet: C that defines `const char *say(void)`, for cgo and for a C program.
        words: The beginning of the program's output.
        cpp: A C++ program instead, for a library with hardly any C interface.
        platforms: The platforms that the manifest should have.
        options: Options of `init`.
        links_for: Other platforms for which a C program is linked, with zig.
    """

    name: str
    bring: Callable[[Path], None]
    snippet: str
    words: str
    cpp: str = ""
    platforms: tuple[str, ...] = ("linux_amd64",)
    options: tuple[str, ...] = ("--yes",)
    links_for: tuple[str, ...] = ()

    def go_program(self) -> str:
        """A Go program that links it."""
        return _GO_MAIN % self.snippet

    def c_program(self) -> tuple[str, str]:
        """The name and the text of a C or C++ program that links it."""
        if self.cpp:
            return f"{self.name}.cc", self.cpp
        main = "#include <stdio.h>\nint main(void) { return puts(say()) < 0; }\n"
        return f"{self.name}.c", self.snippet + main


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "GOFLAGS": "-mod=mod", "GOWORK": "off"},
    )
    return done.stdout


def _go_modules(**modules: str) -> Callable[[Path], None]:
    """Return a function that brings the zips of Go modules, by their file names."""

    def bring(folder: Path) -> None:
        for name, module in modules.items():
            found = json.loads(_run("go", "mod", "download", "-json", module, cwd=folder))
            version = module.rpartition("@")[2]
            shutil.copy(found["Zip"], folder / f"{name.replace('_', '-')}-{version}.zip")

    return bring


def _wheels(*packages: str) -> Callable[[Path], None]:
    def bring(folder: Path) -> None:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        _run(*pip, "--only-binary=:all:", "--dest", folder, *packages)

    return bring


def _npm(*packages: str) -> Callable[[Path], None]:
    def bring(folder: Path) -> None:
        _run("npm", "pack", "--silent", *packages, cwd=folder)

    return bring


def _debs(*packages: str) -> Callable[[Path], None]:
    def bring(folder: Path) -> None:
        # The folder may be closed to the user that apt downloads as.
        with tempfile.TemporaryDirectory() as open_folder:
            Path(open_folder).chmod(0o777)
            try:
                _run("apt-get", "download", "--quiet", *packages, cwd=Path(open_folder))
            except subprocess.CalledProcessError:  # the lists of packages are missing or old
                _run("apt-get", "update", "--quiet")
                _run("apt-get", "download", "--quiet", *packages, cwd=Path(open_folder))
            for file in Path(open_folder).iterdir():
                # apt-get percent-encodes what follows an epoch.
                shutil.copy(file, folder / file.name)

    return bring


def _onnx_wheel(folder: Path) -> None:
    """The wheel, which has no header, and the header beside it."""
    _wheels("onnxruntime")(folder)
    (folder / "onnxruntime_c_api.h").write_text(ONNX_HEADER)


def _onnx_release(folder: Path) -> None:
    """The library of the wheel in the shape of the project's releases, with links."""
    with tempfile.TemporaryDirectory() as other:
        _wheels("onnxruntime")(Path(other))
        (wheel,) = Path(other).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (n for n in archive.namelist() if "/libonnxruntime.so." in n)
            library = archive.read(member)
    version = wheel.name.split("-")[1]
    prefix = f"onnxruntime-linux-x64-{version}"
    header = {"onnxruntime_c_api.h": ONNX_HEADER}
    write_release(folder / f"{prefix}.tgz", prefix, "libonnxruntime.so", library, header)


_ONNX = """\
#include "onnxruntime_c_api.h"
static const char *say(void) { return OrtGetApiBase()->GetVersionString(); }
"""

SMALL = (
    Animal(
        "sqlite3",
        _debs("libsqlite3-dev", "libsqlite3-0"),
        """\
#include <sqlite3.h>
static char said[64];
static int keep(void *_, int count, char **values, char **names) {
  return count != 1 || sqlite3_snprintf(sizeof said, said, "%s", values[0]) == 0;
}
static const char *say(void) {
  sqlite3 *db;
  sqlite3_open(":memory:", &db);
  sqlite3_exec(db, "SELECT 'sqlite ' || round(pow(2, 5))", keep, 0, 0);
  sqlite3_close(db);
  return said;
}
""",
        "sqlite 32.0",
    ),
    Animal(
        "zstd",
        _debs("libzstd-dev", "libzstd1"),
        """\
#include <zstd.h>
static char packed[200], said[100];
static const char *say(void) {
  size_t size = ZSTD_compress(packed, sizeof packed, "zstd packs and unpacks", 23, 19);
  ZSTD_decompress(said, sizeof said, packed, size);
  return said;
}
""",
        "zstd packs and unpacks",
    ),
    Animal(
        "ncurses",  # beside libraries with shorter names, longer ones, and ncurses++.pc
        _debs("libncurses-dev", "libncurses6", "libtinfo6"),
        """\
#include <curses.h>
static const char *say(void) { return curses_version(); }
""",
        "ncurses ",
    ),
    Animal(
        "sodium",
        _debs("libsodium-dev", "libsodium23"),
        """\
#include <sodium.h>
static char said[100];
static const char *say(void) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  if (sodium_init() < 0) return "no";
  crypto_hash_sha256(hash, (const unsigned char *)"", 0);
  return sodium_bin2hex(said, sizeof said, hash, sizeof hash);
}
""",
        "e3b0c44298fc1c149afbf4c8996fb924",
    ),
    Animal(
        "tbb",
        _wheels("tbb", "tbb-devel"),
        """\
extern const char *TBB_runtime_version(void);
static const char *say(void) { return TBB_runtime_version(); }
""",
        "20",
        cpp="""\
#include <atomic>
#include <cstdio>
#include <tbb/parallel_for.h>
#include <tbb/version.h>
int main() {
  std::atomic<long> sum{0};
  tbb::parallel_for(0, 1000, [&](int i) { sum += i; });
  if (sum == 499500) std::puts(TBB_runtime_version());
}
""",
    ),
)
"""The libraries of the quick tier."""

LARGE = (
    Animal(
        "wasmtime",
        _go_modules(wasmtime_go="github.com/bytecodealliance/wasmtime-go/v39@v39.0.1"),
        """\
#include <wasm.h>
#include <wasmtime.h>
static const char *say(void) {
  const char text[] = "(module (func (export \\"f\\") (result i32) i32.const 42))";
  wasm_byte_vec_t wasm;
  wasm_engine_t *engine = wasm_engine_new();
  wasmtime_module_t *module = 0;
  wasmtime_error_t *error = wasmtime_wat2wasm(text, sizeof text - 1, &wasm);
  if (!error) error = wasmtime_module_new(engine, (uint8_t *)wasm.data, wasm.size, &module);
  return error ? "no" : "wasmtime compiles";
}
""",
        "wasmtime compiles",
        links_for=("windows_amd64", "darwin_arm64"),
        platforms=("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64"),
    ),
    Animal(
        "rdkafka",
        _go_modules(kafka="github.com/confluentinc/confluent-kafka-go/v2@v2.11.1"),
        """\
#include <rdkafka.h>
static const char *say(void) {
  char error[200];
  rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, 0, error, sizeof error);
  return producer ? rd_kafka_version_str() : error;
}
""",
        "2.11.1",
        platforms=(
            *("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_amd64_musl"),
            *("linux_arm64", "linux_arm64_musl", "windows_amd64"),
        ),
    ),
    Animal(
        "sql_experimental",
        _go_modules(
            go_libsql="github.com/tursodatabase/go-libsql@v0.0.0-20251219133454-43644db490ff"
        ),
        """\
#include <stdint.h>
#include <libsql.h>
static const char *say(void) {
  libsql_database_t db;
  libsql_connection_t connection;
  libsql_rows_t rows;
  libsql_row_t row;
  const char *error = 0, *said = 0;
  if (libsql_open_file(":memory:", &db, &error)) return error;
  if (libsql_connect(db, &connection, &error)) return error;
  if (libsql_query(connection, "SELECT 'libsql ' || (40 + 2)", &rows, &error)) return error;
  if (libsql_next_row(rows, &row, &error)) return error;
  return libsql_get_string(row, 0, &said, &error) ? error : said;
}
""",
        "libsql 42",
        platforms=("darwin_arm64", "linux_amd64", "linux_arm64"),
    ),
    Animal(
        "duckdb",
        _go_modules(
            duckdb_go_bindings_linux_amd64="github.com/duckdb/duckdb-go-bindings/lib/linux-amd64@v0.3.0",
            duckdb_go_bindings="github.com/duckdb/duckdb-go-bindings@v0.3.1",
        ),
        """\
#include <duckdb.h>
static const char *say(void) {
  duckdb_database db;
  duckdb_connection connection;
  duckdb_result result;
  duckdb_open(0, &db);
  duckdb_connect(db, &connection);
  duckdb_query(connection, "SELECT 'duckdb ' || sum(i)::BIGINT FROM range(10) t(i)", &result);
  return duckdb_value_varchar(&result, 0, 0);
}
""",
        "duckdb 45",
    ),
    Animal("onnxruntime", _onnx_wheel, _ONNX, "1."),
    Animal(
        "onnxruntime_release",
        _onnx_release,
        _ONNX,
        "1.",
        options=("--yes", "--name", "onnxruntime_release"),
    ),
    Animal(
        "vips",
        _npm(
            *(
                f"@img/sharp-libvips-{name}@1.3.3"
                for name in ("linux-x64", "darwin-arm64", "win32-x64", "dev")
            )
        ),
        """\
#include <vips/vips.h>
static const char *say(void) { return vips_init("zoo") ? "no" : vips_version_string(); }
""",
        "8.",
        platforms=("darwin_arm64", "linux_amd64", "windows_amd64"),
    ),
)
"""The libraries of the slow tier."""
