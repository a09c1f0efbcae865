"""`init`: releases in the shapes that people publish, described and locked."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from cgo_prebuilt.locks.lock_file import read_lock
from tests.e2e.compilers import shared_library
from tests.github_server import GitHubServer
from tests.unit.command_case import Answer, Run, runner
from tests.unit.drafting_case import (
    ANDROID_NOTE,
    archive,
    coff,
    dll,
    elf,
    fat,
    mach_o,
    short_import,
    write_tar,
    write_zip,
)

LINUX = archive(elf(kind=1))
HEADER = b"int vec(void);\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "dist").mkdir()
    return runner(tmp_path, monkeypatch, capsys)


def drafted(run: Run, *options: str) -> dict[str, Any]:
    """The manifest that `init` writes for the folder `dist`, which it locks, too."""
    answer = run("init", "dist", *options)
    assert answer.code == 0, answer.err
    assert Path("prebuilt.lock.json").exists()
    manifest: dict[str, Any] = yaml.safe_load(Path("prebuilt.yaml").read_text())
    return manifest


def locked_files(platform: str) -> list[str]:
    (locked,) = read_lock(Path("prebuilt.lock.json")).versions.values()
    (found,) = (one for _, name, one in locked.prebuilts() if name == platform)
    return sorted(file.path for file in found.files())


def test_an_archive_for_each_platform_is_one_entry_with_a_name_map(run: Run) -> None:
    libraries = {
        "linux-x64": ("lib/libvec.so.1.2.0", elf()),
        "linux-aarch64": ("lib/libvec.so.1.2.0", elf("arm64")),
        "osx-arm64": ("lib/libvec.1.2.0.dylib", mach_o()),
    }
    for name, (path, data) in libraries.items():
        folder = f"vec-{name}-1.2.0"
        write_tar(
            Path(f"dist/vec-{name}-1.2.0.tgz"),
            {
                f"{folder}/{path}": data,
                f"{folder}/include/vec.h": HEADER,
                f"{folder}/LICENSE": b"MIT\n",
            },
        )
    Path("dist/SHA256SUMS").write_text("")
    manifest = drafted(run)
    assert manifest["name"] == "vec"
    assert manifest["version"] == "1.2.0"
    assert manifest["archives"] == [
        {"file": "vec-{os}-{arch}-{version}.tgz", "strip_prefix": "vec-{os}-{arch}-{version}"}
    ]
    assert manifest["headers"] == ["include/**"]
    assert manifest["include_dirs"] == ["include"]
    assert manifest["licenses"] == ["LICENSE"]
    assert manifest["platforms"] == {
        "darwin_arm64": {"names": {"os": "osx"}, "shared_library": "lib/libvec.dylib"},
        "linux_amd64": {"names": {"arch": "x64"}},
        "linux_arm64": {"names": {"arch": "aarch64"}},
    }
    assert manifest["shared_library"] == "lib/libvec.so"
    text = Path("prebuilt.yaml").read_text()
    assert "# left out, checksums: SHA256SUMS" in text
    assert "# `linux`, `x64` in the file's name and the header of libvec.so.1.2.0" in text


def test_one_archive_may_have_all_platforms(run: Run) -> None:
    files = {
        "native/lib/linux_amd64/libvec.a": LINUX,
        "native/lib/linux_arm64/libvec.a": archive(elf("arm64", 1)),
        "native/lib/darwin_arm64/libvec.a": archive(mach_o(kind=1)),
        "native/lib/windows-gnu_amd64/libvec.a": archive(coff()),
        "native/include/vec.h": HEADER,
    }
    write_tar(Path("dist/vec-v0.1.2.tar.gz"), files)
    manifest = drafted(run)
    assert manifest["archives"] == [{"file": "vec-{version}.tar.gz", "strip_prefix": "native"}]
    assert manifest["static_library"] == "lib/{os}_{arch}/libvec.a"
    assert manifest["platforms"]["windows_amd64"] == {"names": {"os": "windows-gnu"}}
    assert locked_files("windows_amd64") == ["include/vec.h", "lib/windows-gnu_amd64/libvec.a"]


def test_a_go_module_says_by_its_directives_what_is_linked(run: Run) -> None:
    root = "example.com/vec-go@v1.2.3"
    source = (
        "package vec\n\n// #cgo CFLAGS: -I${SRCDIR}/native/include -DVEC=1\n"
        "// #cgo linux,amd64 LDFLAGS: -L${SRCDIR}/native/linux -lvec -lvec_base -lm\n"
        "// #cgo darwin LDFLAGS: -framework Security\n"
        'import "C"\n'
    )
    write_zip(
        Path("dist/v1.2.3.zip"),
        {
            f"{root}/vec.go": source.encode(),
            f"{root}/native/linux/libvec.a": LINUX,
            f"{root}/native/linux/libvec_base.a": LINUX,
            f"{root}/native/linux/libother.a": LINUX,
            f"{root}/native/include/vec.h": HEADER,
        },
    )
    manifest = drafted(run)
    assert manifest["archives"] == [
        {"file": "{version}.zip", "strip_prefix": "example.com/vec-go@{version}/native"}
    ]
    assert manifest["static_library"] == ["linux/libvec.a", "linux/libvec_base.a"]
    assert manifest["linkopts"] == ["-lm"]
    assert manifest["defines"] == ["VEC=1"]
    assert (
        "also there, and not linked: example.com/vec-go@v1.2.3/native/linux/libother.a"
        in " ".join(Path("prebuilt.yaml").read_text().replace("\n#  ", "").split())
    )


def test_a_go_module_may_name_the_files_that_it_links(run: Run) -> None:
    module = "github.com/acme/vec@v1.0.0"
    files = {
        f"{module}/cflags.go": b"package vec\n"
        b"// #cgo LDFLAGS: -L${SRCDIR}/lib -l:base.a -l:libui3.a -lgdi32\n",
        f"{module}/lib/base.a": archive(coff()),
        f"{module}/lib/libui3.a": archive(coff()),
        f"{module}/lib/libother.a": archive(coff()),
    }
    write_zip(Path("dist/v1.0.0.zip"), files)
    manifest = drafted(run)
    assert manifest["static_library"] == ["lib/base.a", "lib/libui3.a"]
    assert manifest["linkopts"] == ["-lgdi32"]


def test_what_a_go_module_has_for_other_systems_is_left_out(run: Run) -> None:
    root = "example.com/vec-go@v1.2.3"
    files = {f"{root}/lib/libvec_linux_amd64.a": LINUX, f"{root}/vec.h": HEADER}
    line = "// #cgo LDFLAGS: -L${SRCDIR}/lib -l"
    for system in ("linux", "illumos", "aix", "dragonfly", "plan9", "wasip1", "hurd"):
        library = f"vec_{system}_amd64"
        source = f'package vec\n\n{line}{library}\nimport "C"\n'
        files[f"{root}/link_{system}_amd64.go"] = source.encode()
        files[f"{root}/lib/lib{library}.a"] = LINUX
    files[f"{root}/android/libvec.a"] = LINUX
    write_zip(Path("dist/v1.2.3.zip"), files)
    manifest = drafted(run)
    assert locked_files("linux_amd64") == ["lib/libvec_linux_amd64.a", "vec.h"]
    assert list(manifest["platforms"]) == ["linux_amd64"]
    assert "illumos" not in Path("prebuilt.yaml").read_text()


@pytest.mark.parametrize(
    ("file", "link_name"),
    [
        ("libusb-1.0.dylib", "libusb-1.0.dylib"),
        ("libusb-1.0.0.dylib", "libusb-1.0.dylib"),
        ("libusb.1.0.dylib", "libusb.dylib"),
        ("libLLVM-17.0.6.dylib", "libLLVM-17.0.dylib"),
    ],
)
def test_a_number_that_is_part_of_a_name_is_no_version(run: Run, file: str, link_name: str) -> None:
    files = {f"lib/{file}": mach_o(), "include/usb.h": HEADER}
    write_tar(Path("dist/usb-1.0.0-osx-arm64.tgz"), files)
    assert drafted(run)["shared_library"] == f"lib/{link_name}"
    assert f"lib/{link_name}" in locked_files("darwin_arm64")


def test_pkg_config_and_cmake_files_are_evidence(run: Run) -> None:
    config = (
        "prefix=/usr\nlibdir=${prefix}/lib\nName: vec\nLibs: -L${libdir} -lvec\nLibs.private: -lm -lz\n"
        "Cflags: -I${prefix}/include/vec-1 -DVEC_STATIC\n"
    )
    targets = 'X INTERFACE_LINK_LIBRARIES "\\$<LINK_ONLY:Threads::Threads>"'
    write_tar(
        Path("dist/vec-1.0.0-linux-amd64.tar.gz"),
        {
            "usr/lib/libvec.a": archive(elf(kind=1), symbols=b"\0dlopen\0pow\0"),
            "usr/lib/pkgconfig/vec.pc": config.encode(),
            "usr/lib/cmake/vec/vecTargets.cmake": targets.encode(),
            "usr/include/vec-1/vec.h": HEADER,
        },
    )
    manifest = drafted(run)
    assert manifest["include_dirs"] == ["include/vec-1"]
    assert manifest["defines"] == ["VEC_STATIC"]
    assert manifest["linkopts"] == ["-lm", "-ldl"]
    assert "vec.pc has -lz, too" in Path("prebuilt.yaml").read_text()


def test_headers_may_be_in_another_file_and_need_several_folders(run: Run) -> None:
    write_tar(Path("dist/libvec-linux-x64-1.0.0.tgz"), {"package/lib/libvec.so": elf()})
    write_tar(
        Path("dist/libvec-dev-1.0.0.tgz"),
        {
            "package/include/vec/vec.h": b"#include <glib.h>\n#include <stdio.h>\n",
            "package/include/glib-2.0/glib.h": b"#include <glibconfig.h>\n",
            "package/lib/glib-2.0/include/glibconfig.h": b"",
            "package/include/unrelated/stdio.h": b"",
        },
    )
    manifest = drafted(run)
    assert [entry["file"] for entry in manifest["archives"]] == [
        "libvec-linux-x64-{version}.tgz",
        "libvec-dev-{version}.tgz",
    ]
    assert manifest["include_dirs"] == [
        "include",
        "lib/glib-2.0/include",
        "include/glib-2.0",
    ]


def test_loose_files_get_the_places_that_a_package_would_have(run: Run) -> None:
    Path("dist/libvec-linux_amd64.a").write_bytes(LINUX)
    Path("dist/libvec-darwin_arm64.a").write_bytes(archive(mach_o(kind=1)))
    Path("dist/vec.h").write_bytes(HEADER)
    manifest = drafted(run, "--version", "v1.0.0")
    assert manifest["archives"] == [
        {"file": "libvec-{os}_{arch}.a", "path": "lib/libvec.a"},
        {"file": "vec.h", "path": "include/vec.h"},
    ]
    assert manifest["platforms"] == {"darwin_arm64": {}, "linux_amd64": {}}


def test_a_dll_has_its_import_library(run: Run) -> None:
    write_zip(
        Path("dist/vec-1.0.0-win-x64.zip"),
        {"bin/vec-1.dll": dll(), "lib/vec.lib": archive(short_import()), "include/vec.h": HEADER},
    )
    manifest = drafted(run)
    assert manifest["shared_library"] == "bin/vec-1.dll"
    assert manifest["interface_library"] == "lib/vec.lib"


def test_a_dll_may_have_the_size_of_an_address_in_its_name(run: Run) -> None:
    files = {
        "sdk/linux64/libvec.so": elf(),
        "sdk/win64/vec64.dll": dll(),
        "sdk/win64/vec64.lib": archive(short_import()),
        "sdk/more/more64.dll": dll(),  # no other library is called `more`
        "sdk/include/vec.h": HEADER,
    }
    write_zip(Path("dist/vec-1.0.0.zip"), files)
    platforms = drafted(run, "--yes")["platforms"]
    assert platforms["linux_amd64"]["shared_library"] == "linux64/libvec.so"
    assert platforms["windows_amd64"]["shared_library"] == "win64/vec64.dll"
    assert platforms["windows_amd64"]["interface_library"] == "win64/vec64.lib"


def test_a_dll_with_a_version_and_a_static_library_are_two_forms_of_one(run: Run) -> None:
    files = {
        "bin/vecrt64_12.dll": dll(),
        "lib/x64/vecrt.lib": archive(short_import()),
        "lib/x64/vecrt_static.lib": archive(coff()),
    }
    write_zip(Path("dist/vecrt-1.0.0-win-x64.zip"), files)
    assert "interface_library" not in drafted(run, "--yes")
    run("init", "dist", "--force").refused(2, "the draft leaves 1 choice to you")
    text = Path("prebuilt.yaml").read_text()
    assert "Which do programs link?" in text
    assert "Which libraries do programs link?" not in text


def test_the_import_library_of_gnus_linker_names_its_dll(run: Run) -> None:
    head = struct.pack("<2H", 0x8664, 1) + bytes(16) + b".idata$7".ljust(40, b"\0")
    files = {
        f"usr/{arch}-w64-mingw32/{name}": content
        for arch in ("x86_64", "i686")
        for name, content in {
            "lib/libz.a": archive(coff()),
            "lib/libz.dll.a": archive(head + b"\0" * 40, head + b"zlib1.dll\0"),
            "lib/zlib1.dll": dll(),
            "include/zlib.h": HEADER,
        }.items()
        if arch == "x86_64" or name == "include/zlib.h"
    }
    write_tar(Path("dist/libz-mingw-w64-1.2.0.tgz"), files)
    manifest = drafted(run, "--yes")
    assert manifest["static_library"] == "lib/libz.a"
    assert manifest["headers"] == ["include/**"]
    assert manifest["archives"][0]["strip_prefix"] == "usr/x86_64-w64-mingw32"
    del files["usr/x86_64-w64-mingw32/lib/libz.a"]
    write_tar(Path("dist/libz-mingw-w64-1.2.0.tgz"), files)
    manifest = drafted(run, "--yes", "--force")
    assert manifest["shared_library"] == "lib/zlib1.dll"
    assert manifest["interface_library"] == "lib/libz.dll.a"


def test_import_libraries_alone_are_linked(run: Run) -> None:
    files = {"sdk/lib/x64/pcap.lib": archive(short_import()), "sdk/include/pcap.h": HEADER}
    write_zip(Path("dist/pcap-sdk-1.13.0-win-x64.zip"), files)
    assert drafted(run)["static_library"] == "lib/x64/pcap.lib"


def test_a_static_form_may_be_named_without_a_separator(run: Run) -> None:
    files = {"x64/VecStatic.lib": archive(coff()), "x64/Vec.dll": dll()}
    write_zip(Path("dist/vec-1.0.0-win-x64.zip"), files)
    manifest = drafted(run, "--yes")
    assert manifest["static_library"] == "VecStatic.lib"
    assert "shared_library" not in manifest


def test_the_runtime_of_the_compiler_is_linked_only_where_it_is_needed(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "built"
    library = shared_library("windows_amd64", "int v;\n", folder / "vec3.dll").read_bytes()
    files = {"vec/vec3.dll": library, "vec/msvcr120.dll": dll(), "vec/vec.h": HEADER}
    write_zip(Path("dist/vec-1.0.0-win-x64.zip"), files)
    assert drafted(run)["shared_library"] == "vec3.dll"


def test_a_dll_brings_those_of_the_release_that_it_needs(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    base = shared_library(
        "windows_amd64",
        "__declspec(dllexport) int b(void) { return 1; }\n",
        folder / "MSVCP140.dll",
    )
    source = "int b(void); __declspec(dllexport) int v(void) { return b(); }\n"
    library = shared_library("windows_amd64", source, folder / "vec.dll", str(base))
    files = {"vec/vec.dll": library.read_bytes(), "libs/msvcp140.dll": base.read_bytes()}
    write_zip(Path("dist/vec-1.0.0-win-x64.zip"), files)
    assert drafted(run)["shared_library"] == ["vec/vec.dll", "libs/msvcp140.dll"]


def test_the_same_library_in_another_folder_is_told(run: Run) -> None:
    files = {"vec/wayland/libvec.so": elf(), "vec/x11/libvec.so": elf()}
    write_tar(Path("dist/vec-1.0.0-linux-x64.tgz"), files)
    assert drafted(run)["shared_library"] == "libvec.so"
    assert "also there, and not linked: vec/x11/libvec.so" in Path("prebuilt.yaml").read_text()


def test_a_build_of_a_version_is_a_part_of_the_version(run: Run) -> None:
    files = {
        "linux/amd64/libvec-jni-1.5.7-4.so": elf(),
        "linux/aarch64/libvec-jni-1.5.7-4.so": elf("arm64"),
        "win/amd64/libvec-jni-1.5.7-4.dll": dll(),
    }
    write_zip(Path("dist/vec-jni-1.5.7-4.jar"), files)
    manifest = drafted(run)
    assert (manifest["name"], manifest["version"]) == ("vec-jni", "1.5.7-4")
    assert manifest["archives"] == [{"file": "vec-jni-{version}.jar"}]


def test_a_library_that_more_files_are_named_after_gives_the_name(run: Run) -> None:
    files = {"libcurses-dev": ("curses.a", "tinfo.a"), "libcurses6": ("curses.so.6",)}
    for name, libraries in {**files, "libtinfo6": ("tinfo.so.6",)}.items():
        content = {f"lib/lib{one}": LINUX if one.endswith(".a") else elf() for one in libraries}
        write_tar(Path(f"dist/{name}-6.4.0-linux-x64.tgz"), content)
    assert drafted(run, "--yes")["name"] == "curses"


def test_static_libraries_beside_a_shared_one_have_no_known_order(run: Run) -> None:
    files = {"lib/liba.a": LINUX, "lib/libb.a": LINUX, "kit.libs/libc.so.1": elf()}
    write_tar(Path("dist/kit-1.0.0-linux-x64.tgz"), files)
    manifest = drafted(run, "--yes")
    assert manifest["shared_library"] == "kit.libs/libc.so"
    assert manifest["circular"] == manifest["static_library"] == ["lib/liba.a", "lib/libb.a"]


def test_the_pc_file_with_the_very_name_is_taken(run: Run) -> None:
    files = {
        "lib/libvec++.a": LINUX,
        "lib/libvec.a": LINUX,
        "lib/pkgconfig/vec++.pc": b"Libs: -L/lib -lvec++\n",
        "lib/pkgconfig/vec.pc": b"Libs: -L/lib -lvec\n",
    }
    write_tar(Path("dist/vec-1.0.0-linux-x64.tgz"), files)
    assert drafted(run)["static_library"] == "lib/libvec.a"


def test_the_name_of_a_library_has_no_version(run: Run) -> None:
    write_tar(Path("dist/kit-1.2.0-linux-x64.tgz"), {"lib/libvec-1.2.0.so": elf()})
    assert drafted(run, "--yes")["name"] == "vec"


def test_include_folders_of_bundled_sources_are_not_the_librarys(run: Run) -> None:
    module = "github.com/acme/vec@v1.0.0"
    files = {
        f"{module}/lib/linux/x64/vec.a": LINUX,
        f"{module}/wrappers/vec.h": HEADER,
        f"{module}/wrappers/editor/vendor1/regex/include/boost/regex.h": HEADER,
        f"{module}/other/wrapper.h": HEADER,
        f"{module}/thirdparty.go": b"package vec\n",
        f"{module}/LICENSE": b"MIT",
    }
    write_zip(Path("dist/v1.0.0.zip"), files)
    manifest = drafted(run)
    assert manifest["headers"] == ["wrappers/*.h"]
    assert manifest["include_dirs"] == ["wrappers"]
    assert manifest["licenses"] == ["LICENSE"]


def test_a_framework_is_for_macos_alone(run: Run) -> None:
    cmake = b'INTERFACE_LINK_LIBRARIES "-lvecmath;-framework CoreServices"\n'
    files = {"lib/libvec.a": archive(coff()), "lib/cmake/vecTargets.cmake": cmake}
    write_zip(Path("dist/vec-1.0.0-win-x64.zip"), files)
    assert drafted(run)["linkopts"] == ["-lvecmath"]


def test_debug_builds_beside_the_others_are_a_flavor(run: Run) -> None:
    files = {
        "lib/libvec.a": LINUX,
        "debug/lib/libvec.a": archive(elf(kind=1), elf(kind=1)),
        "include/vec.h": HEADER,
    }
    write_tar(Path("dist/vec-1.0.0-linux-x64.tar.gz"), files)
    manifest = drafted(run)
    assert manifest["static_library"] == "lib/libvec.a"
    assert manifest["flavors"] == {
        "release": {},
        "debug": {"platforms": {"linux_amd64": {"static_library": "debug/lib/libvec.a"}}},
    }


def test_variants_of_known_kinds_are_flavors(run: Run) -> None:
    for variant in ("", "-gpu"):
        for arch, name in (("amd64", "x64"), ("arm64", "aarch64")):
            files = {"lib/libvec.so": elf(arch) + variant.encode(), "include/vec.h": HEADER}
            write_tar(Path(f"dist/vec-linux-{name}{variant}-1.0.0.tgz"), files)
    manifest = drafted(run)
    assert list(manifest["flavors"]) == ["standard", "gpu"]
    assert manifest["archives"] == [{"file": "vec-{os}-{arch}-{version}.tgz"}]


def test_of_one_file_in_several_formats_and_for_several_toolchains_one_is_taken(run: Run) -> None:
    files: Mapping[str, bytes] = {"lib/libvec.a": LINUX, "include/vec.h": HEADER}
    write_tar(Path("dist/vec-1.0.0-linux-x64.tar.gz"), files)
    write_zip(Path("dist/vec-1.0.0-linux-x64.zip"), files)
    for toolchain in ("gnu", "msvc"):
        windows = {"lib/libvec.a": archive(coff()), "include/vec.h": HEADER}
        write_zip(Path(f"dist/vec-1.0.0-x86_64-pc-windows-{toolchain}.zip"), windows)
    drafted(run)
    assert "vec-1.0.0-linux-x64.zip" not in Path("prebuilt.lock.json").read_text()
    assert "windows-gnu.zip" in Path("prebuilt.lock.json").read_text()
    assert "windows-msvc.zip" not in Path("prebuilt.lock.json").read_text()


def test_loose_files_are_taken_before_one_archive_with_everything(run: Run) -> None:
    """LanceDB publishes both; its Windows library is in the archive only."""
    everything = {
        "lib/linux_amd64/libvec.a": LINUX,
        "lib/darwin_arm64/libvec.a": archive(mach_o(kind=1)),
        "lib/windows-gnu_amd64/libvec.a": archive(coff()),
        "include/vec.h": HEADER,
    }
    write_tar(Path("dist/vec-native-binaries.tar.gz"), everything)
    Path("dist/libvec-linux-amd64.a").write_bytes(LINUX)
    Path("dist/libvec-linux-arm64.a").write_bytes(archive(elf("arm64", 1)))
    Path("dist/libvec-darwin-arm64.a").write_bytes(archive(mach_o(kind=1)))
    Path("dist/vec.h").write_bytes(HEADER)
    manifest = drafted(run, "--version", "v0.1.2", "--yes")
    assert [entry["file"] for entry in manifest["archives"]] == ["libvec-{os}-{arch}.a", "vec.h"]
    windows = manifest["platforms"]["windows_amd64"]
    assert windows["archives"] == [{"file": "vec-native-binaries.tar.gz"}]
    assert locked_files("linux_arm64") == ["include/vec.h", "lib/libvec.a"]


def test_folders_with_random_names_and_universal_libraries(run: Run) -> None:
    """As filecoin-ffi publishes them, in two variants."""
    config = b"prefix=/x\nName: vec\nLibs: -L${prefix} -lvec -lhwloc -lm\nCflags: -I${prefix}\n"
    for variant in ("standard", "optimized"):
        for number, (name, arch) in enumerate({"x86_64": "amd64", "aarch64": "arm64"}.items()):
            folder = f"tmp/tmp.kq{number}{variant[0]}9J"
            library = archive(elf(arch, 1), symbols=variant.encode())
            write_tar(
                Path(f"dist/vec-Linux-{name}-{variant}.tar.gz"),
                {
                    f"{folder}/libvec.a": library,
                    f"{folder}/vec.h": HEADER,
                    f"{folder}/vec.pc": config,
                },
            )
    universal = fat({"amd64": archive(mach_o("amd64", 1)), "arm64": archive(mach_o("arm64", 1))})
    write_tar(
        Path("dist/vec-Darwin-standard.tar.gz"),
        {"tmp/tmp.0a9/libvec.a": universal, "tmp/tmp.0a9/vec.h": HEADER},
    )
    manifest = drafted(run, "--version", "v1.2.3")
    assert list(manifest["platforms"]) == [
        "darwin_amd64",
        "darwin_arm64",
        "linux_amd64",
        "linux_arm64",
    ]
    assert list(manifest["flavors"]) == ["standard", "optimized"]
    assert list(manifest["flavors"]["optimized"]["platforms"]) == ["linux_amd64", "linux_arm64"]
    assert {entry["strip_prefix"] for entry in manifest["archives"]} == {"tmp/*"}
    assert manifest["linkopts"] == ["-lhwloc", "-lm"]
    assert manifest["platforms"]["darwin_arm64"]["linkopts"] == []


def both_forms() -> None:
    files = {"lib/libvec.a": LINUX, "lib/libvec.so": elf(), "include/vec.h": HEADER}
    write_tar(Path("dist/vec-1.0.0-linux-x64.tar.gz"), files)


def test_what_nothing_tells_is_left_to_the_person(run: Run) -> None:
    both_forms()
    answer = run("init", "dist")
    answer.refused(2, "the draft leaves 1 choice to you", "decide each `# choose:`", "--yes")
    assert not Path("prebuilt.lock.json").exists()
    text = Path("prebuilt.yaml").read_text()
    assert "# choose: The release has static and shared libraries. Which do programs link?" in text
    assert "\n# static_library: lib/libvec.a\n" in text
    Path("prebuilt.yaml").write_text(text.replace("# static_library", "static_library"))
    assert run("lock", "prebuilt.yaml").code == 0


def test_a_guess_is_taken_where_that_is_said_and_is_told(run: Run) -> None:
    both_forms()
    answer = run("init", "dist", "--yes", "--json")
    assert "guess: The release has static and shared libraries." in answer.err
    assert "# guessed: The release has static" in Path("prebuilt.yaml").read_text()
    document = json.loads(answer.out)
    assert document["platforms"] == ["linux_amd64"]
    assert document["lock"] == "prebuilt.lock.json"
    assert [(one["key"], one["taken"]) for one in document["choices"]] == [("form", 0)]


def test_a_static_library_that_needs_foreign_ones_is_not_the_guess(run: Run) -> None:
    """In two packages, as Debian has them: the one with the headers has a link into the other."""
    config = (
        b"prefix=/usr\nName: vec\nLibs: -lvec\nLibs.private: -lm -lz\nCflags: -I${prefix}/include\n"
    )
    folder = "usr/lib/x86_64-linux-gnu"
    development: dict[str, bytes | str] = {
        f"{folder}/libvec.a": LINUX,
        f"{folder}/libvec.so": "libvec.so.1",
        f"{folder}/pkgconfig/vec.pc": config,
        "usr/include/vec.h": HEADER,
    }
    write_tar(Path("dist/libvec-dev-1.0.0-amd64.tar.gz"), development)
    write_tar(Path("dist/libvec1-1.0.0-amd64.tar.gz"), {f"{folder}/libvec.so.1": elf()})
    manifest = drafted(run, "--yes")
    assert len(manifest["archives"]) == 2
    assert manifest["shared_library"] == "lib/x86_64-linux-gnu/libvec.so.1"
    assert "which may need -lz, too" in Path("prebuilt.yaml").read_text()


class Terminal:
    """A person's answers, line by line."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._lines.pop(0) + "\n" if self._lines else ""


def test_which_of_several_variants_is_meant_is_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variant in ("mini", "maxi"):
        files = {"lib/libvec.a": LINUX, "include/vec.h": HEADER}
        write_tar(Path(f"dist/vec-{variant}-1.0.0-linux-x64.tgz"), files)
    run("init", "dist").refused(2, "the draft leaves 1 choice to you")
    assert "# archives:" in Path("prebuilt.yaml").read_text()
    monkeypatch.setattr("sys.stdin", Terminal("2"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    manifest = drafted(run, "--force")
    assert [one["file"] for one in manifest["archives"]] == ["vec-mini-{version}-linux-x64.tgz"]
    assert "vec-maxi-1.0.0-linux-x64.tgz" in Path("prebuilt.yaml").read_text()


def test_which_of_several_libraries_are_linked_is_asked(run: Run) -> None:
    files = {"lib/liba.a": LINUX, "lib/libb.a": LINUX, "include/all.h": HEADER}
    write_tar(Path("dist/kit-1.0.0-linux-x64.tgz"), files)
    manifest = drafted(run, "--yes")
    assert manifest["static_library"] == ["lib/liba.a", "lib/libb.a"]
    assert manifest["circular"] == manifest["static_library"]
    text = Path("prebuilt.yaml").read_text()
    assert "# guessed: Which libraries do programs link?" in text


@pytest.mark.parametrize(
    ("files", "guess"),
    [
        ({"openvec-1.0.0-linux-x64.tgz": ("libvec.a", "libcrypt.a")}, "vec"),
        (
            {"bar-1.0.0-linux-x64.tgz": ("libbar.a",), "foo-1.0.0-linux-x64.tgz": ("libfoo.a",)},
            "bar",
        ),
    ],
)
def test_one_of_several_libraries_that_no_text_tells_is_no_silent_guess(
    run: Run, files: dict[str, tuple[str, ...]], guess: str
) -> None:
    for file, libraries in files.items():
        content = {f"lib/{name}": LINUX for name in libraries}
        write_tar(Path("dist") / file, {**content, f"include/{file[:3]}.h": HEADER})
    run("init", "dist").refused(2, "the draft leaves 1 choice to you")
    text = Path("prebuilt.yaml").read_text()
    assert "# choose: Which libraries do programs link?" in text
    assert f"#   - {guess} (the guess)" in text
    manifest = drafted(run, "--force", "--yes")
    assert manifest["static_library"] == f"lib/lib{guess}.a"
    assert run("init", "dist", "--force", "--name", guess).code == 0


def test_a_shared_library_brings_those_of_the_release_that_it_needs(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "built"
    base = shared_library("linux_amd64", "int b;\n", folder / "libb.so.1", "-Wl,-soname,libb.so.1")
    flags = ["-Wl,-soname,libvec.so.1", "-Wl,--no-as-needed", str(base)]
    library = shared_library("linux_amd64", "int v;\n", folder / "libvec.so.1", *flags)
    files = {"lib/libvec.so.1": library.read_bytes(), "lib/libb.so.1": base.read_bytes()}
    write_tar(Path("dist/vec-1.0.0-linux-x64.tgz"), files)
    assert drafted(run)["shared_library"] == ["lib/libvec.so", "lib/libb.so"]


def test_on_a_terminal_it_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    both_forms()
    monkeypatch.setattr("sys.stdin", Terminal("5", "2"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    manifest = drafted(run)
    assert manifest["shared_library"] == "lib/libvec.so"
    assert "static_library" not in manifest


def test_the_end_of_the_input_is_no_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    both_forms()
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run("init", "dist").refused(2, "the draft leaves 1 choice to you", "decide each `# choose:`")
    assert "\n# static_library: " in Path("prebuilt.yaml").read_text()
    assert not Path("prebuilt.lock.json").exists()


def test_on_a_terminal_it_asks_for_a_version_that_no_name_has(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("dist/libvec-linux-x64.a").write_bytes(LINUX)
    run("init", "dist").refused(2, "the draft leaves 1 choice to you")
    assert '\n# version: "0"\n' in Path("prebuilt.yaml").read_text()
    monkeypatch.setattr("sys.stdin", Terminal("v1.2.3"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert drafted(run, "--force")["version"] == "v1.2.3"


def test_of_a_page_with_all_versions_the_newest_is_taken(run: Run) -> None:
    names = (
        "1.9.0-cp311-cp311",
        "1.10.0-cp310-cp310",
        "1.10.0-cp311-cp311",
        "1.11.0rc1-cp311-cp311",
    )
    for name in names:
        path = Path(f"dist/vec-{name}-manylinux_2_28_x86_64.whl")
        write_zip(path, {"vec/libvec.so": elf(), "vec/include/vec.h": HEADER})
    manifest = drafted(run)
    assert manifest["version"] == "1.10.0"
    assert "vec-1.10.0-cp311-" in Path("prebuilt.lock.json").read_text()
    text = Path("prebuilt.yaml").read_text()
    assert "# left out, of another version: " in text
    assert "# left out, the same library for another Python:" in text
    assert drafted(run, "--force", "--version", "1.9.0")["version"] == "1.9.0"


def test_what_names_no_platform_has_a_version_of_its_own(run: Run) -> None:
    """As DuckDB's Go modules: one with the bindings, and one a platform with the library."""
    write_zip(Path("dist/vec-go-linux-amd64-v0.3.0.zip"), {"vec/libvec.a": LINUX})
    write_zip(Path("dist/vec-go-v0.3.1.zip"), {"vec/include/vec.h": HEADER})
    manifest = drafted(run)
    assert (manifest["static_library"], manifest["headers"]) == ("libvec.a", ["include/**"])


def test_no_platform_gets_another_version_than_the_others(run: Run) -> None:
    """Some platforms were given up, as those of onnxruntime's universal wheels."""
    libraries = {
        "1.32.0-cp311-cp311-manylinux_2_28_x86_64": ("so", elf()),
        "1.32.0-cp311-cp311-macosx_14_0_arm64": ("dylib", mach_o()),
        "1.22.1-cp311-cp311-macosx_13_0_universal2": (
            "dylib",
            fat({"amd64": mach_o("amd64"), "arm64": mach_o()}),
        ),
    }
    for name, (ending, data) in libraries.items():
        files = {f"vec/libvec.{ending}": data, "vec/include/vec.h": HEADER}
        write_zip(Path(f"dist/vec-{name}.whl"), files)
    manifest = drafted(run)
    assert manifest["version"] == "1.32.0"
    assert list(manifest["platforms"]) == ["darwin_arm64", "linux_amd64"]
    text = Path("prebuilt.yaml").read_text().replace("\n#  ", "")
    assert "# left out, of another version: vec-1.22.1-cp311-cp311-macosx_13_0_univ" in text
    manifest = drafted(run, "--force", "--version", "1.22.1")
    assert list(manifest["platforms"]) == ["darwin_amd64", "darwin_arm64"]
    assert manifest["version"] == "1.22.1"


def test_what_a_release_says_cannot_leave_its_place_in_the_manifest(run: Run) -> None:
    """Names and texts of strangers end up in comments and values."""
    root = "example.com/vec@v1.2.3"
    source = (
        "package vec\n// #cgo CFLAGS: -DX=a\\nname:\\ other -DY='\"}: {['\n"
        '// #cgo LDFLAGS: -lvec "-Wl,x: y #z" -fplugin=/x.so\nimport "C"\n'
    )
    files = {
        f"{root}/ve: c\nname: other.go": source.encode(),
        f"{root}/v # x.go": source.encode(),
        f"{root}/libvec.a": LINUX,
        f"{root}/a\nname: other/libvec.a": LINUX,
        f"{root}/vec.h": HEADER,
        "../vec.h": HEADER,
    }
    write_zip(Path("dist/vec-linux-amd64.zip"), files)
    run("init", "dist", "--no-lock", "--yes")
    manifest = yaml.safe_load(Path("prebuilt.yaml").read_text())
    assert set(manifest) <= {
        *("name", "version", "urls", "archives", "static_library", "headers", "include_dirs"),
        *("linkopts", "defines", "platforms"),
    }
    assert manifest["name"] == "vec"
    assert manifest["static_library"] == "libvec.a"
    assert manifest["linkopts"] == ["-Wl,x: y #z", "-fplugin=/x.so"]


def test_a_manifest_that_is_there_is_kept(run: Run) -> None:
    both_forms()
    Path("prebuilt.yaml").write_text("mine\n")
    answer = run("init", "dist", "--yes")
    answer.refused(2, "the manifest exists, and init does not overwrite it", "--force")
    assert Path("prebuilt.yaml").read_text() == "mine\n"
    assert run("init", "dist", "--yes", "--force").code == 0


def test_only_the_platforms_that_are_wanted_are_looked_at(run: Run) -> None:
    write_tar(Path("dist/vec-1.0.0-linux-x64.tgz"), {"lib/libvec.a": LINUX})
    Path("dist/vec-1.0.0-osx-x64.tgz").write_bytes(b"no archive")
    answer = run("init", "dist", "--platform", "linux_amd64", "--no-lock")
    assert answer.code == 0
    assert answer.out == "prebuilt.yaml\n"
    manifest = yaml.safe_load(Path("prebuilt.yaml").read_text())
    assert list(manifest["platforms"]) == ["linux_amd64"]
    assert "no headers were found" in answer.err


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"vec-1.0.0-linux-x64.tgz": {"bin/vec": elf(kind=2)}},
            "no file of the release has a library",
        ),
        ({}, "the folder has no archive and no library"),
        (
            {"vec-1.0.0.tgz": {"package/prebuilds/linux-x64/vec.node": elf()}},
            "package/prebuilds/linux-x64/vec.node is an extension of another language, which programs"
            " do not link",
        ),
        (
            {"vec-1.0.0.tgz": {"jni/x86_64/libvec.so": elf() + ANDROID_NOTE}},
            "jni/x86_64/libvec.so is for android on amd64",
        ),
        (
            {"vec-1.0.0-src.tgz": {"vec.c": b""}},
            "looked into none of them; vec-1.0.0-src.tgz was left out: sources",
        ),
    ],
)
def test_a_release_without_a_library_is_refused(
    run: Run, files: dict[str, dict[str, bytes]], words: str
) -> None:
    for name, content in files.items():
        write_tar(Path("dist") / name, content)
    assert words in run("init", "dist").err


def test_a_platform_that_a_release_lacks_is_named_with_those_that_it_has(run: Run) -> None:
    write_tar(Path("dist/vec-1.0.0.tgz"), {"lib/libvec.so": elf()})
    answer = run("init", "dist", "--platform", "darwin_arm64")
    words = "no file of the release has a library for darwin_arm64"
    answer.refused(3, words, "choose with --platform from linux_amd64")


def test_a_name_alone_leaves_out_no_file_that_is_the_only_one(run: Run) -> None:
    library = archive(elf(kind=1))
    write_tar(Path("dist/vec-jdbc-1.0.0.tgz"), {"Linux/x86_64/libvec.a": library})
    assert list(drafted(run, "--yes")["platforms"]) == ["linux_amd64"]
    write_tar(Path("dist/vec-1.0.0.tgz"), {"Linux/aarch64/libvec.a": archive(elf("arm64", 1))})
    manifest = drafted(run, "--yes", "--force")
    assert list(manifest["platforms"]) == ["linux_arm64"]


def test_extensions_of_other_languages_are_no_libraries(run: Run) -> None:
    write_tar(Path("dist/vec-1.0.0-linux-x64.tgz"), {"lib/libvec.so": elf()})
    write_tar(Path("dist/vec-1.0.0-osx-arm64.tgz"), {"libvec.jnilib": mach_o()})
    assert list(drafted(run, "--yes")["platforms"]) == ["linux_amd64"]
    manifest = Path("prebuilt.yaml").read_text()
    assert "left out, has only extensions of other languages: vec-1.0.0-osx-arm64.tgz" in manifest


def test_an_unpacked_library_is_to_be_packed(run: Run) -> None:
    folder = Path("vec-linux-x64-1.2.0")
    for name, data in {
        "usr/lib/libvec.a": LINUX,
        "usr/include/vec.h": HEADER,
        "LICENSE": b"MIT\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    answer = run("init", folder)
    assert answer.code == 0, answer.err
    command = f"pack prebuilt.yaml --platform linux_amd64 --from {folder} --output dist"
    assert f"next: cgo-prebuilt {command}" in answer.err
    manifest = yaml.safe_load(Path("prebuilt.yaml").read_text())
    assert manifest["version"] == "1.2.0"
    assert manifest["archives"] == [{"file": "{name}-{version}-{platform}.tar.gz"}]
    assert manifest["static_library"] == "usr/lib/libvec.a"
    assert "# choose: where you will publish" in Path("prebuilt.yaml").read_text()
    assert run(*command.split()).code == 0
    assert Path("dist/vec-1.2.0-linux_amd64.tar.gz").exists()


def test_an_unpacked_library_beside_another_place_is_no_release(run: Run) -> None:
    Path("dist/lib").mkdir()
    run("init", "dist", "dist").refused(2, "the folder has no archive and no library, only folders")


def refusal(run: Run, *arguments: str) -> Answer:
    return run("init", *arguments)


def test_what_is_no_place_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal(run, "no-such-folder").refused(2, "this release cannot be listed")
    refusal(run, "https://u:p@127.0.0.1/x.zip").refused(2, "which the manifest would publish")
    Path("dist/vec-linux-x64-1.0.0.a").write_bytes(LINUX)
    refusal(run, "dist", "--output", "dist", "--force").refused(
        2, "the manifest cannot be written: "
    )
    refusal(run, "dist", "--output", "no/such/prebuilt.yaml").refused(2, "there is no such folder")
    refusal(run, os.devnull).refused(2, "this is neither a regular file nor a folder", "at: ")
    monkeypatch.setenv("CGO_PREBUILT_OFFLINE", "1")
    refusal(run, "https://127.0.0.1/x.zip").refused(3, "offline or limited to a mirror")


def test_the_page_of_a_folder_is_read(run: Run, httpserver: HTTPServer, tmp_path: Path) -> None:
    both_forms()
    httpserver.no_handler_status_code = 404  # 500, its default, would be tried again
    data = Path("dist/vec-1.0.0-linux-x64.tar.gz").read_bytes()
    name = "vec-1.0.0-linux-x64.tar.gz"
    page = f'<a href="../">up</a><a href="{name}">it</a><a href="{name}.sha256">sum</a>'
    httpserver.expect_request("/releases/v1.0.0/").respond_with_data(page)
    httpserver.expect_request(f"/releases/v1.0.0/{name}").respond_with_data(data)
    httpserver.expect_request("/empty/").respond_with_data("<a href='x'>x</a>")
    httpserver.expect_request("/none/").respond_with_data(status=404)
    assert run("init", httpserver.url_for("/releases/v1.0.0/"), "--yes").code == 0
    manifest = yaml.safe_load(Path("prebuilt.yaml").read_text())
    assert manifest["urls"] == [httpserver.url_for("/releases/v{version}/{file}")]
    moved = {"Location": "/releases/v1.0.0/"}
    httpserver.expect_request("/releases/v1.0.0").respond_with_data(status=301, headers=moved)
    assert run("init", httpserver.url_for("/releases/v1.0.0"), "--yes", "--force").code == 0
    assert yaml.safe_load(Path("prebuilt.yaml").read_text()) == manifest
    refusal(run, httpserver.url_for("/empty/"), "--force").refused(
        3, "the page links to no archive and no library"
    )
    refusal(run, httpserver.url_for("/none/"), "--force").refused(3, "HTTP 404")


def test_a_page_that_requires_a_login_says_how_to_give_it(run: Run, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/private/").respond_with_data(status=401)
    refusal(run, httpserver.url_for("/private/")).refused(
        3, "the page cannot be read: HTTP 401", "CGO_PREBUILT_CREDENTIAL_HELPER"
    )


def test_a_file_without_a_name_in_its_url_is_no_page(run: Run, httpserver: HTTPServer) -> None:
    """As servers of downloads by number have it, with the name in Content-Disposition."""
    httpserver.expect_request("/download/1").respond_with_data(
        b"\x1f\x8b", content_type="application/gzip"
    )
    httpserver.expect_request("/list/").respond_with_json([{"name": "vec.tar.gz"}])
    httpserver.expect_request("/large").respond_with_data(
        b"\x1f\x8b" * (5 << 20), content_type="application/gzip"
    )
    ends_in = "URLs that end in the names of the files"
    refusal(run, httpserver.url_for("/download/1")).refused(
        3, "this is no page with links but application/gzip", ends_in
    )
    refusal(run, httpserver.url_for("/list/")).refused(3, "but application/json", ends_in)
    refusal(run, httpserver.url_for("/large")).refused(
        3, "an answer of more than 8388608 bytes", "not an archive"
    )


def test_a_release_on_github_is_listed_by_its_api(
    run: Run, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_forms()
    data = Path("dist/vec-1.0.0-linux-x64.tar.gz").read_bytes()
    github = GitHubServer(httpserver)
    for name, value in github.environment.items():
        monkeypatch.setenv(name, value)
    github.add(github.release("v1.0.0"), "vec-1.0.0-linux-x64.tar.gz", data)
    repository = github.repository
    for number, place in enumerate(
        (
            repository,
            f"{repository}@v1.0.0",
            f"{github.url}/{repository}/releases/tag/v1.0.0",
            f"{github.url}/{repository}/releases/download/v1.0.0/vec-1.0.0-linux-x64.tar.gz",
        )
    ):
        answer = run("init", place, "--yes", "--output", f"{number}.yaml")
        assert answer.code == 0, answer.err
        manifest = yaml.safe_load(Path(f"{number}.yaml").read_text())
        assert manifest["version"] == "1.0.0"
        folder = f"{github.url}/{repository}/releases/download"
        assert manifest["urls"] == [f"{folder}/v{{version}}/{{file}}"]
        words = " ".join(Path(f"{number}.yaml").read_text().replace("\n# ", " ").split())
        assert f"from {place}." in words
    refusal(run, f"{repository}@").refused(2, f"at: {repository}@\n")
    refusal(run, f"{repository}@v9").refused(3, "has no release v9")
