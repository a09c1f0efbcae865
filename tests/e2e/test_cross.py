"""Cross-compiling with a real Bazel and zig: the right prebuilt, no other, linked for its platform."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import lief
import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.compilers import shared_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.emulators import run_arm64, run_windows, wine_folder
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


def consumer(workspace: MakeWorkspace, lock: bytes) -> Workspace:
    """A workspace with the library, and with a toolchain for every platform but the host's."""
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


def built(release: NativeRelease, platform: str) -> Path:
    """A folder with the library's header, for what is built for a platform."""
    folder = release.built(platform)
    (folder / "include").mkdir()
    (folder / "include/answer.h").write_text(HEADER)
    return folder


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


def test_each_platform_gets_its_own_prebuilt_and_only_that(
    workspace: MakeWorkspace, release: NativeRelease, tmp_path: Path
) -> None:
    for platform, source in _SOURCES.items():
        archive(built(release, platform), "lib/libanswer.a", {"answer.c": source}, platform)
    made = consumer(workspace, release.publish(_MANIFEST, tuple(_SOURCES)))
    windows = wine_folder(tmp_path)
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
                assert run_arm64(output) == "3\n"
            elif platform == "windows_amd64":
                assert run_windows(output, windows).stdout == "-1\n"

    by_flag = ("--platforms=@platforms//host", "--@rules_cgo_prebuilt//rules/libc=musl")
    found = made.bazel("cquery", "deps(@answer)", *by_flag).checked()
    assert "answer__linux_amd64_musl//:lib/libanswer.a" in found.stdout
    assert "answer__linux_amd64//" not in found.stdout


_FOR = "headers: [include/**]\ninclude_dirs: [include]\nplatforms: {{{}: {{}}}}\n"

_DLL = "__declspec(dllexport) int answer(void) { return 42; }\n"


def test_a_program_for_windows_links_the_interface_library_and_runs_with_the_dll(
    workspace: MakeWorkspace, release: NativeRelease, tmp_path: Path
) -> None:
    folder = built(release, "windows_amd64")
    (folder / "lib").mkdir()
    interface = f"-Wl,--out-implib,{folder}/lib/answer.lib"
    shared_library("windows_amd64", _DLL, folder / "bin/answer.dll", interface)
    libraries = "shared_library: bin/answer.dll\ninterface_library: lib/answer.lib\n"
    manifest = libraries + _FOR.format("windows_amd64")
    made = consumer(workspace, release.publish(manifest, ["windows_amd64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("windows_amd64")).checked()
    windows = wine_folder(tmp_path)
    # Bazel puts a C++ program's DLLs beside it; Go's rules leave them in the runfiles.
    outputs = made.path / "bazel-bin"
    assert run_windows(outputs / "main_c", windows).stdout == "42\n"
    alone = Path(shutil.copy(outputs / "main_go", tmp_path))
    assert run_windows(alone, windows).returncode != 0
    found, *_ = (outputs / "main_go.runfiles").rglob("answer.dll")
    assert run_windows(alone, windows, found.parent).stdout == "42\n"


def load_commands(program: Path) -> tuple[list[str], list[str]]:
    """The libraries that a program for macOS loads, and the folders that it looks for them in."""
    parsed = lief.MachO.parse(program)
    assert parsed is not None
    binary = parsed.at(0)
    return [library.name for library in binary.libraries], [rpath.path for rpath in binary.rpaths]


def test_a_program_for_macos_names_the_dylib_and_where_it_is(
    workspace: MakeWorkspace, release: NativeRelease
) -> None:
    folder = built(release, "darwin_arm64")
    name = "-Wl,-install_name,@rpath/libanswer.dylib"
    source = "int answer(void) { return 42; }\n"
    shared_library("darwin_arm64", source, folder / "lib/libanswer.dylib", name)
    manifest = "shared_library: lib/libanswer.dylib\n" + _FOR.format("darwin_arm64")
    made = consumer(workspace, release.publish(manifest, ["darwin_arm64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("darwin_arm64")).checked()
    for program in ("main_c", "main_go"):
        output = made.path / "bazel-bin" / program
        libraries, folders = load_commands(output)
        assert "@rpath/libanswer.dylib" in libraries
        beside = [folder.replace("@loader_path", str(output.parent)) for folder in folders]
        assert any(Path(folder, "libanswer.dylib").exists() for folder in beside), folders


def test_a_program_for_macos_has_all_of_an_archive_and_its_frameworks(
    workspace: MakeWorkspace, release: NativeRelease
) -> None:
    folder = built(release, "darwin_arm64")
    plugin = {
        "answer.c": _SOURCES["darwin_arm64"],
        "plugin.c": "int nobody_calls(void) { return 1; }\n",
    }
    archive(folder, "lib/libanswer.a", plugin, "darwin_arm64")
    whole = "static_library: lib/libanswer.a\nalwayslink: lib/libanswer.a\n"
    manifest = f"{whole}linkopts: ['-framework Security']\n" + _FOR.format("darwin_arm64")
    made = consumer(workspace, release.publish(manifest, ["darwin_arm64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("darwin_arm64")).checked()
    for program in ("main_c", "main_go"):
        output = made.path / "bazel-bin" / program
        parsed = lief.MachO.parse(output)
        assert parsed is not None
        assert "_nobody_calls" in {str(symbol.name) for symbol in parsed.at(0).symbols}
        assert any("Security.framework" in library for library in load_commands(output)[0])
