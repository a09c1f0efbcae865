"""A library file's objects, with their symbols and sections, read by LIEF.

LIEF comes with the extra `inspect`; fetches do not need it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.inspection.ar_members import ar_members
from cgo_prebuilt.inspection.machines import COFF_ARCHS, ELF_ARCHS, MACH_O_ARCHS
from cgo_prebuilt.requirements import CPU_LEVELS

ELF, MACH_O, COFF, BITCODE = "ELF", "Mach-O", "COFF", "LLVM bitcode"

_THIN = b"!<thin>\n"
_FAT_ARCH = struct.Struct(">IIIII")  # of mach-o/fat.h
_FAT = b"\xca\xfe\xba\xbe"
_MACH_O = (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
# The objects of an import library that have no sections (PE format, "Import Header").
_SHORT_IMPORT = b"\x00\x00\xff\xff"

# The sections in which gcc and clang record their options.
_COMMAND_LINES = (".debug_str", ".GCC.command.line")
_MARCH = re.compile(rb"-march=([a-z0-9.-]+)")
_ISA_1_NEEDED = 0xC0008002
_LARGE = 8 << 20
_PIECE = 1 << 20
_ELF_HEADER = 52  # bytes, of the shorter one (Elf32_Ehdr)
_MACH_O_UNDEFINED = 0x0E  # the bits N_TYPE of n_type, all of them clear


@dataclass
class ObjectFile:
    """One object, or a shared library.

    Attributes:
        name: The name of its archive member; empty for a single file.
        format: `ELF`, `Mach-O`, `COFF` or `LLVM bitcode`.
        arch: The `GOARCH`; empty if unknown.
        shared: Whether it is a shared library.
        soname: The name that programs record when linking it; None without one, as in every DLL.
        needed: The shared libraries that it loads: DT_NEEDED, or LC_LOAD_DYLIB.
        defined: Its global symbols, as spelled in the file.
        undefined: The symbols that it needs, without weak references.
        versions: The symbol versions that it requires, such as `GLIBC_2.17` and `GLIBCXX_3.4.30`.
        cpu: The processor levels that it states, of `requirements.CPU_LEVELS`.
        size: Its size in bytes.
        debug: The number of bytes of debug information.
    """

    name: str
    format: str
    arch: str
    size: int
    shared: bool = False
    soname: str | None = None
    needed: tuple[str, ...] = ()
    defined: set[str] = field(default_factory=set)
    undefined: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    cpu: set[str] = field(default_factory=set)
    debug: int = 0


def can_inspect() -> bool:
    """Return whether LIEF is installed."""
    return importlib.util.find_spec("lief") is not None


def is_thin_archive(path: Path) -> bool:
    """Return whether an archive is a thin one, which holds only the paths of its objects; needs no LIEF."""
    with path.open("rb") as file:
        return file.read(len(_THIN)) == _THIN


def read_objects(path: Path) -> list[ObjectFile]:
    """Return the objects of a library file; see `objects_in`."""
    with path.open("rb") as file:
        return objects_in(file)


def objects_in(file: BinaryIO) -> list[ObjectFile]:
    """Return the objects of a static archive, a shared library, or a universal file of either.

    Args:
        file: The library, seekable. Only one member of an archive at a time is in memory.

    Returns:
        The objects; none for another kind of file. The first object has the symbols of all objects,
        since many objects name the same symbols. `undefined` has none that one of them defines.
    """
    import lief

    lief.logging.disable()
    found: list[ObjectFile] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # for numbers without a name in LIEF
        for part in _slices(file):
            for name, size in _members(part):
                item = _object(name, part, size)
                if item is not None:
                    found.append(item)
                    _merge_symbols(item, found[0])
    for first in found[:1]:
        first.undefined -= first.defined
    return found


def _merge_symbols(item: ObjectFile, first: ObjectFile) -> None:
    if item is not first:
        first.defined |= item.defined
        first.undefined |= item.undefined
        item.defined, item.undefined = set(), set()


def _slices(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the files in a universal file (mach-o/fat.h), since LIEF reads no archives in one."""
    file.seek(0)
    head = file.read(8 + 16 * _FAT_ARCH.size)
    file.seek(0)
    if head[:4] != _FAT:
        yield file
        return
    # Check the length, since Java's class files have the same magic.
    there = (len(head) - 8) // _FAT_ARCH.size
    for index in range(min(int.from_bytes(head[4:8], "big"), 16, there)):
        _, _, offset, size, _ = _FAT_ARCH.unpack_from(head, 8 + _FAT_ARCH.size * index)
        file.seek(offset)
        yield io.BytesIO(file.read(size))


def _members(file: BinaryIO) -> Iterator[tuple[str, int]]:
    """Yield the name and size of each `ar` member, or of the file itself.

    At each step, the file is positioned at the contents.
    """
    if file.read(len(MAGIC)) == MAGIC:
        yield from ar_members(file)
        return
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    yield "", size


def _object(name: str, file: BinaryIO, size: int) -> ObjectFile | None:
    import lief

    head = file.read(min(size, _ELF_HEADER))
    if head[:4] in _BITCODE:
        return ObjectFile(name, BITCODE, "", size)
    if head[:4] == _SHORT_IMPORT and len(head) >= 8:
        (machine,) = struct.unpack_from("<H", head, 6)
        return ObjectFile(name, COFF, COFF_ARCHS.get(machine, ""), size)
    if head[:4] == b"\x7fELF" and len(head) == _ELF_HEADER:
        config = lief.ELF.ParserConfig()
        config.parse_relocations = False
        config.parse_notes = False
        with _readable(head, file, size) as source:
            elf = lief.ELF.parse(source, config)
            return None if elf is None else _elf(name, elf, size)
    if head[:4] in _MACH_O:
        with _readable(head, file, size) as source:
            fat = lief.MachO.parse(source)
            return None if fat is None or not len(fat) else _mach_o(name, fat.at(0), size)
    if head[:2] == b"MZ":
        with _readable(head, file, size) as source:
            pe = lief.PE.parse(source)
            return None if pe is None else _pe(name, pe, size)
    if len(head) > 20 and struct.unpack_from("<H", head)[0] in COFF_ARCHS:
        with _readable(head, file, size) as source:
            coff = lief.COFF.parse(source)
            return None if coff is None else _coff(name, coff, size)
    return None


@contextmanager
def _readable(head: bytes, file: BinaryIO, size: int) -> Iterator[Any]:
    """Provide an object for LIEF to parse: a file in memory, or a path on disk if it is large.

    So memory holds a large object only once. LIEF reads a file seven times faster than bytes.
    """
    if size <= _LARGE:
        yield io.BytesIO(head + file.read(size - len(head)))
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, "object")
        with path.open("wb") as copy:
            copy.write(head)
            left = size - len(head)
            while piece := file.read(min(left, _PIECE)):
                copy.write(piece)
                left -= len(piece)
        yield str(path)


def _number(value: Any) -> int:
    """Return the number of a LIEF constant; LIEF gives a plain number if it has no constant."""
    return int(getattr(value, "value", value))


def _elf(name: str, elf: Any, size: int) -> ObjectFile:
    import lief

    tag = lief.ELF.DynamicEntry.TAG.SONAME
    found = ObjectFile(
        name,
        ELF,
        ELF_ARCHS.get(_number(elf.header.machine_type), ""),
        size,
        shared=elf.header.file_type == lief.ELF.Header.FILE_TYPE.DYN,
        soname=elf.get(tag).name if elf.has(tag) else None,
        needed=tuple(map(str, elf.libraries)),
        debug=sum(s.size for s in elf.sections if str(s.name).startswith((".debug_", ".zdebug_"))),
    )
    local, weak = lief.ELF.Symbol.BINDING.LOCAL, lief.ELF.Symbol.BINDING.WEAK
    for symbol in elf.dynamic_symbols if found.shared else elf.symtab_symbols:
        if symbol.binding == local or not symbol.name:
            continue
        if symbol.shndx != 0:
            found.defined.add(str(symbol.name))
        elif symbol.binding != weak:
            found.undefined.add(str(symbol.name))
    for needed in elf.symbols_version_requirement:
        for version in needed.get_auxiliary_symbols():
            found.versions.add(str(version.name))
    for section in elf.sections:
        if section.name == ".note.gnu.property":
            found.cpu.update(needed_isa(bytes(section.content)))
        elif section.name in _COMMAND_LINES:
            named = (match[1].decode() for match in _MARCH.finditer(bytes(section.content)))
            found.cpu.update(level for level in named if level in CPU_LEVELS)
    return found


def needed_isa(note: bytes) -> Iterator[str]:
    """Yield the x86-64 levels that a section `.note.gnu.property` requires.

    The bits of GNU_PROPERTY_X86_ISA_1_NEEDED are the levels from the baseline on (x86-64 psABI,
    "Program Property"); linkers write it for `-z x86-64-v3`.
    """
    at = 16  # after the sizes, the type and the name of the note
    while at + 8 <= len(note):
        kind, size = struct.unpack_from("<II", note, at)
        if kind == _ISA_1_NEEDED and at + 12 <= len(note):
            (bits,) = struct.unpack_from("<I", note, at + 8)
            yield from (f"x86-64-v{level + 1}" for level in (1, 2, 3) if bits >> level & 1)
        at += 8 + (size + 7) // 8 * 8


def _mach_o(name: str, binary: Any, size: int) -> ObjectFile:
    import lief

    found = ObjectFile(
        name,
        MACH_O,
        MACH_O_ARCHS.get(_number(binary.header.cpu_type), ""),
        size,
        shared=binary.header.file_type == lief.MachO.Header.FILE_TYPE.DYLIB,
        debug=sum(s.size for s in binary.sections if s.segment_name == "__DWARF"),
    )
    for command in binary.commands:
        if command.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB:
            found.soname = str(command.name)
        elif command.command in (
            lief.MachO.LoadCommand.TYPE.LOAD_DYLIB,
            lief.MachO.LoadCommand.TYPE.REEXPORT_DYLIB,
        ):
            found.needed += (str(command.name),)
    for symbol in binary.symbols:
        if symbol.raw_type & 0x01:  # N_EXT: an external symbol
            target = found.defined if symbol.raw_type & _MACH_O_UNDEFINED else found.undefined
            target.add(str(symbol.name))
    return found


def _pe(name: str, pe: Any, size: int) -> ObjectFile:
    return ObjectFile(
        name,
        COFF,
        COFF_ARCHS.get(_number(pe.header.machine), ""),
        size,
        shared=True,
        debug=sum(s.sizeof_raw_data for s in pe.sections if s.name.startswith(".debug")),
    )


def _coff(name: str, coff: Any, size: int) -> ObjectFile:
    return ObjectFile(
        name,
        COFF,
        COFF_ARCHS.get(_number(coff.header.machine), ""),
        size,
        debug=sum(s.sizeof_raw_data for s in coff.sections if s.name.startswith(".debug")),
    )
