"""The cgo rule of the tests: the contents of CcInfo reach the C compiler and the linker."""

from __future__ import annotations

from tests.e2e.conftest import MakeWorkspace

_GO = """\
package main

// #include <stdio.h>
// #include "greet/greet.h"
import "C"

import "fmt"

func main() {
	fmt.Println(C.GoString(C.greeting()), int(C.GREET_LEVEL), float64(C.root_of_two()))
}
"""

_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_library(
    name = "roots",
    srcs = ["roots.c"],
    hdrs = ["roots.h"],
    linkopts = ["-lm"],
)

cc_library(
    name = "greet",
    srcs = ["greet.cc"],
    hdrs = ["include/greet/greet.h"],
    includes = ["include"],
    defines = ["GREET_LEVEL=3"],
    deps = [":roots"],
)

cgo_binary(
    name = "program",
    srcs = ["program.go"],
    cdeps = [":greet"],
)
"""

_SHARED_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cc//cc:cc_import.bzl", "cc_import")
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_binary(
    name = "libgreet.so",
    srcs = [
        "greet.cc",
        "include/greet/greet.h",
        "roots.c",
        "roots.h",
    ],
    includes = ["include"],
    linkshared = True,
)

cc_import(
    name = "greet_import",
    hdrs = ["include/greet/greet.h"],
    shared_library = ":libgreet.so",
)

cc_library(
    name = "greet",
    defines = ["GREET_LEVEL=3"],
    includes = ["include"],
    deps = [":greet_import"],
)

cgo_binary(
    name = "program",
    srcs = ["program.go"],
    cdeps = [":greet"],
)
"""

_PLAIN_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")

cgo_binary(
    name = "program",
    srcs = ["program.go"],
)
"""

_FILES = {
    "program.go": _GO,
    "roots.h": '#ifdef __cplusplus\nextern "C"\n#endif\ndouble c_root(double x);\n',
    "roots.c": """\
#include <math.h>
#include "roots.h"
double c_root(double x) { return sqrt(x); }
""",
    "include/greet/greet.h": """\
#ifdef __cplusplus
extern "C" {
#endif
const char *greeting(void);
double root_of_two(void);
#ifdef __cplusplus
}
#endif
""",
    "greet.cc": """\
#include "greet/greet.h"
#include <string>
#include "roots.h"
static volatile double two = 2;
const char *greeting() {
  static std::string text = std::string("hello ") + "cgo";
  return text.c_str();
}
double root_of_two() { return c_root(two); }
""",
}


def test_a_go_program_links_a_static_cpp_library_and_its_dependencies(
    workspace: MakeWorkspace,
) -> None:
    made = workspace({**_FILES, "BUILD.bazel": _BUILD})
    result = made.bazel("run", "//:program").checked()
    assert result.stdout == "hello cgo 3 1.4142135623730951\n"


def test_a_go_program_finds_a_shared_library_where_it_was_built(workspace: MakeWorkspace) -> None:
    made = workspace({**_FILES, "BUILD.bazel": _SHARED_BUILD})
    made.bazel("build", "//:program").checked()
    result = made.in_root("bazel-bin/program").checked()
    assert result.stdout == "hello cgo 3 1.4142135623730951\n"


def test_linking_fails_without_the_link_option_of_a_library(
    workspace: MakeWorkspace,
) -> None:
    files = {
        "program.go": 'package main\n\n// void gone(void);\nimport "C"\n\nfunc main() { C.gone() }\n',
        "BUILD.bazel": _PLAIN_BUILD,
    }
    result = workspace(files).bazel("build", "//:program")
    assert result.code == 1
    assert "undefined reference to `gone'" in result.stderr
