"""Cross-compiling with a real Bazel and zig: the right prebuilt, no other, linked for its platform."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.native_release import NativeRelease, archive
from tests.e2e.test_linking import HEADER, MAIN_GO, MODULE
from tests.e2e.zig_toolchain import REGISTER, TARGETS, zig_files, zig_options

_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "main_c",
    srcs = ["main.c"],
    deps = ["@answer"],
)

cgo_binary(
    name = "main_go",
    srcs = ["main.go"],
    cdeps = ["@answer"],
)
"""

_MAIN_C = """\
#include <stdio.h>
#include "answer.h"
int main(void) { printf("%d\\n", answer()); return 0; }
"""

# Each platform's library needs of its system what its `linkopts` name, and its answer is its own.
_SOURCES = {
    "darwin_arm64": "int SecRandomCopyBytes(void *, unsigned long, void *);\n"
    "int answer(void) { return SecRandomCopyBytes(0, 0, 0); }\n",
    "linux_amd64": "int answer(void) { return 1; }\n",
    "linux_amd64_musl": "int answer(void) { return 2; }\n",
    "linux_arm64": "double sqrt(double); static volatile double nine = 9;\n"
    "int answer(void) { return (int)sqrt(nine); }\n",
    "windows_amd64": "__declspec(dllimport) int __stdcall WSACleanup(void);\n"
    "int answer(void) { return WSACleanup(); }\n",
}

_MANIFEST = """\
static_library: lib/libanswer.a
headers: [include/**]
include_dirs: [include]
platforms:
  linux_amd64: {}
  linux_amd64_musl: {}
  linux_arm64: {linkopts: [-lm]}
  windows_amd64: {linkopts: [-lws2_32]}
  darwin_arm64: {linkopts: ["-framework Security"]}
"""


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> NativeRelease:
    return NativeRelease(tmp_path / "answer", archive_server, "answer")


def consumer(workspace: MakeWorkspace, release: NativeRelease) -> Workspace:
    """A workspace with the library for every platform, and a toolchain for every one but the host."""
    for platform, source in _SOURCES.items():
        folder = release.built(platform)
        (folder / "include").mkdir()
        (folder / "include/answer.h").write_text(HEADER)
        archive(folder, "lib/libanswer.a", {"answer.c": source}, platform)
    lock = release.publish(_MANIFEST, tuple(_SOURCES))
    made = workspace(
        {
            **zig_files(),
            "BUILD.bazel": _BUILD,
            "main.c": _MAIN_C,
            "main.go": MAIN_GO,
            "answer.lock.json": lock,
        },
        module=MODULE + REGISTER,
    )
    for script in (made.path / "zig").glob("*.sh"):
        script.chmod(0o755)
    return made


def machine_of(program: Path) -> str:
    """The platform that a program's header names."""
    content = program.read_bytes()
    if content[:4] == b"\x7fELF":
        (machine,) = struct.unpack_from("<H", content, 18)
        return {62: "linux_amd64", 183: "linux_arm64"}[machine]
    if content[:2] == b"MZ":
        (at,) = struct.unpack_from("<I", content, 0x3C)
        (machine,) = struct.unpack_from("<H", content, at + 4)
        return {0x8664: "windows_amd64"}[machine]
    magic, cpu = struct.unpack_from("<II", content, 0)
    return {(0xFEEDFACF, 0x0100000C): "darwin_arm64"}[(magic, cpu)]


_ARM64_LIBRARIES = Path("/usr/aarch64-linux-gnu")


def emulated(program: Path) -> str:
    """What a program for an arm64 Linux prints. Root installs the emulator, on a Debian-like system."""
    if shutil.which("qemu-aarch64") is None or not _ARM64_LIBRARIES.exists():
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("no emulator of arm64: apt install qemu-user libc6-arm64-cross")
        install = ["apt-get", "install", "--yes", "--no-install-recommends"]
        subprocess.run([*install, "qemu-user", "libc6-arm64-cross"], check=True)
    command: list[str | Path] = ["qemu-aarch64", "-L", _ARM64_LIBRARIES, program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_each_platform_gets_its_own_prebuilt_and_only_that(
    workspace: MakeWorkspace, release: NativeRelease
) -> None:
    made = consumer(workspace, release)
    for platform in TARGETS:
        release.server.requests.clear()
        made.bazel("build", "//:main_c", "//:main_go", *zig_options(platform)).checked()
        assert release.server.paths() == [release.archive_path(platform)]
        for program in ("main_c", "main_go"):
            output = made.path / "bazel-bin" / program
            assert machine_of(output) == platform.removesuffix("_musl")
            if platform == "linux_amd64_musl":
                assert made.in_root(str(output)).checked().stdout == "2\n"
            elif platform == "linux_arm64":
                assert emulated(output) == "3\n"

    by_flag = ("--platforms=@platforms//host", "--@rules_cgo_prebuilt//rules/libc=musl")
    found = made.bazel("cquery", "deps(@answer)", *by_flag).checked()
    assert "answer__linux_amd64_musl//:lib/libanswer.a" in found.stdout
    assert "answer__linux_amd64//" not in found.stdout
