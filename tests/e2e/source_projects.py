"""Small native projects of every build system that source_library knows, and what links them."""

from __future__ import annotations

from collections.abc import Mapping

_CARGO_LOCK = """\
version = 3

[[package]]
name = "crate"
version = "0.1.0"
dependencies = [
 "tiny",
]

[[package]]
name = "tiny"
version = "1.0.0"
source = "registry+https://crates.example.com/index"
"""

CARGO_REGISTRY = """\
[registries.example]
index = "https://crates.example.com/index"
"""

# As `cargo vendor` prints it.
CARGO_VENDORED = """\
[source.example]
registry = "https://crates.example.com/index"
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"""

CARGO: Mapping[str, str] = {
    "cargo/Cargo.toml": """\
[package]
name = "crate"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["staticlib"]

[dependencies]
tiny = { version = "1.0", registry = "example" }
""",
    "cargo/Cargo.lock": _CARGO_LOCK,
    "cargo/.cargo/config.toml": CARGO_REGISTRY + CARGO_VENDORED,
    "cargo/vendor/tiny/Cargo.toml": """\
[package]
name = "tiny"
version = "1.0.0"
edition = "2021"
""",
    "cargo/vendor/tiny/.cargo-checksum.json": '{"files":{},"package":null}',
    "cargo/vendor/tiny/src/lib.rs": "pub fn one(at: usize) -> i32 { [1, 2, 3][at] }\n",
    "cargo/src/lib.rs": """\
#[no_mangle]
pub extern "C" fn by_cargo(at: usize) -> i32 { tiny::one(at) }
""",
    "cargo/include/by_cargo.h": "int by_cargo(unsigned long at);\n",
}

MAKE: Mapping[str, str] = {
    # Its own CFLAGS count, and so do the toolchain's.
    "make/Makefile": """\
CFLAGS += -Iinclude
lib/libby_make.a: by_make.o
\tmkdir -p lib
\t$(AR) rcs $@ $^
by_make.o: by_make.c
\t$(CC) $(CFLAGS) -g -c -o $@ $<
""",
    "make/by_make.c": """\
#include "by_make.h"
int by_make(void) { return 2; }
const char *made_of(void) { return __FILE__ " " __DATE__; }
""",
    "make/include/by_make.h": "int by_make(void);\nconst char *made_of(void);\n",
}

CMAKE: Mapping[str, str] = {
    "cmake/CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.10)
project(by_cmake C)
add_library(by_cmake STATIC by_cmake.c)
target_compile_options(by_cmake PRIVATE -g)
""",
    "cmake/by_cmake.c": "int by_cmake(void) { return 3; }\n",
    "cmake/by_cmake.h": "int by_cmake(void);\n",
}

COMMAND: Mapping[str, str] = {
    "command/build.sh": """\
set -e
$CC $CFLAGS -c by_command.c -o by_command.o
$AR rcs libby_command.a by_command.o
echo 'int by_command(void);' > by_command.h
""",
    "command/by_command.c": "int by_command(void) { return 4; }\n",
}

BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

source_library(
    name = "by_cargo",
    srcs = glob(["cargo/**"]),
    headers = ["cargo/include/by_cargo.h"],
    include_dirs = ["include"],
    linkopts = ["-lgcc_s", "-ldl", "-lpthread", "-lm"],
    path = "cargo",
    static_library = ["target/release/libcrate.a"],
    tool = "cargo",
)

source_library(
    name = "by_make",
    srcs = glob(["make/**"]),
    headers = ["make/include/by_make.h"],
    include_dirs = ["include"],
    path = "make",
    static_library = ["lib/libby_make.a"],
    target = "lib/libby_make.a",
    tool = "make",
)

source_library(
    name = "by_cmake",
    srcs = glob(["cmake/**"]),
    headers = ["cmake/by_cmake.h"],
    path = "cmake",
    static_library = ["build/libby_cmake.a"],
    tool = "cmake",
)

source_library(
    name = "by_command",
    srcs = glob(["command/**"]),
    args = ["sh", "build.sh"],
    generated_headers = ["by_command.h"],
    path = "command",
    static_library = ["libby_command.a"],
    tool = "command",
)

cc_binary(
    name = "main",
    srcs = ["main.c"],
    deps = [":by_" + tool for tool in ("cargo", "cmake", "command", "make")],
)
"""

MAIN = """\
#include <stdio.h>
#include "by_cargo.h"
#include "by_cmake.h"
#include "by_command.h"
#include "by_make.h"
int main(int count, char **words) {
  (void)words;
  printf("%d %d %d %d %s\\n", by_cargo(count - 1), by_make(), by_cmake(), by_command(), made_of());
}
"""

ALL: Mapping[str, str] = {
    **CARGO,
    **MAKE,
    **CMAKE,
    **COMMAND,
    "BUILD.bazel": BUILD,
    "main.c": MAIN,
}
ARCHIVES = (
    "by_cargo/target/release/libcrate.a",
    "by_cmake/build/libby_cmake.a",
    "by_command/libby_command.a",
    "by_make/lib/libby_make.a",
)
ANSWER = "1 2 3 4 by_make.c Jan  1 1980\n"
