"""What the headers of libraries say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from cgo_prebuilt.drafting.binaries import read_binary
from tests.e2e.compilers import shared_library
from tests.unit.drafting_case import (
    ANDROID_NOTE,
    archive,
    coff,
    dll,
    elf,
    fat,
    mach_o,
    short_import,
)

_BSD = (
    b"!<arch>\n"
    + f"{'#1/20':<16}{0:<12}{0:<6}{0:<6}{644:<8}{20 + len(elf(kind=1)):<10}`\n".encode()
)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (elf(), "shared linux amd64"),
        (elf("arm64", 1), "object linux arm64"),
        (elf(kind=2), "program linux amd64"),
        (elf() + ANDROID_NOTE, "shared android amd64"),
        (archive(elf(kind=1)), "static linux amd64"),
        (_BSD + b"a.o".ljust(20, b"\0") + elf(kind=1), "static linux amd64"),
        (mach_o(), "shared darwin arm64"),
        (mach_o(kind=8), "program darwin arm64"),
        (archive(mach_o("amd64", 1)), "static darwin amd64"),
        (fat({"amd64": mach_o("amd64"), "arm64": mach_o()}), "shared darwin amd64 arm64"),
        (fat({"arm64": archive(mach_o(kind=1))}), "static darwin arm64"),
        (dll("arm64"), "shared windows arm64"),
        (archive(coff()), "static windows amd64"),
        (archive(coff(), short_import()), "import windows amd64"),
        (archive(coff(), coff(), short_import()), "static windows amd64"),
        (archive(), None),
        (b"\xca\xfe\xba\xbe" + struct.pack(">2H", 0, 61) + bytes(100), None),
        (b"\x7fELF", None),
        (b"MZ" + bytes(58) + struct.pack("<L", 1 << 30) + bytes(40), None),
        (b"GROUP ( libvec.so.1 )" + bytes(60), None),
        (b"!<arch>\n" + b"x" * 100, None),
    ],
)
def test_a_header_says_what_a_file_is(data: bytes, found: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        binary = read_binary(file)
    words = None if binary is None else " ".join((binary.kind, binary.os, *binary.arches))
    assert words == found


def test_a_shared_library_names_itself_and_what_it_needs(tmp_path: Path) -> None:
    source = '#include <stdio.h>\nint vec(void) { return puts(""); }\n'
    library = shared_library("linux_amd64", source, tmp_path / "vec", "-Wl,-soname,libvec.so.1")
    with library.open("rb") as file:
        binary = read_binary(file)
    assert binary is not None
    assert binary.soname == "libvec.so.1"
    assert "libc.so.6" in binary.needs
    assert binary.glibc.startswith("2.")


@pytest.mark.parametrize(
    ("need", "os", "libc"),
    [("libc.so.7", "freebsd", ""), ("libc.so", "linux", "musl"), ("libc.so.6", "linux", "")],
)
def test_the_c_library_that_it_needs_tells_the_system(
    need: str, os: str, libc: str, tmp_path: Path
) -> None:
    other = f"-Wl,-soname,{need}"
    needed = shared_library("linux_amd64", "int c(void) { return 1; }\n", tmp_path / "c", other)
    source = "int c(void); int vec(void) { return c(); }\n"
    library = shared_library("linux_amd64", source, tmp_path / "vec", str(needed), "-nostdlib")
    with library.open("rb") as file:
        binary = read_binary(file)
    assert binary is not None
    assert (binary.os, binary.libc) == (os, libc)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (archive(elf(kind=1), symbols=b"\0pow\0dlopen\0"), ("-lm", "-ldl")),
        (archive(elf(kind=1), symbols=b"\0my_pow\0powder\0"), ()),
        (archive(elf(kind=1), symbols=b"\0__gxx_personality_v0\0"), ("-lstdc++",)),
        (archive(mach_o(kind=1), symbols=b"\0_SecRandomCopyBytes\0"), ("-framework Security",)),
        (
            archive(coff(), symbols=b"\0__imp_WSAStartup\0BCryptGenRandom\0"),
            ("-lws2_32", "-lbcrypt"),
        ),
    ],
)
def test_a_static_library_tells_by_names_what_it_is_linked_with(
    data: bytes, options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        binary = read_binary(file)
    assert binary is not None
    assert binary.linkopts == options
