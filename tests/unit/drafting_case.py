"""Releases for tests of `init`: binaries of which only the headers are there, in real archives."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_ELF = {"amd64": 62, "arm64": 183}
_COFF = {"amd64": 0x8664, "arm64": 0xAA64}
_MACH_O = {"amd64": 0x01000007, "arm64": 0x0100000C}


ANDROID_NOTE = struct.pack("<3L", 8, 132, 1) + b"Android\0" + bytes(132)
"""The note by which a library says that it is Android's."""


def elf(arch: str = "amd64", kind: int = 3) -> bytes:
    """The header of an ELF file: 1 for an object, 2 for a program, 3 for a shared library."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<2H", kind, _ELF[arch]) + bytes(60)


def mach_o(arch: str = "arm64", kind: int = 6) -> bytes:
    """The header of a Mach-O file: 1 for an object, 2 for a program, 6 for a shared library."""
    return struct.pack("<4L", 0xFEEDFACF, _MACH_O[arch], 0, kind) + bytes(60)


def fat(parts: Mapping[str, bytes]) -> bytes:
    """A universal file of files for several architectures."""
    head, body, start = b"\xca\xfe\xba\xbe" + struct.pack(">L", len(parts)), b"", 4096
    for arch, data in parts.items():
        head += struct.pack(">5L", _MACH_O[arch], 0, start + len(body), len(data), 12)
        body += data
    return head.ljust(start, b"\0") + body


def dll(arch: str = "amd64") -> bytes:
    """The header of a DLL."""
    pe = b"PE\0\0" + struct.pack("<H16xH", _COFF[arch], 0x2000)
    return b"MZ" + bytes(58) + struct.pack("<L", 64) + pe + bytes(60)


def coff(arch: str = "amd64") -> bytes:
    """The header of an object for Windows."""
    return struct.pack("<2H", _COFF[arch], 3) + bytes(60)


def short_import(arch: str = "amd64") -> bytes:
    """A member of an import library."""
    return struct.pack("<4H", 0, 0xFFFF, 0, _COFF[arch]) + bytes(60)


def archive(*objects: bytes, symbols: bytes = b"") -> bytes:
    """A static library: a table of names, and objects."""
    made = b"!<arch>\n"
    for name, data in [("/", b"\0\0\0\0"), *((f"{n}.o/", o) for n, o in enumerate(objects))]:
        data += symbols if name != "/" else b""
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n"
        made += head.encode() + data + b"\n" * (len(data) % 2)
    return made


def write_tar(path: Path, files: Mapping[str, bytes | str]) -> None:
    """Packs a `.tar.gz`; a text is a link to what it says."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Packs a `.zip`, or what is one by another name."""
    with zipfile.ZipFile(path, "w") as zip:
        for name, content in files.items():
            zip.writestr(name, content)
