"""source_library with a real Bazel and real tools: it links, is reproducible, and fails in the open."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.source_projects import ALL, ANSWER, ARCHIVES, CARGO_REGISTRY


def archives(workspace: Workspace) -> dict[str, bytes]:
    return {name: (workspace.path / "bazel-bin" / name).read_bytes() for name in ARCHIVES}


def test_cargo_make_cmake_and_a_command_build_in_the_sandbox_and_link(
    workspace: MakeWorkspace,
) -> None:
    made = workspace(ALL)
    built = made.bazel("run", "//:main", "--spawn_strategy=sandboxed").checked()
    assert built.stdout == ANSWER
    # Nothing is said of a build that works, and nothing is left in the sources.
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
        ("by_command", {"command/build.sh": "echo out of luck; exit 7\n"}, ["7", "out of luck"]),
        (
            "by_cargo",
            {"cargo/.cargo/config.toml": CARGO_REGISTRY},
            ["next: vendor the crates", "cargo vendor"],
        ),
        (
            "by_command",
            {"command/build.sh": "touch libother.a\n"},
            ["the build wrote no libby_command.a", "libother.a"],
        ),
    ],
    ids=["cargo", "make", "cmake", "command", "a crate that is not vendored", "no output"],
)
def test_a_failure_shows_what_the_tool_said(
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
    assert blocked.code != 0
    assert "/dev/tcp/127.0.0.1" in blocked.stderr
    made.bazel("build", "//:allowed").checked()
    actions = made.bazel("aquery", 'mnemonic("SourceBuild", //:allowed)').checked().stdout
    assert "requires-network" in actions


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
)

toolchain(
    name = "own_toolchain",
    toolchain = ":own",
    toolchain_type = "@rules_cgo_prebuilt//rules/source:toolchain_type",
)
"""


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

_ZIG_BUILD = """\
load("@rules_cc//cc/toolchains:cc_toolchain.bzl", "cc_toolchain")
load(":zig.bzl", "zig_config")

zig_config(name = "config")

filegroup(
    name = "files",
    srcs = glob(["*.sh"]),
)

cc_toolchain(
    name = "zig",
    all_files = ":files",
    ar_files = ":files",
    compiler_files = ":files",
    dwp_files = ":files",
    linker_files = ":files",
    objcopy_files = ":files",
    strip_files = ":files",
    toolchain_config = ":config",
)

toolchain(
    name = "zig_toolchain",
    target_compatible_with = ["@platforms//os:linux", "@platforms//cpu:aarch64"],
    toolchain = ":zig",
    toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
)

platform(
    name = "linux_arm64",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:aarch64"],
)
"""
_ZIG_CONFIG = """\
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "tool_path")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")

def _zig_config_impl(ctx):
    programs = {"ar": "ar.sh", "gcc": "cc.sh"}
    others = ["cpp", "gcov", "ld", "nm", "objdump", "strip"]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = "glibc",
        abi_version = "unknown",
        compiler = "clang",
        cxx_builtin_include_directories = ["/"],
        host_system_name = "local",
        target_cpu = "aarch64",
        target_libc = "glibc",
        target_system_name = "aarch64-linux-gnu",
        tool_paths = [tool_path(name = name, path = path) for name, path in programs.items()] +
                     [tool_path(name = name, path = "/bin/false") for name in others],
        toolchain_identifier = "zig",
    )

zig_config = rule(
    implementation = _zig_config_impl,
    provides = [CcToolchainConfigInfo],
)
"""
_ZIG_SCRIPT = """\
#!/bin/bash
export ZIG_GLOBAL_CACHE_DIR=${{TMPDIR:-/tmp}}/zig-cache
exec {zig} {command} "$@"
"""
_AARCH64 = 183  # EM_AARCH64


def machine_of(program: bytes) -> int:
    machine: int = struct.unpack_from("<H", program, 18)[0]  # e_machine of an ELF header
    return machine


def test_linux_arm64_is_cross_built_by_make_cmake_and_cargo_with_zig(
    workspace: MakeWorkspace,
) -> None:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        pytest.skip("zig is the cross compiler: pip install ziglang")
    zig = Path(found.origin).with_name("zig")
    made = workspace(
        {
            **ALL,
            "zig/BUILD.bazel": _ZIG_BUILD,
            "zig/zig.bzl": _ZIG_CONFIG,
            "zig/ar.sh": _ZIG_SCRIPT.format(zig=zig, command="ar"),
            "zig/cc.sh": _ZIG_SCRIPT.format(zig=zig, command="cc -target aarch64-linux-gnu.2.28"),
        },
        module='register_toolchains("//zig:zig_toolchain")\n',
    )
    for script in ("ar.sh", "cc.sh"):
        (made.path / "zig" / script).chmod(0o755)
    # The sandbox has a /tmp of its own, and pip may have installed zig below the real one.
    mount = f"--sandbox_add_mount_pair={zig.parent}"
    made.bazel("build", "//:main", "--platforms=//zig:linux_arm64", mount).checked()
    assert machine_of((made.path / "bazel-bin/main").read_bytes()) == _AARCH64
