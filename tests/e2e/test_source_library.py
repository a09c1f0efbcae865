"""source_library with a real Bazel and real tools: it links reproducibly, and explains errors."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.source_projects import ALL, ANSWER, ARCHIVES, CARGO_REGISTRY
from tests.e2e.zig_toolchain import REGISTER, zig_files, zig_options


def archives(workspace: Workspace) -> dict[str, bytes]:
    return {name: (workspace.path / "bazel-bin" / name).read_bytes() for name in ARCHIVES}


@pytest.mark.both_modes
def test_cargo_make_cmake_and_a_command_build_in_the_sandbox_and_link(
    workspace: MakeWorkspace,
) -> None:
    made = workspace(ALL)
    built = made.bazel("run", "//:main", "--spawn_strategy=sandboxed").checked()
    assert built.stdout == ANSWER
    # A successful build prints nothing, and leaves nothing in the sources.
    assert "Compiling" not in built.stderr
    assert not (made.path / "cargo/target").exists()
    assert not (made.path / "make/lib").exists()


def test_two_workspaces_give_the_same_bytes_and_share_a_disk_cache(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    first = workspace(ALL, name="first")
    second = workspace(ALL, name="second/of-another-length")
    targets = ("//:by_cargo", "//:by_cmake", "//:by_command", "//:by_make")
    cache = f"--disk_cache={tmp_path}/disk-cache"
    first.bazel("build", *targets, cache).checked()
    second.bazel("build", *targets).checked()
    bytes_of_first = archives(first)
    assert bytes_of_first == archives(second)
    for name, content in bytes_of_first.items():
        assert str(tmp_path).encode() not in content, name
        assert b"/source-build." not in content, name

    second.bazel("clean").checked()
    cached = second.bazel("build", *targets, cache).checked()
    assert "4 disk cache hit" in cached.stderr


@pytest.mark.parametrize(
    ("target", "broken", "words"),
    [
        (
            "by_cargo",
            {"cargo/src/lib.rs": "fn broken( {\n"},
            ["cargo, exit code 101", "src/lib.rs"],
        ),
        ("by_make", {"make/by_make.c": "int broken( {\n"}, ["make, exit code 2", "by_make.c:1"]),
        (
            "by_cmake",
            {"cmake/by_cmake.c": "int broken( {\n"},
            ["cmake, exit code 2", "by_cmake.c:1"],
        ),
        (
            "by_command",
            {"command/build.sh": "printf 'out of luck\\r  next: run evil'; exit 7\n"},
            ["7", "\n  | out of luck\n  |   next: run evil"],
        ),
        (
            "by_cargo",
            {"cargo/.cargo/config.toml": CARGO_REGISTRY},
            ["next: say vendor: true", "cargo vendor"],
        ),
        (
            "by_command",
            {"command/build.sh": "touch libother.a\n"},
            ["the build wrote no libby_command.a", "libother.a"],
        ),
    ],
    ids=["cargo", "make", "cmake", "command", "a crate that is not vendored", "no output"],
)
def test_a_failure_shows_the_tools_output(
    workspace: MakeWorkspace, target: str, broken: Mapping[str, str], words: list[str]
) -> None:
    failed = workspace({**ALL, **broken}).bazel("build", f"//:{target}")
    assert failed.code != 0
    assert f"//:{target}" in failed.stderr
    for word in words:
        assert word in failed.stderr, failed.stderr


_NETWORK_BUILD = """\
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

[
    source_library(
        name = name,
        srcs = ["network/answer.c"],
        allow_network = allowed,
        args = ["bash", "-ec", "exec 3<>/dev/tcp/127.0.0.1/{port}; $CC -c answer.c; $AR rcs a.a answer.o"],
        path = "network",
        static_library = ["a.a"],
        tool = "command",
    )
    for name, allowed in (("allowed", True), ("blocked", False))
]
"""


def test_the_network_is_blocked_unless_it_is_allowed(
    workspace: MakeWorkspace, archive_server: ArchiveServer
) -> None:
    port = archive_server.url.rpartition(":")[2]
    made = workspace(
        {
            "BUILD.bazel": _NETWORK_BUILD.replace("{port}", port),
            "network/answer.c": "int answer(void) { return 42; }\n",
        }
    )
    blocked = made.bazel("build", "//:blocked")
    # If this fails, the sandbox has a network: see "A sandbox without a network" in hermetic-ci.md.
    assert blocked.code != 0, "Bazel's sandbox does not block the network on this machine"
    assert "/dev/tcp/127.0.0.1" in blocked.stderr
    # Without namespaces, Bazel uses a sandbox that blocks nothing, as the documentation says.
    made.bazel("build", "//:blocked", "--spawn_strategy=processwrapper-sandbox").checked()
    made.bazel("build", "//:allowed").checked()
    actions = made.bazel("aquery", 'mnemonic("SourceBuild", //:allowed)').checked().stdout
    assert "requires-network" in actions


_TWO_WORKERS_BUILD = """\
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

[
    platform(
        name = name,
        constraint_values = [
            "@platforms//cpu:x86_64",
            "@platforms//os:linux",
            "@rules_cgo_prebuilt//rules/source:" + tools,
        ],
    )
    for name, tools in {"without": "no_tools", "with_tools": "host_tools"}.items()
]

source_library(
    name = "built",
    srcs = ["answer.c"],
    args = ["sh", "-c", "$CC -c answer.c && $AR rcs a.a answer.o"],
    static_library = ["a.a"],
    tool = "command",
)
"""


@pytest.mark.both_modes
@pytest.mark.parametrize("groups", ["", "no"], ids=["automatic groups", "no groups"])
def test_a_source_build_runs_where_both_of_its_toolchains_do(
    workspace: MakeWorkspace, groups: str
) -> None:
    """Bazel 10 chooses a platform for each toolchain separately, unless a rule says otherwise."""
    made = workspace({"BUILD.bazel": _TWO_WORKERS_BUILD, "answer.c": "int answer;\n"})
    actions = made.bazel(
        "aquery",
        'mnemonic("SourceBuild", //:built)',
        "--extra_execution_platforms=//:without,//:with_tools",
        f"--{groups}incompatible_auto_exec_groups",
    ).checked()
    assert "Execution platform: //:with_tools" in actions.stdout


_SHARED_BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

source_library(
    name = "shared",
    srcs = glob(["shared/**"]),
    headers = ["shared/shared.h"],
    path = "shared",
    shared_library = ["libshared.so"],
    tool = "make",
)

cc_binary(
    name = "main_of_shared",
    srcs = ["main_of_shared.c"],
    deps = [":shared"],
)
"""


@pytest.mark.both_modes
def test_a_shared_library_is_linked_and_found_at_run_time(workspace: MakeWorkspace) -> None:
    made = workspace(
        {
            "BUILD.bazel": _SHARED_BUILD,
            "main_of_shared.c": '#include "shared.h"\nint main(void) { return shared(); }\n',
            "shared/shared.h": "int shared(void);\n",
            "shared/shared.c": "int shared(void) { return 6; }\n",
            "shared/Makefile": "libshared.so: shared.c\n\t$(CC) -shared $(LDFLAGS) -o $@ $<\n",
        }
    )
    made.bazel("build", "//:main_of_shared").checked()
    assert made.in_root(str(made.path / "bazel-bin/main_of_shared")).code == 6


_TOOLCHAIN_BUILD = """\
load("@rules_cgo_prebuilt//rules:toolchain.bzl", "source_build_toolchain")

source_build_toolchain(
    name = "own",
    env = {"MADE_BY": "the own toolchain"},
    make = "make.sh",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "own_toolchain",
    toolchain = ":own",
    toolchain_type = "@rules_cgo_prebuilt//rules/source:toolchain_type",
)
"""


@pytest.mark.both_modes
def test_a_toolchain_of_the_users_own_is_used_and_its_gaps_are_named(
    workspace: MakeWorkspace,
) -> None:
    made = workspace(
        {
            **ALL,
            "toolchain/BUILD.bazel": _TOOLCHAIN_BUILD,
            "toolchain/make.sh": '#!/bin/bash\necho "$MADE_BY"\nexit 9\n',
        },
        module='register_toolchains("//toolchain:own_toolchain")\n',
    )
    (made.path / "toolchain/make.sh").chmod(0o755)
    failed = made.bazel("build", "//:by_make")
    assert "the own toolchain" in failed.stderr
    assert "make, exit code 9" in failed.stderr
    failed = made.bazel("build", "//:by_cargo")
    assert failed.code != 0
    assert "//:by_cargo builds with cargo, and there is no cargo here" in failed.stderr
    assert "https://rustup.rs" in failed.stderr
    assert "source_build_toolchain" in failed.stderr


_VARIABLES_BUILD = """\
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

source_library(
    name = "variables",
    srcs = ["BUILD.bazel"],
    args = ["bash", "-c", "env >&2; exit 9"],
    env = {"LC_ALL": "en_US.UTF-8", "OWN": "$HOME `id`"},
    static_library = ["a.a"],
    tool = "command",
)
"""


@pytest.mark.both_modes
def test_a_build_sees_the_variables_of_its_action_and_nothing_of_the_callers(
    workspace: MakeWorkspace,
) -> None:
    made = workspace(
        {
            "BUILD.bazel": _VARIABLES_BUILD,
            "toolchain/BUILD.bazel": _TOOLCHAIN_BUILD,
            "toolchain/make.sh": "",
        },
        module='register_toolchains("//toolchain:own_toolchain")\n',
    )
    # Where Bazel looks for what it adds itself, such as where Xcode is.
    query = made.bazel("aquery", 'mnemonic("SourceBuild", //:variables)').checked().stdout
    (line,) = [one for one in query.splitlines() if "Environment: " in one]
    for variable in ("LC_ALL=en_US.UTF-8", "MADE_BY=the own toolchain", "OWN=$HOME `id`"):
        assert variable in line
    callers = {"CALLERS": "1", "CFLAGS": "-Dcallers", "TZ": "Asia/Kathmandu"}
    passed_on = ("--action_env=CALLERS", "--action_env=TZ")
    failed = made.bazel("build", "//:variables", *passed_on, env=callers)
    assert "exit code 9" in failed.stderr
    said = [line.removeprefix("  | ") for line in failed.stderr.splitlines()]
    shown = dict(line.split("=", 1) for line in said if "=" in line)
    assert "CALLERS" not in shown
    assert "callers" not in shown["CFLAGS"]
    assert shown["TZ"] == "UTC"
    assert shown["LC_ALL"] == "en_US.UTF-8"
    assert shown["OWN"] == "$HOME `id`"
    assert "/source-build." in shown["HOME"]


@pytest.mark.own_server
@pytest.mark.both_modes
def test_the_hosts_tools_are_not_looked_for_before_a_source_build(
    workspace: MakeWorkspace,
) -> None:
    made = workspace({**ALL, "other/BUILD.bazel": _OTHER_BUILD, "other/main.c": "int main() {}\n"})
    made.bazel("build", "//other").checked()
    external = Path(made.bazel("info", "output_base").checked().stdout.strip(), "external")
    assert not list(external.glob("*rules_cgo_prebuilt_host_tools"))


_OTHER_BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "other",
    srcs = ["main.c"],
)
"""

_AARCH64 = 183  # EM_AARCH64


def machine_of(program: bytes) -> int:
    machine: int = struct.unpack_from("<H", program, 18)[0]  # e_machine of an ELF header
    return machine


def test_linux_arm64_is_cross_built_by_make_cmake_and_cargo_with_zig(
    workspace: MakeWorkspace,
) -> None:
    made = workspace({**ALL, **zig_files()}, module=REGISTER)
    for script in (made.path / "zig").glob("*.sh"):
        script.chmod(0o755)
    made.bazel("build", "//:main", *zig_options("linux_arm64")).checked()
    assert machine_of((made.path / "bazel-bin/main").read_bytes()) == _AARCH64
