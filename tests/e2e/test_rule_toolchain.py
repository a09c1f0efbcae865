"""C toolchains made of rules, which have tools of actions and no paths of tools, with a real Bazel."""

from __future__ import annotations

import pytest

from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.rule_toolchain import OPTIONS, REGISTER, add_rule_toolchain

_BUILD = """\
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")
load(":archives.bzl", "archives")

[
    source_library(
        name = name,
        srcs = glob(["library/*.c"]),
        alwayslink = ["libsecond.a"] if name == "whole" else [],
        args = [
            "bash",
            "-ec",
            "for one in *.c; do $CC $CFLAGS -c $one; $AR rcs lib${one%.c}.a ${one%.c}.o; done",
        ],
        circular = ["libfirst.a", "libsecond.a"] if name == "circular" else [],
        localize = ["first"] if name == "local" else [],
        path = "library",
        static_library = ["libfirst.a", "libsecond.a"],
        tool = "command",
    )
    for name in ("circular", "local", "whole")
]

[
    archives(
        name = "archives_of_" + name,
        library = name,
    )
    for name in ("circular", "local", "whole")
]
"""

# The archives that a program would link: a program itself would need a C library.
_ARCHIVES = """\
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _archives_impl(ctx):
    inputs = ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list()
    files = [library.static_library for one in inputs for library in one.libraries]
    return [DefaultInfo(files = depset(files))]

archives = rule(
    implementation = _archives_impl,
    attrs = {"library": attr.label(providers = [CcInfo])},
)
"""

_FILES: dict[str, str | bytes] = {
    "BUILD.bazel": _BUILD,
    "archives.bzl": _ARCHIVES,
    "library/first.c": "int second(void);\nint first(void) { return second(); }\n",
    "library/second.c": "int second(void) { return 42; }\nint nobody_calls(void) { return 1; }\n",
}


def built_with(workspace: MakeWorkspace, without: str = "") -> Workspace:
    made = workspace(_FILES, module=REGISTER)
    add_rule_toolchain(made, without)
    return made


def symbols(workspace: Workspace, path: str) -> set[str]:
    """Return the symbols of a 32-bit Linux object, by `nm`: a letter, and a name."""
    header = workspace.in_root("objdump", "-f", f"bazel-bin/{path}").checked().stdout
    assert "elf32-i386" in header
    assert "elf64" not in header
    lines = workspace.in_root("nm", f"bazel-bin/{path}").checked().stdout.splitlines()
    return {" ".join(line.split()[-2:]) for line in lines}


def test_archives_are_joined_and_localized_with_its_programs_and_for_its_target(
    workspace: MakeWorkspace,
) -> None:
    made = built_with(workspace)
    targets = [f"//:archives_of_{name}" for name in ("circular", "local", "whole")]
    made.bazel("build", *OPTIONS, *targets).checked()
    assert {"T first", "T second"} <= symbols(made, "libcircular.circular.a")
    assert {"T nobody_calls", "B cgo_prebuilt_whole______whole"} <= symbols(
        made, "libwhole.whole.a"
    )
    assert "T first" in symbols(made, "local/libfirst.a")
    assert "t second" in symbols(made, "local/libsecond.a")


@pytest.mark.parametrize(
    ("target", "without", "program", "action"),
    [
        ("circular", "ar", "archiver", "cpp_link_static_library"),
        ("local", "objcopy", "objcopy", "objcopy_embed_data"),
        ("whole", "ar", "archiver", "cpp_link_static_library"),
    ],
)
def test_a_program_that_the_toolchain_lacks_is_named(
    workspace: MakeWorkspace, target: str, without: str, program: str, action: str
) -> None:
    failed = built_with(workspace, without).bazel("build", *OPTIONS, f"//:{target}")
    assert failed.code != 0
    assert f"//:{target}: the C toolchain @@//rule_toolchain:" in failed.stderr
    assert f"has no {program}" in failed.stderr
    assert f"next: give it a tool for {action}" in failed.stderr
