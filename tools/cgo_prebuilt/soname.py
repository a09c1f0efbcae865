"""The SONAME of a shared library, and the names that it needs.

The SONAME is DT_SONAME in an ELF file and LC_ID_DYLIB in a Mach-O file; programs look for a file of that
name. DT_NEEDED, LC_LOAD_DYLIB and a DLL's import table name the libraries that it needs. This module needs no
packages, unlike the inspection of libraries. References: System V ABI, "Dynamic Section"; Apple's
<mach-o/loader.h> and <mach-o/fat.h>; Microsoft's "PE Format".
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME = 0, 1, 5, 14
_LC_LOAD_DYLIB, _LC_ID_DYLIB = 0xC, 0xD
_NEEDED_MAX = 1000

_PE32_PLUS = 0x20B

_SEGMENTS_MAX = 512
_SECTIONS_MAX = 96
_DYNAMIC_MAX = 1 << 20
_COMMANDS_MAX = 1 << 20
_NAME_MAX = 4096


def read_soname(file: BinaryIO) -> str | None:
    """Return the name that programs record when they link a shared library.

    Args:
        file: The library; seekable.

    Returns:
        The file name that programs look for; None if the library, or its format, has none.
    """
    names = _names_in(file, _DT_SONAME, _LC_ID_DYLIB)
    return (names[0].rpartition("/")[2] or None) if names else None


def read_needed(file: BinaryIO) -> tuple[str, ...]:
    """Return the names that a shared library needs.

    Args:
        file: The library; seekable.
    """
    if _at(file, 0, 2) == b"MZ":
        return tuple(_imported_dlls(file))
    return tuple(_names_in(file, _DT_NEEDED, _LC_LOAD_DYLIB))


def _names_in(file: BinaryIO, tag: int, command: int) -> list[str]:
    """Return the names of an ELF tag or a Mach-O load command."""
    try:
        magic = _at(file, 0, 4)
        if magic == b"\x7fELF":
            names = _elf_names(file, tag)
        elif magic == b"\xca\xfe\xba\xbe":
            # The architectures of a universal file are the same library, so the first one is enough.
            (first,) = struct.unpack(">L", _at(file, 16, 4))
            names = _macho_names(file, first, command)
        else:
            names = _macho_names(file, 0, command)
    except (struct.error, ValueError, IndexError, OverflowError, OSError):
        return []  # offsets outside of the file
    return [name.decode("utf-8", "surrogateescape") for name in names]


def _imported_dlls(file: BinaryIO) -> list[str]:
    """Return the DLLs in the import table of a DLL or a program."""
    try:
        (start,) = struct.unpack("<L", _at(file, 60, 4))
        magic, count, size = struct.unpack("<4s2xH12xH", _at(file, start, 22))
        options = start + 24
        (kind,) = struct.unpack("<H", _at(file, options, 2))
        directories = options + (112 if kind == _PE32_PLUS else 96)
        (table,) = struct.unpack("<L", _at(file, directories + 8, 4))
        if magic != b"PE\0\0" or not table:
            return []
        sections: list[tuple[int, int, int, int]] = [
            struct.unpack("<8x4L", _at(file, options + size + 40 * number, 24))
            for number in range(min(count, _SECTIONS_MAX))
        ]

        def place_of(address: int) -> int:
            for length, virtual, raw, place in sections:
                if virtual <= address < virtual + max(length, raw):
                    return address - virtual + place
            raise ValueError("an address outside of the sections")

        names: list[str] = []
        place = place_of(table)
        while len(names) < _NEEDED_MAX:
            (name,) = struct.unpack("<12xL", _at(file, place + 20 * len(names), 16))
            if not name:
                break
            names.append(_text(file, place_of(name)).decode("utf-8", "surrogateescape"))
    except (struct.error, ValueError, OverflowError, OSError):
        return []  # offsets outside of the file
    return names


def _elf_names(file: BinaryIO, wanted: int) -> list[bytes]:
    head = _at(file, 0, 64)
    wide = head[4] == 2
    order = "<" if head[5] == 1 else ">"
    if wide:
        (offset,) = struct.unpack_from(f"{order}Q", head, 32)
        size, count = struct.unpack_from(f"{order}2H", head, 54)
        segment, entry = struct.Struct(f"{order}L4x4Q"), struct.Struct(f"{order}qQ")
    else:
        (offset,) = struct.unpack_from(f"{order}L", head, 28)
        size, count = struct.unpack_from(f"{order}2H", head, 42)
        segment, entry = struct.Struct(f"{order}5L"), struct.Struct(f"{order}lL")
    loaded: list[tuple[int, int, int]] = []
    places: list[int] = []
    strings = 0
    for number in range(min(count, _SEGMENTS_MAX)):
        kind, start, address, _, length = segment.unpack(
            _at(file, offset + number * size, segment.size)
        )
        if kind == _PT_LOAD:
            loaded.append((address, start, length))
        if kind == _PT_DYNAMIC:
            data = _at(file, start, min(length, _DYNAMIC_MAX))
            for tag, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
                if tag == _DT_NULL:
                    break
                if tag == wanted:
                    places.append(value)
                elif tag == _DT_STRTAB:
                    strings = value
    for address, start, length in loaded:
        if address <= strings < address + length:
            table = strings - address + start
            return [_text(file, table + place) for place in places[:_NEEDED_MAX]]
    return []


def _macho_names(file: BinaryIO, start: int, wanted: int) -> list[bytes]:
    magic = _at(file, start, 4)
    order = "<" if magic[1:] == b"\xfa\xed\xfe" else ">"
    (number,) = struct.unpack(f"{order}L", magic)
    if number not in (0xFEEDFACE, 0xFEEDFACF):
        return []
    count, length = struct.unpack(f"{order}2L", _at(file, start + 16, 8))
    head = 32 if number == 0xFEEDFACF else 28
    commands = _at(file, start + head, min(length, _COMMANDS_MAX))
    names, position = [], 0
    for _ in range(count):
        if position + 12 > len(commands):
            break
        command, size, name = struct.unpack_from(f"{order}3L", commands, position)
        if command == wanted:
            names.append(commands[position + name : position + size].partition(b"\0")[0])
        if size < 8 or len(names) == _NEEDED_MAX:
            break
        position += size
    return names


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _text(file: BinaryIO, offset: int) -> bytes:
    return _at(file, offset, _NAME_MAX).partition(b"\0")[0]
