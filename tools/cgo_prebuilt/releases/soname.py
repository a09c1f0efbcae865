"""The name by which programs look for a shared library when they start.

It is DT_SONAME in an ELF file and LC_ID_DYLIB in a Mach-O file, and a file must have it to be found. Only
that is read here, without the packages that `pack` inspects libraries with. References: System V ABI,
"Dynamic Section"; Apple's <mach-o/loader.h> and <mach-o/fat.h>.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_STRTAB, _DT_SONAME = 0, 5, 14
_LC_ID_DYLIB = 0xD

_SEGMENTS_MAX = 512
_DYNAMIC_MAX = 1 << 20
_COMMANDS_MAX = 1 << 20
_NAME_MAX = 4096


def read_soname(file: BinaryIO) -> str | None:
    """Reads the name that a shared library's users record of it.

    Args:
        file: The library; seekable.

    Returns:
        The name of the file that is looked for, without a folder; None where the library has none, or is
        of a kind that has none.
    """
    try:
        name = _name(file)
    except (struct.error, ValueError, IndexError, OverflowError, OSError):
        return None  # places that no file of this size has
    last = name.rpartition(b"/")[2]
    return last.decode("utf-8", "surrogateescape") or None


def _name(file: BinaryIO) -> bytes:
    magic = _at(file, 0, 4)
    if magic == b"\x7fELF":
        return _elf_name(file)
    if magic == b"\xca\xfe\xba\xbe":
        # All architectures of one file are one library.
        (first,) = struct.unpack(">L", _at(file, 16, 4))
        return _macho_name(file, first)
    return _macho_name(file, 0)


def _elf_name(file: BinaryIO) -> bytes:
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
    dynamic: dict[int, int] = {}
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
                dynamic.setdefault(tag, value)
    if _DT_SONAME not in dynamic:
        return b""
    strings = dynamic.get(_DT_STRTAB, 0)
    for address, start, length in loaded:
        if address <= strings < address + length:
            return _text(file, strings - address + start + dynamic[_DT_SONAME])
    return b""


def _macho_name(file: BinaryIO, start: int) -> bytes:
    magic = _at(file, start, 4)
    order = "<" if magic[1:] == b"\xfa\xed\xfe" else ">"
    (number,) = struct.unpack(f"{order}L", magic)
    if number not in (0xFEEDFACE, 0xFEEDFACF):
        return b""
    count, length = struct.unpack(f"{order}2L", _at(file, start + 16, 8))
    head = 32 if number == 0xFEEDFACF else 28
    commands = _at(file, start + head, min(length, _COMMANDS_MAX))
    position = 0
    for _ in range(count):
        command, size, name = struct.unpack_from(f"{order}3L", commands, position)
        if command == _LC_ID_DYLIB:
            return commands[position + name : position + size].partition(b"\0")[0]
        if size < 8:
            break
        position += size
    return b""


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _text(file: BinaryIO, offset: int) -> bytes:
    return _at(file, offset, _NAME_MAX).partition(b"\0")[0]
