"""Cross-compiling with a real Bazel and zig: the right prebuilt, no other, linked for its platform."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import lief
import pytest
import yaml

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Tools, Workspace
from tests.e2e.compilers import shared_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.emulators import run_arm64, run_windows, wine_folder
from tests.e2e.native_release import MAIN_GO, NativeRelease, archive
from tests.e2e.reader import make_reader, shut_down
from tests.e2e.release import MODULE
from tests.e2e.zig_toolchain import REGISTER, zig_files, zig_options
from tests.guide import read_guide

# On a new machine, zig first compiles the C library of each platform.
pytestmark = pytest.mark.timeout(1200)

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

# Each platform's library needs the system libraries in its `linkopts`, and has a different answer.
_SOURCES = {
    "darwin_arm64": "int SecRandomCopyBytes(void *, unsigned long, void *);\n"
    "int answer(void) { return SecRandomCopyBytes(0, 0, 0); }\n",
    "linux_amd64": "int answer(void) { return 1; }\n",
    "linux_amd64_musl": "int answer(void) { return 2; }\n",
    "linux_arm64": "double sqrt(double); double square(void);\n"
    "int answer(void) { return (int)sqrt(square()); }\n",
    "windows_amd64": "__declspec(dllimport) int __stdcall WSACleanup(void);\n"
    "int answer(void) { return WSACleanup(); }\n",
}

# The first archive needs the second, and the second needs another object of the first.
_ARM64_REST = "double root(void) { return 3; }\n"
_ARM64_SECOND = "double root(void); double square(void) { return root() * root(); }\n"

_MANIFEST = """\
static_library: lib/libanswer.a
headers: [include/**]
include_dirs: [include]
platforms:
  linux_amd64: {}
  linux_amd64_musl: {}
  linux_arm64:
    static_library: &both [lib/libanswer.a, lib/libsecond.a]
    circular: *both
    linkopts: [-lm]
  windows_amd64: {linkopts: [-lws2_32]}
  darwin_arm64: {linkopts: ["-framework Security"]}
"""


def consumer(workspace: MakeWorkspace, lock: bytes, *, target_in_flags: bool = False) -> Workspace:
    """A workspace with the library, and with a toolchain for every platform but the host's."""
    made = workspace(
        {
            **zig_files(target_in_flags=target_in_flags),
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


@pytest.mark.parametrize(
    "platforms",
    [
        ("linux_amd64_musl", "linux_arm64"),
        pytest.param(("darwin_arm64", "windows_amd64"), marks=pytest.mark.slow),
    ],
)
def test_each_platform_gets_its_own_prebuilt_and_only_that(
    platforms: tuple[str, ...],
    workspace: MakeWorkspace,
    native_release: NativeRelease,
    tmp_path: Path,
) -> None:
    for platform, source in _SOURCES.items():
        folder, sources = native_release.built_with_header(platform), {"answer.c": source}
        if platform == "linux_arm64":
            archive(folder, "lib/libsecond.a", {"second.c": _ARM64_SECOND}, platform)
            sources["rest.c"] = _ARM64_REST
        archive(folder, "lib/libanswer.a", sources, platform)
    made = consumer(workspace, native_release.publish(_MANIFEST, tuple(_SOURCES)))
    for platform in platforms:
        native_release.server.requests.clear()
        made.bazel("build", "//:main_c", "//:main_go", *zig_options(platform)).checked()
        assert native_release.server.paths() == [native_release.archive_path(platform)]
        for program in ("main_c", "main_go"):
            output = made.path / "bazel-bin" / program
            assert machine_of(output) == platform.removesuffix("_musl")
            if platform == "linux_amd64_musl":
                assert made.in_root(str(output)).checked().stdout == "2\n"
            elif platform == "linux_arm64":
                assert run_arm64(output) == "3\n"
            elif platform == "windows_amd64":
                windows = wine_folder(tmp_path / program)
                assert run_windows(output, windows).stdout == "-1\n"

    by_flag = ("--platforms=@platforms//host", "--@rules_cgo_prebuilt//rules/libc=musl")
    found = made.bazel("cquery", "deps(@answer)", *by_flag).checked()
    assert "answer__linux_amd64_musl//:lib/libanswer.a" in found.stdout
    assert "answer__linux_amd64//" not in found.stdout


def test_an_archive_is_joined_if_the_toolchains_flags_name_the_target_in_two_words(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header("linux_arm64")
    plugin = {
        "answer.c": "int sum; int answer(void) { return sum; }\n",
        "plugin.c": "extern int sum;\n"
        "__attribute__((constructor)) static void plug(void) { sum += 42; }\n",
    }
    archive(folder, "lib/libanswer.a", plugin, "linux_arm64")
    whole = "static_library: lib/libanswer.a\nalwayslink: lib/libanswer.a\n"
    lock = native_release.publish(whole + _FOR.format("linux_arm64"), ["linux_arm64"])
    made = consumer(workspace, lock, target_in_flags=True)
    made.bazel("build", "//:main_c", *zig_options("linux_arm64")).checked()
    assert run_arm64(made.path / "bazel-bin/main_c") == "42\n"


_FOR = "headers: [include/**]\ninclude_dirs: [include]\nplatforms: {{{}: {{}}}}\n"

_DLL = "__declspec(dllexport) int answer(void) { return 42; }\n"


@pytest.mark.slow
def test_a_program_for_windows_links_the_interface_library_and_runs_with_the_dll(
    workspace: MakeWorkspace, native_release: NativeRelease, tmp_path: Path
) -> None:
    folder = native_release.built_with_header("windows_amd64")
    (folder / "lib").mkdir()
    interface = f"-Wl,--out-implib,{folder}/lib/answer.lib"
    shared_library("windows_amd64", _DLL, folder / "bin/answer.dll", interface)
    libraries = "shared_library: bin/answer.dll\ninterface_library: lib/answer.lib\n"
    manifest = libraries + _FOR.format("windows_amd64")
    made = consumer(workspace, native_release.publish(manifest, ["windows_amd64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("windows_amd64")).checked()
    windows = wine_folder(tmp_path)
    # Bazel puts a C++ program's DLLs beside it; Go's rules leave them in the runfiles.
    outputs = made.path / "bazel-bin"
    assert run_windows(outputs / "main_c", windows).stdout == "42\n"
    alone = Path(shutil.copy(outputs / "main_go", tmp_path))
    assert run_windows(alone, windows).returncode != 0
    found, *_ = (outputs / "main_go.runfiles").rglob("answer.dll")
    assert run_windows(alone, windows, found.parent).stdout == "42\n"


def mach_o(program: Path) -> lief.MachO.Binary:
    """Parse a program for macOS, with one architecture."""
    parsed = lief.MachO.parse(program)
    assert parsed is not None
    binary = parsed.at(0)
    assert binary is not None
    return binary


@pytest.mark.slow
def test_a_program_for_macos_names_the_dylib_and_its_folder(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header("darwin_arm64")
    name = "-Wl,-install_name,@rpath/libanswer.dylib"
    source = "int answer(void) { return 42; }\n"
    shared_library("darwin_arm64", source, folder / "lib/libanswer.dylib", name)
    manifest = "shared_library: lib/libanswer.dylib\n" + _FOR.format("darwin_arm64")
    made = consumer(workspace, native_release.publish(manifest, ["darwin_arm64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("darwin_arm64")).checked()
    for program in ("main_c", "main_go"):
        output = made.path / "bazel-bin" / program
        loads = mach_o(output)
        assert "@rpath/libanswer.dylib" in [library.name for library in loads.libraries]
        folders = [rpath.path for rpath in loads.rpaths]
        beside = [folder.replace("@loader_path", str(output.parent)) for folder in folders]
        assert any(Path(folder, "libanswer.dylib").exists() for folder in beside), folders


@pytest.mark.slow
def test_a_program_for_macos_links_a_whole_archive_and_its_frameworks(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header("darwin_arm64")
    plugin = {
        "answer.c": _SOURCES["darwin_arm64"],
        "plugin.c": "int nobody_calls(void) { return 1; }\n",
    }
    archive(folder, "lib/libanswer.a", plugin, "darwin_arm64")
    whole = "static_library: lib/libanswer.a\nalwayslink: lib/libanswer.a\n"
    manifest = f"{whole}linkopts: ['-framework Security']\n" + _FOR.format("darwin_arm64")
    made = consumer(workspace, native_release.publish(manifest, ["darwin_arm64"]))
    made.bazel("build", "//:main_c", "//:main_go", *zig_options("darwin_arm64")).checked()
    for program in ("main_c", "main_go"):
        output = made.path / "bazel-bin" / program
        binary = mach_o(output)
        assert "_nobody_calls" in {str(symbol.name) for symbol in binary.symbols}
        assert any("Security.framework" in library.name for library in binary.libraries)


@pytest.mark.slow
def test_the_guide(bazel_tools: Tools, tmp_path: Path, archive_server: ArchiveServer) -> None:
    blocks = read_guide("docs/cross.md")
    release = NativeRelease(tmp_path / "tally", archive_server, "tally")
    for platform, source in _SOURCES.items():
        folder = release.built(platform)
        (folder / "include").mkdir()
        (folder / "include/tally.h").write_text("int tally_words(void);\n")
        sources = {"tally.c": source.replace("answer", "tally_words")}
        if platform == "linux_arm64":
            sources |= {"rest.c": _ARM64_REST, "second.c": _ARM64_SECOND}
        archive(folder, "lib/libtally.a", sources, platform)
    (shown,) = (block for block in blocks if block.file == "prebuilt.yaml")
    manifest = yaml.safe_load(shown.text)
    for key in ("name", "version", "urls", "archives"):
        del manifest[key]
    lock = release.publish(yaml.safe_dump(manifest), tuple(_SOURCES))

    reader = make_reader(tmp_path, bazel_tools)
    options = " ".join(zig_options("linux_arm64")[1:])
    files = {"BUILD.bazel": b"", "tally.lock.json": lock}
    given = {f"third_party/{name}": content for name, content in files.items()}
    for name, text in zig_files().items():
        content = text if isinstance(text, bytes) else text.encode()
        given[name.replace("zig/", "toolchains/", 1)] = content
    for name, content in given.items():
        file = reader.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755)
    try:
        reader.checked(blocks, {"bazel build": f"bazel build {options}"})
    finally:
        shut_down(reader)
    for platform in ("linux_arm64", "darwin_arm64"):
        assert machine_of(reader.folder / f"words_{platform}") == platform
    assert run_arm64(reader.folder / "words_linux_arm64") == "tally 3\n"
    words = run_windows(reader.folder / "words.exe", wine_folder(tmp_path))
    assert words.stdout == "tally -1\n"
