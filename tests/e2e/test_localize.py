"""`source_library(localize = ...)` with a real Bazel: two libraries with a copy of the same third one."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeWorkspace

_BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

[
    source_library(
        name = name,
        srcs = glob([name + "/*.c"]),
        args = ["bash", "-ec", "$CC $CFLAGS -c *.c; $AR rcs lib%s.a *.o" % name],
        localize = LOCALIZE % name if LOCALIZE else [],
        path = name,
        static_library = ["lib%s.a" % name],
        tool = "command",
    )
    for name in ("one", "two")
]

cc_binary(
    name = "main",
    srcs = ["main.cc"],
    deps = [":one", ":two"],
)
"""
_MAIN = """\
#include <cstdio>
extern "C" int one_api(void);
extern "C" int two_api(void);
int main() { std::printf("%d %d\\n", one_api(), two_api()); }
"""


@pytest.mark.parametrize("localize", [False, True])
def test_libraries_with_the_same_symbols_link_if_the_symbols_are_local(
    workspace: MakeWorkspace, localize: bool
) -> None:
    patterns = '[name + "_*"]' if localize else "[]"
    files = {
        "BUILD.bazel": _BUILD.replace("LOCALIZE % name if LOCALIZE else []", patterns),
        "main.cc": _MAIN,
    }
    for number, name in enumerate(("one", "two"), 1):
        helper = f"int helper(void) {{ return {number}; }}\n"
        if not localize:  # in the same object, so that a linker cannot skip one of the copies
            files[f"{name}/api.c"] = f"{helper}int {name}_api(void) {{ return helper(); }}\n"
        else:
            files[f"{name}/helper.c"] = helper
            files[f"{name}/api.c"] = (
                f"int helper(void);\nint {name}_api(void) {{ return helper(); }}\n"
            )
    done = workspace(files).bazel("run", "//:main")
    if localize:
        assert done.checked().stdout == "1 2\n"
    else:
        assert done.code != 0
        assert "helper" in done.stderr
