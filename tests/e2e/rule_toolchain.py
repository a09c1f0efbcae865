"""A C toolchain that is made of rules, in a test's workspace: the machine's GCC for a 32-bit Linux.

It has no tool paths, only tools for actions, and names its target in a flag. GCC compiles and joins
for that target without its C library; programs that need one do not link.
"""

from __future__ import annotations

from tests.e2e.bazel_workspace import Workspace

_ACTIONS = "@rules_cc//cc/toolchains/actions:"

_TOOLS = {
    "gcc": ("assembly_actions", "c_compile_actions", "cpp_compile_actions", "link_actions"),
    "ar": ("ar_actions",),
    "objcopy": ("objcopy_embed_data",),
}

_BUILD = """\
load("@rules_cc//cc/toolchains:args.bzl", "cc_args")
load("@rules_cc//cc/toolchains:tool.bzl", "cc_tool")
load("@rules_cc//cc/toolchains:tool_map.bzl", "cc_tool_map")
load("@rules_cc//cc/toolchains:toolchain.bzl", "cc_toolchain")

{tools}
cc_tool_map(
    name = "tools",
    tools = {{{tool_map}}},
)

# GCC reads a header of the C library's before each file, unless it is told that there is none.
cc_args(
    name = "target",
    actions = ["{actions}compile_actions", "{actions}link_actions"],
    args = ["-m32", "-ffreestanding"],
)

cc_toolchain(
    name = "cc",
    args = [":target"],
    tool_map = ":tools",
)

toolchain(
    name = "toolchain",
    target_compatible_with = ["@platforms//os:linux", "@platforms//cpu:x86_32"],
    toolchain = ":cc",
    toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
)

platform(
    name = "linux_386",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:x86_32"],
)
"""

REGISTER = 'register_toolchains("//rule_toolchain:toolchain")\n'
"""What MODULE.bazel says."""

OPTIONS = ["--platforms=//rule_toolchain:linux_386"]
"""Bazel's options to build with it."""


def add_rule_toolchain(workspace: Workspace, without: str = "") -> None:
    """Writes the package `//rule_toolchain`.

    Args:
        workspace: The workspace.
        without: A tool that the toolchain lacks: `gcc`, `ar` or `objcopy`.
    """
    tools, tool_map = "", ""
    for program, actions in _TOOLS.items():
        if program == without:
            continue
        file = f"{program}.sh"
        for action in actions:
            tools += f'cc_tool(name = "{action}", src = "{file}")\n\n'
            tool_map += f'"{_ACTIONS}{action}": ":{action}", '
        workspace.write({f"rule_toolchain/{file}": f'#!/bin/sh\nexec {program} "$@"\n'})
        (workspace.path / "rule_toolchain" / file).chmod(0o755)
    build = _BUILD.format(tools=tools, tool_map=tool_map, actions=_ACTIONS)
    workspace.write({"rule_toolchain/BUILD.bazel": build})
