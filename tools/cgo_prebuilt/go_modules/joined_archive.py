"""Join circular static archives into one, which linkers search repeatedly until nothing is missing.

Linker groups do not work with every linker from both cgo and Bazel: zig's accepts no file in
`-Wl,--start-group,a.a,--end-group`. Objects are not parsed: the archives' indexes tell which member
defines a symbol, and are merged.

References: ar(5) of binutils; Microsoft's "PE Format", section "Archive (Library) File Format".
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cgo_prebuilt.archives.ar_reader import HEADER_SIZE, MAGIC, parse_header
from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.linking.linker_arguments import stem
from cgo_prebuilt.locks.lock import Interface

_THIN = b"!<thin>\n"
_HEADER_END = b"`\n"
_INDEXES = {b"/": "I", b"/SYM64/": "Q"}
_SHORT_NAME = 15
_CHUNK = 1 << 20

# Symbols in the index of an import library: of Microsoft or LLVM, and of GNU's dlltool.
_IMPORTS = re.compile(
    rb"\0__IMPORT_DESCRIPTOR_|\0_?_head_.*_iname\0|_iname\0.*\0_?_head_", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Join:
    """The archives to join, and the resulting library.

    Attributes:
        parts: The archives' paths, in link order; none if no archives are joined.
        path: The path of the joined archive; empty if no archives are joined.
        interface: The library with the joined archive instead of its parts.
    """

    parts: tuple[str, ...]
    path: str
    interface: Interface

    def files(self, paths: Iterable[str]) -> list[str]:
        """Return the library's files after joining, from those before it."""
        kept = [path for path in paths if path not in self.parts]
        return [*kept, self.path] if self.parts else kept


def plan_join(interface: Interface, os: str, name: str) -> Join:
    """Decide which archives to join: all from the first circular one to the last.

    Args:
        interface: The library, without archives that are linked as a whole.
        os: The platform's `GOOS`.
        name: The library's name.
    """
    archives = interface.static_library
    found = [index for index, path in enumerate(archives) if path in interface.circular]
    # Apple's linker searches all archives until nothing is missing.
    if os == "darwin" or len(found) < 2:
        return Join((), "", replace(interface, circular=()))
    first, end = found[0], found[-1] + 1
    parts = archives[first:end]
    # A name that cannot be taken for another form of a shared library, such as lib<name>.so.
    file = f"lib{name.replace('.', '_')}_circular.a"
    path = str(PurePosixPath(parts[0]).parent / file)
    # A shared form of a joined archive was not linked before, and must not be linked now.
    stems = {stem(part) for part in parts}
    kept = [
        index for index, shared in enumerate(interface.shared_library) if stem(shared) not in stems
    ]
    imports = interface.interface_library
    joined = replace(
        interface,
        static_library=(*archives[:first], path, *archives[end:]),
        circular=(),
        shared_library=tuple(interface.shared_library[index] for index in kept),
        interface_library=tuple(imports[index] for index in kept) if imports else (),
    )
    return Join(parts, path, joined)


def join_archives(parts: Mapping[str, Path], target: Path, *, where: str) -> None:
    """Write one archive with all members of some, in order and reproducibly.

    Args:
        parts: The archives, by their names for errors; together far below the 4 GiB of an index.
        target: The output file.
        where: The manifest and the platform, for errors.

    Raises:
        IntegrityError: One of them is not an archive, or is damaged.
        UsageError: One of them has a form that cannot be joined.
    """
    archives = []
    for name, path in parts.items():
        with path.open("rb") as file:
            archives.append((path, _read(file, name, where)))
    long_names = bytearray()
    names = [
        [_name_field(member.name, long_names) for member in one.members] for _, one in archives
    ]
    symbols = sum(len(one.offsets) for _, one in archives)
    texts = b"".join(one.symbols for _, one in archives)
    index_size = 4 * (1 + symbols) + len(texts)
    position = len(MAGIC) + HEADER_SIZE + _even(index_size)
    if long_names:
        position += HEADER_SIZE + _even(len(long_names))
    with target.open("wb") as output:
        output.write(MAGIC + _header(b"/", _even(index_size), b"0") + symbols.to_bytes(4, "big"))
        for _, one in archives:
            places = {}
            for member in one.members:
                places[member.at] = position
                position += HEADER_SIZE + _even(member.size)
            output.write(_big_endian(array("I", (places[at] for at in one.offsets))))
        output.write(texts + b"\0" * (index_size % 2))
        if long_names:
            output.write(b"%-48s%-10d" % (b"//", _even(len(long_names))) + _HEADER_END)
            output.write(long_names + b"\n" * (len(long_names) % 2))
        for (path, one), fields in zip(archives, names, strict=True):
            with path.open("rb") as file:
                for member, field in zip(one.members, fields, strict=True):
                    output.write(_header(field, member.size))
                    _copy(file, member, output)


@dataclass(frozen=True, slots=True)
class _Member:
    """A member that is an object: its name, the offsets of its header and contents, and its size."""

    name: bytes
    at: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive's members and index.

    Attributes:
        members: Its members.
        offsets: For each symbol, the offset of the member that defines it.
        symbols: The symbols' names, each followed by a NUL.
    """

    members: list[_Member]
    offsets: array[int]
    symbols: bytes


def _read(file: BinaryIO, name: str, where: str) -> _Archive:
    end = file.seek(0, 2)
    file.seek(0)
    magic = file.read(len(MAGIC))
    if magic == _THIN:
        raise UsageError(
            f"{name} is a thin archive, which only names its objects, and cannot be joined",
            where=where,
            remedy="make it without T (ar rcs), so that the objects are in it",
        )
    if magic != MAGIC:
        raise _damaged(name, "does not begin as one", where)
    members: list[_Member] = []
    index: tuple[array[int], bytes] | None = None
    long_names = b""
    while (at := file.tell()) < end:
        header = parse_header(file.read(HEADER_SIZE))
        start = at + HEADER_SIZE
        if header is None or start + header[1] > end:
            raise _damaged(name, f"has no member at byte {at}", where)
        field, size = header
        if field in _INDEXES:
            # Windows' archives have a second index, with the same contents in a different order.
            index = index or _parse_index(file.read(size), _INDEXES[field], name, where)
        elif field == b"//":
            long_names = file.read(size)
        else:
            full_name = _full_name(field, long_names, name, where)
            members.append(_Member(full_name, at, start, size))
        file.seek(start + _even(size))
    if index is None and members:
        raise UsageError(
            f"{name} has no index of its symbols, and cannot be joined",
            where=where,
            remedy="make one: ranlib FILE, or ar with s (ar rcs)",
        )
    offsets, symbols = index or (array("I"), b"")
    if not {member.at for member in members}.issuperset(offsets):
        raise _damaged(name, "has an index of other members", where)
    if _IMPORTS.search(b"\0" + symbols):
        raise UsageError(
            f"{name} is an import library, whose members are sorted by name, and cannot be joined",
            where=where,
            remedy="name it in 'interface_library', beside its shared library",
        )
    return _Archive(members, offsets, symbols)


def _parse_index(data: bytes, kind: str, name: str, where: str) -> tuple[array[int], bytes]:
    offsets = array(kind)
    width = offsets.itemsize
    count = int.from_bytes(data[:width], "big")
    symbols = data[width * (1 + count) :]
    spare = symbols.count(b"\0") - count  # the index is padded at its end
    symbols = symbols[: len(symbols) - max(spare, 0)]
    symbols = symbols[: symbols.rfind(b"\0") + 1]
    if len(data) < width * (1 + count) or symbols.count(b"\0") != count:
        raise _damaged(name, "has an index that ends too early", where)
    offsets.frombytes(data[width : width * (1 + count)])
    return array(kind, _native(offsets)), symbols


def _full_name(field: bytes, long_names: bytes, name: str, where: str) -> bytes:
    if field.startswith((b"#1/", b"__.SYMDEF")):
        raise UsageError(
            f"{name} is an archive in the form of BSD and macOS, and cannot be joined",
            where=where,
            remedy="make it with the ar of GNU or LLVM (llvm-ar --format=gnu)",
        )
    if not field.startswith(b"/"):
        return field.removesuffix(b"/")
    if not field[1:].isdigit():
        raise UsageError(
            f"{name} has the special member {field.decode('latin-1')}, and cannot be joined",
            where=where,
            remedy="make it with the ar of GNU or LLVM (llvm-ar --format=gnu)",
        )
    if int(field[1:]) >= len(long_names):
        raise _damaged(name, "has a member without a name", where)
    rest = long_names[int(field[1:]) :]
    # The name ends with `/` and a line feed (GNU), or with a NUL (Microsoft).
    return rest.partition(b"\n")[0].partition(b"\0")[0].removesuffix(b"/")


def _name_field(name: bytes, long_names: bytearray) -> bytes:
    """Return a name in the form of a header; add a long one to the long names."""
    if 0 < len(name) <= _SHORT_NAME and not set(name) & set(b"/ "):
        return name + b"/"
    field = b"/%d" % len(long_names)
    long_names += name + b"/\n"
    return field


def _header(field: bytes, size: int, mode: bytes = b"644") -> bytes:
    # No times and owners, as in GNU ar's deterministic mode.
    return b"%-16s%-12d%-6d%-6d%-8s%-10d" % (field, 0, 0, 0, mode, size) + _HEADER_END


def _copy(file: BinaryIO, member: _Member, output: BinaryIO) -> None:
    file.seek(member.start)
    left = member.size
    while left:
        chunk = file.read(min(left, _CHUNK))
        output.write(chunk)
        left -= len(chunk)
    output.write(b"\n" * (member.size % 2))


def _even(size: int) -> int:
    return size + size % 2


def _native(numbers: array[int]) -> array[int]:
    """Convert the numbers of a big-endian index to this machine's order, or back."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _big_endian(numbers: array[int]) -> bytes:
    return _native(numbers).tobytes()


def _damaged(name: str, what: str, where: str) -> IntegrityError:
    return IntegrityError(
        f"{name} {what}: it is not a static archive, or is damaged",
        where=where,
        remedy="build it again, and pack it again",
    )
