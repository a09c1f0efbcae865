"""Members of a zip, read from a seekable file; only the needed parts are read.

The standard library's `zipfile` reads the central directory. If the directory, the end records and the
members' local headers disagree, readers see different archives, so the zip is refused. The archive
as a whole is checked first, a member only when its contents are read. Reference: APPNOTE.TXT
6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from cgo_prebuilt.archives.decode import PIECE_SIZE, deflate
from cgo_prebuilt.archives.member import FILE, FOLDER, Member
from cgo_prebuilt.archives.work import check_empty_bytes, check_ratio
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import normalize

# A central directory is read into memory, and each of its entries takes about 1 kB as an object.
_DIRECTORY_MAX = 4 << 20

_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_COMMENT_MAX = 0xFFFF
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MAGIC = b"PK\x06\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MAGIC = b"PK\x06\x07"
_HEADER = struct.Struct("<4s5H3L2H")
_HEADER_MAGIC = b"PK\x03\x04"
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_ZIP64_EXTRA = 1
_NONE16, _NONE32 = 0xFFFF, 0xFFFFFFFF

# General purpose flags: encrypted, sizes behind the data, strong encryption, masked headers.
_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_DESCRIPTOR = 1 << 3
_FLAGS = _ENCRYPTED | _DESCRIPTOR
_UTF8 = 1 << 11

_MALFORMED = (
    zipfile.BadZipFile,
    NotImplementedError,
    struct.error,
    ValueError,
    OverflowError,
    EOFError,
)
_REMEDY = "ask its publisher to pack it again"


def read_zip(file: BinaryIO, *, where: str, expected: int) -> Generator[Member, None, None]:
    """Read a zip.

    Args:
        file: The zip. Its end is read first, then only the members whose contents are requested, each
            from its header on without seeking back.
        where: The name of the archive in errors.
        expected: How many bytes of one member to allow on top of the ratio; see `Work`.

    Yields:
        Every member, in the order of their places in the file.

    Raises:
        IntegrityError: The zip is malformed or truncated, or readers may disagree about it; or,
            when its contents are read, about a member.
    """
    directory = read_directory(file, where=where)
    earlier_end = 0
    for info, limit in directory.entries:
        if not info.orig_filename:
            # unzip gives such an entry the name of the previous one.
            raise _malformed("an entry has no name", where)
        overlaps = earlier_end > info.header_offset
        earlier_end = max(earlier_end, _least_end(info))
        yield Member(
            normalize(info.orig_filename),
            _kind(info),
            info.file_size,
            partial(_contents, file, info, -1 if overlaps else limit, expected, where),
            info.CRC,
        )


@dataclass(frozen=True, slots=True)
class Directory:
    """The central directory.

    Attributes:
        offset: Its offset.
        entries: The entries in the order of their offsets, each with the offset of the next structure.
    """

    offset: int
    entries: tuple[tuple[zipfile.ZipInfo, int], ...]


def read_directory(file: BinaryIO, *, where: str) -> Directory:
    """Read the central directory into memory.

    Args:
        file: The zip; only its end is read.
        where: The name of the archive in errors.

    Raises:
        IntegrityError: The zip is malformed or truncated, or readers may disagree about it.
    """
    end = _read_end(file, where)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except _MALFORMED as error:
        raise _malformed(str(error), where) from error
    if len(infos) != end.count:
        raise _malformed(
            f"its end promises {end.count} entries and its directory has {len(infos)}", where
        )
    infos.sort(key=lambda info: info.header_offset)
    nexts = [*(info.header_offset for info in infos[1:]), end.offset]
    # Without entries, `nexts` is longer by one.
    return Directory(end.offset, tuple(zip(infos, nexts, strict=False)))


def member_parts(file: BinaryIO, members: Iterable[str], *, where: str) -> list[tuple[int, int]]:
    """Return the offsets of some members: their headers and data, as parts of the file.

    Args:
        file: The zip; only its end is read.
        members: Their names.
        where: The name of the archive in errors.

    Raises:
        IntegrityError: It has no such member; or see `read_directory`.
    """
    entries = read_directory(file, where=where).entries
    parts = {normalize(info.orig_filename): (info.header_offset, end) for info, end in entries}
    try:
        return sorted({parts[normalize(name)] for name in members})
    except KeyError as error:
        raise _malformed(f"it lacks {error}", where) from error


@dataclass(frozen=True, slots=True)
class _End:
    """The place of the central directory and its number of entries, by the end records."""

    offset: int
    count: int


def _read_end(file: BinaryIO, where: str) -> _End:
    """Read the end records; refuse ambiguous ones (APPNOTE 4.3.14 to 4.3.16)."""
    size = file.seek(0, 2)
    start = max(0, size - _END.size - _COMMENT_MAX - _LOCATOR.size - _END64.size)
    file.seek(start)
    tail = _read(file, size - start, where)
    position = _find_end(tail, where)
    (_, disk, directory_disk, here, count, length, offset, _) = _END.unpack_from(tail, position)
    short = (disk, directory_disk, here, count, length, offset)
    end = start + position
    locator = position - _LOCATOR.size
    if locator >= 0 and tail.startswith(_LOCATOR_MAGIC, locator):
        (_, _, end64, _) = _LOCATOR.unpack_from(tail, locator)
        if end64 + _END64.size != start + locator or end64 < start:
            raise _malformed("its ZIP64 end record is not at the stated offset", where)
        (magic, _, _, _, *wide) = _END64.unpack_from(tail, end64 - start)
        limits = (_NONE16, _NONE16, _NONE16, _NONE16, _NONE32, _NONE32)
        agree = all(s in (w, limit) for s, w, limit in zip(short, wide, limits, strict=True))
        if magic != _END64_MAGIC or not agree:
            raise _malformed("its two end records disagree", where)
        (disk, directory_disk, here, count, length, offset) = wide
        end = end64
    if disk or directory_disk or here != count:
        raise _malformed("it is one part of a split zip", where)
    if offset + length != end:
        raise _malformed("something precedes it, or its directory is not at its end", where)
    if length > _DIRECTORY_MAX:
        raise _malformed(f"its directory has more than {_DIRECTORY_MAX} bytes", where)
    return _End(offset, count)


def _find_end(tail: bytes, where: str) -> int:
    """Return the position of the only end record whose comment ends at the file's end."""
    fitting = []
    last = position = tail.find(_END_MAGIC)
    while position >= 0:
        last = position
        if len(tail) - position >= _END.size:
            (*_, comment) = _END.unpack_from(tail, position)
            if position + _END.size + comment == len(tail):
                fitting.append(position)
        position = tail.find(_END_MAGIC, position + 1)
    if last < 0:
        raise _malformed("it has no end record: it is truncated, or not a zip", where)
    if not fitting:
        raise _malformed("something follows it, or it is truncated", where)
    if fitting != [last]:
        raise _malformed("it has two end records", where)
    return last


def _contents(
    file: BinaryIO, info: zipfile.ZipInfo, limit: int, expected: int, where: str
) -> Iterator[memoryview]:
    """Read one member.

    Args:
        file: The zip.
        info: The member's entry in the central directory.
        limit: The offset of the next structure; negative if another member overlaps this one.
        expected: How many bytes to allow on top of the ratio; see `Work`.
        where: The name of the archive in errors.
    """
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED:
        raise _malformed(f"{name!r} is encrypted", where)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _malformed(
            f"{name!r} has compression method {info.compress_type}, which is not supported", where
        )
    stored = info.compress_type == zipfile.ZIP_STORED
    if stored and info.compress_size != info.file_size:
        raise _malformed(f"{name!r} is stored, with two different sizes", where)
    check_ratio(info.file_size, info.compress_size, expected=expected, where=where)
    check_empty_bytes(info.file_size, info.compress_size, where=where)
    if limit < 0:
        raise _malformed(f"{name!r} overlaps another entry", where)
    file.seek(info.header_offset)
    start = info.header_offset + _check_header(file, info, where)
    if start + info.compress_size > limit:
        raise _malformed(f"{name!r} overlaps another entry", where)
    encoded = _pieces(file, info.compress_size, where)
    yield from encoded if stored else _inflate(encoded, info, where)
    if info.flag_bits & _DESCRIPTOR:
        rest = limit - start - info.compress_size
        _check_descriptor(_read(file, min(rest, 24), where), info, where)


def _check_header(file: BinaryIO, info: zipfile.ZipInfo, where: str) -> int:
    """Refuse a member whose header contradicts the directory; return the header's length."""
    name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
    (magic, _, flags, method, _, _, crc, compressed, size, name_length, extra_length) = (
        _HEADER.unpack(_read(file, _HEADER.size, where))
    )
    if magic != _HEADER_MAGIC:
        raise _malformed(f"{info.orig_filename!r} is not where the directory says", where)
    header_name = _read(file, name_length, where)
    extra = _read(file, extra_length, where)
    if _NONE32 in (size, compressed):
        size, compressed = _zip64_sizes(extra, size, compressed)
    # Fields that a data descriptor repeats may be 0 here (4.4.4, bit 3).
    unknown = bool(flags & _DESCRIPTOR)
    for what, here, there, later in (
        ("name", header_name, name, False),
        ("compression method", method, info.compress_type, False),
        ("flags", flags & _FLAGS, info.flag_bits & _FLAGS, False),
        ("compressed size", compressed, info.compress_size, unknown),
        ("size", size, info.file_size, unknown),
        ("CRC", crc, info.CRC, unknown),
    ):
        if here != there and not (later and here == 0):
            raise _malformed(
                f"the header and the directory disagree about the {what} of {info.orig_filename!r}",
                where,
            )
    return _HEADER.size + len(header_name) + len(extra)


def _zip64_sizes(extra: bytes, size: int, compressed: int) -> tuple[int, int]:
    """Return the 64-bit sizes of a header's extra field (APPNOTE 4.5.3)."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        values = extra[position + 4 : position + 4 + length]
        if kind == _ZIP64_EXTRA:
            wide = iter(
                [value for (value,) in struct.iter_unpack("<Q", values[: len(values) // 8 * 8])]
            )
            if size == _NONE32:
                size = next(wide, size)
            if compressed == _NONE32:
                compressed = next(wide, compressed)
            break
        position += 4 + length
    return size, compressed


def _check_descriptor(data: bytes, info: zipfile.ZipInfo, where: str) -> None:
    """Refuse a data descriptor that contradicts the directory (APPNOTE 4.3.9)."""
    for sizes in ("<3L", "<L2Q"):
        try:
            good = struct.pack(sizes, info.CRC, info.compress_size, info.file_size)
        except struct.error:
            continue
        if data.startswith((good, _DESCRIPTOR_MAGIC + good)):
            return
    raise _malformed(f"the data descriptor of {info.orig_filename!r} is wrong", where)


def _inflate(
    encoded: Iterator[memoryview], info: zipfile.ZipInfo, where: str
) -> Iterator[memoryview]:
    """Decode deflate data that must fill a member exactly."""
    codec = deflate()
    inflate = codec.open()
    left = info.file_size
    try:
        while not inflate.eof:
            data = b""
            if inflate.needs_input:
                data = bytes(next(encoded, b""))
                if not data:
                    raise _malformed(f"the data of {info.orig_filename!r} are truncated", where)
            # Reading one byte more than allowed detects data that are too long.
            piece = inflate.decompress(data, min(left + 1, PIECE_SIZE))
            if len(piece) > left:
                raise _malformed(f"{info.orig_filename!r} is longer than it says", where)
            left -= len(piece)
            if piece:
                yield memoryview(piece)
    except codec.errors as error:
        raise _malformed(f"the data of {info.orig_filename!r}: {error}", where) from error
    if left:
        raise _malformed(f"{info.orig_filename!r} is shorter than it says", where)
    if inflate.unused_data or next(encoded, b""):
        raise _malformed(f"something follows the data of {info.orig_filename!r}", where)


def _pieces(file: BinaryIO, size: int, where: str) -> Iterator[memoryview]:
    """Yield the next bytes of a file in pieces."""
    while size:
        piece = file.read(min(size, PIECE_SIZE))
        if not piece:
            raise _truncated(where)
        size -= len(piece)
        yield memoryview(piece)


def _read(file: BinaryIO, size: int, where: str) -> bytes:
    """Return the next few bytes of a file."""
    return b"".join(_pieces(file, size, where))


def _least_end(info: zipfile.ZipInfo) -> int:
    """Return the earliest end of a member, whose header may have an unknown extra field."""
    return info.header_offset + _HEADER.size + len(info.orig_filename) + info.compress_size


def _kind(info: zipfile.ZipInfo) -> str:
    if info.orig_filename.endswith("/"):
        return FOLDER
    if info.orig_filename.rpartition("/")[2] in (".", ".."):
        return "file with a folder's name"
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) in (0, stat.S_IFREG):
        return FILE
    if stat.S_ISDIR(mode):
        return "folder with a file's name"
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "device, FIFO or socket"


def _malformed(why: str, where: str) -> IntegrityError:
    return IntegrityError(f"the zip is malformed: {why}", where=where, remedy=_REMEDY)


def _truncated(where: str) -> IntegrityError:
    return IntegrityError("the zip is truncated", where=where, remedy=_REMEDY)
