"""Members of a tar, read from a stream of decoded bytes.

Ambiguous archives are refused, so that this reader sees what any other reader sees. Each header is read
once. Of extended headers, only the fields that affect a member's name and size are kept; `tarfile` keeps
all of them, copies them for every member, and recurses for each.
References: POSIX.1-2017 pax, sections "ustar Interchange Format" and "pax Interchange Format"; the
GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial

from cgo_prebuilt.archives.member import FILE, FOLDER, HARD_LINK, SYMBOLIC_LINK, Member
from cgo_prebuilt.archives.pieces import Pieces
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import normalize

_BLOCK = 512

# name, (mode, uid, gid), size, (mtime), checksum, type, linkname, magic, (owners, device), prefix
_HEADER = struct.Struct("100s24x12s12x8sc100s8s80x155s12x")
_POSIX_MAGIC = b"ustar\0"

# An old GNU sparse header, and each further block of its map, flags whether one more block follows.
# The offsets of that flag in the two kinds of blocks:
_MORE_SPARSE, _STILL_MORE_SPARSE = 482, 504

# The limits for one member's extended headers: their bytes, and their number. Names of 4096 bytes
# and extended attributes fit.
_HEADERS_MAX = 1 << 20
_EXTENSIONS_MAX = 16

_GNU_KEYS = {b"L": "path", b"K": "linkpath"}
_EXTENSIONS = frozenset((*_GNU_KEYS, b"x", b"X", b"g"))  # X: Solaris
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ([^=\n\0]+)=")
_PAX_KEYS = frozenset((b"path", b"linkpath", b"size"))
_PAX_SPARSE = "GNU.sparse."
_OCTAL = re.compile(rb" *([0-7]*) *(?:\0.*)?", re.DOTALL)
_DECIMAL = re.compile("[0-9]{1,20}")

_SPARSE = "sparse file"
_KINDS = {
    **dict.fromkeys((b"0", b"\0", b"7"), FILE),
    b"1": HARD_LINK,
    b"2": SYMBOLIC_LINK,
    **dict.fromkeys((b"3", b"4", b"6"), "device or FIFO"),
    b"5": FOLDER,
    b"S": _SPARSE,
}
# These have no contents, whatever size they state.
_WITHOUT_CONTENTS = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))

# The header's size if only the pax header can hold the real one.
_UNKNOWN_SIZES = (0, 0o77777777777)

_REMEDY = "ask its publisher to pack it again"


def read_tar(pieces: Iterator[bytes], work: Work) -> Generator[Member, None, None]:
    """Read a tar.

    Args:
        pieces: The decoded tar, in order.
        work: Counts its headers.

    Yields:
        Every member in order. Advancing to the next member skips unread contents.

    Raises:
        IntegrityError: The tar is malformed or truncated, or readers may disagree about it.
    """
    source = Pieces(pieces, what="tar", where=work.where)
    block = source.read(_BLOCK)
    if not block:
        raise _malformed("there is nothing in it", work.where)
    while block.strip(b"\0"):
        start = source.position - _BLOCK
        extended = _ExtendedHeaders(work)
        header = _parse(block, work)
        while header.type in _EXTENSIONS:
            extended.read(header, source)
            header = _parse(source.read(_BLOCK), work)
        kind, size = _kind_and_size(header, extended, source, work)
        end = source.position + _padded(size)
        name = normalize(extended.name_of(header))
        chunks = partial(source.chunks, size)
        yield Member(name, kind, size, chunks, link=extended.link_of(header), span=(start, end))
        source.skip(end - source.position)
        block = source.read(_BLOCK)
    if block and not source.rest_is_padding():
        raise _malformed("something follows its end", work.where)


@dataclass(frozen=True, slots=True)
class _Header:
    """A header block.

    Attributes:
        type: The type flag.
        size: The stated number of bytes after it.
        name: The name, without extended headers.
        link: The target of a link, without extended headers.
        block: The block itself.
    """

    type: bytes
    size: int
    name: str
    link: str
    block: bytes


def _parse(block: bytes, work: Work) -> _Header:
    """Read a header block and check it."""
    where = work.where
    work.header()
    if len(block) < _BLOCK:
        raise _truncated(where)
    name, size, checksum, kind, link, magic, prefix = _HEADER.unpack(block)
    stated = _number(checksum, where)
    found = sum(block) - sum(checksum) + len(checksum) * 0x20
    # Some writers summed signed bytes.
    if found != stated != found - 256 * sum(byte > 0x7F for byte in block):
        raise _malformed("a header has a wrong checksum", where)
    path = _text(name)
    folder = _text(prefix)
    if folder and kind != b"S":
        if not magic.startswith(_POSIX_MAGIC):
            # Some readers read this field as a part of the name, others as times, or ignore it.
            raise _malformed(
                f"the header of {path!r} has a name prefix, but is not a POSIX header", where
            )
        path = f"{folder}/{path}"
    return _Header(kind, _number(size, where), path, _text(link), block)


class _ExtendedHeaders:
    """The fields in extended headers (GNU, pax) for the next member."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._count = self._length = 0
        self._has_pax = False
        self._values: dict[str, str] = {}

    def read(self, header: _Header, source: Pieces) -> None:
        """Read an extended header."""
        where = self._work.where
        self._count += 1
        self._length += _BLOCK + _padded(header.size)
        if self._count > _EXTENSIONS_MAX:
            raise _malformed("a member has too many extended headers", where)
        if self._length > _HEADERS_MAX:
            raise _malformed("its headers are too long", where)
        payload = source.take(header.size)
        source.skip(-header.size % _BLOCK)
        if header.type in _GNU_KEYS:
            fields = {_GNU_KEYS[header.type]: _text(payload)}
        else:
            if self._has_pax and header.type != b"g":
                raise _malformed("a member has two pax headers", where)
            self._has_pax |= header.type != b"g"
            fields = _pax_values(payload, self._work)
            if fields and header.type == b"g":
                raise _malformed(f"a global header sets the {min(fields)} of all members", where)
        for key, value in fields.items():
            if self._values.setdefault(key, value) != value:
                raise _malformed(f"two headers of a member disagree about its {key}", where)

    @property
    def is_sparse(self) -> bool:
        """Return whether a pax header marks the member as a sparse file."""
        return any(key.startswith(_PAX_SPARSE) for key in self._values)

    @property
    def has_map(self) -> bool:
        """Return whether a sparse file has a map, in this header or before the contents."""
        return any(f"{_PAX_SPARSE}{key}" in self._values for key in ("major", "map", "numblocks"))

    def name_of(self, header: _Header) -> str:
        """Return the member's name."""
        return self._values.get(f"{_PAX_SPARSE}name", self._values.get("path", header.name))

    def link_of(self, header: _Header) -> str:
        """Return the target of a link."""
        return self._values.get("linkpath", header.link)

    def size_of(self, header: _Header) -> int:
        """Return the size of the member's stored bytes, on which its headers must agree."""
        text = self._values.get("size")
        if text is None:
            return header.size
        name, where = self.name_of(header), self._work.where
        if not _DECIMAL.fullmatch(text):
            raise _malformed(f"the pax header of {name!r} has an invalid size", where)
        size = int(text)
        if header.size not in (size, *_UNKNOWN_SIZES):
            raise _malformed(
                f"{name!r} has {size} bytes by its pax header and {header.size} by its own", where
            )
        return size


def _pax_values(payload: bytes, work: Work) -> dict[str, str]:
    r"""Return the relevant records of a pax header: `"%d %s=%s\n"`, which must fill it exactly."""
    values = {}
    position = records = 0
    while position < len(payload):
        records += 1
        match = _PAX_RECORD.match(payload, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(payload) or payload[end - 1] != 0x0A:
            raise _malformed("malformed pax header", work.where)
        key = match[2]
        if key in _PAX_KEYS or key.startswith(_PAX_SPARSE.encode()):
            values[_text(key)] = payload[match.end() : end - 1].decode("utf-8", "surrogateescape")
        position = end
    work.header(records)
    return values


def _kind_and_size(
    header: _Header, extended: _ExtendedHeaders, source: Pieces, work: Work
) -> tuple[str, int]:
    """Return the kind of a member and the number of bytes that it stores."""
    where = work.where
    kind = _KINDS.get(header.type, f"member of type {header.type!r}")
    size = extended.size_of(header)
    name = extended.name_of(header)
    if kind in (HARD_LINK, SYMBOLIC_LINK) and name.rstrip("/").endswith("/."):
        # Some readers see a folder instead of the link.
        raise _malformed(f"readers disagree whether {name!r} is a link or a folder", where)
    if extended.is_sparse and kind not in (FILE, _SPARSE):
        # Its headers have two names, and readers use different ones.
        raise _malformed(f"{name!r} is a {kind} and a sparse file", where)
    if header.type in _WITHOUT_CONTENTS:
        return kind, 0
    if kind == _SPARSE:
        # The next blocks continue its map; they are not its contents.
        more = header.block[_MORE_SPARSE]
        while more:
            work.header()
            more = source.take(_BLOCK)[_STILL_MORE_SPARSE]
    if kind == FILE and extended.is_sparse:
        if not extended.has_map:
            # GNU tar reads a map nevertheless, and loses the members after it.
            raise _malformed(f"{name!r} is a sparse file without a map", where)
        kind = _SPARSE
    if kind == FILE:
        # The oldest tars mark a folder only by this slash; it then has no contents.
        old = header.type == b"\0"
        is_folder = _names_folder(name, old)
        if (is_folder and (size or not old)) or (
            old and is_folder != _names_folder(header.name, old)
        ):
            raise _malformed(f"readers disagree whether {name!r} is a file or a folder", where)
        kind = FOLDER if is_folder else FILE
    return kind, size


def _names_folder(name: str, old: bool) -> bool:
    """Return whether a name is a folder's; an empty one is the root in the oldest tars."""
    return name.rpartition("/")[2] in ("", ".") and bool(name if old else normalize(name))


def _number(field: bytes, where: str) -> int:
    """Parse a number: octal digits, or base 256 if the first bit is set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise _malformed("a header has an invalid or negative number", where)
    return int(match[1] or b"0", 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _malformed(why: str, where: str) -> IntegrityError:
    return IntegrityError(f"the tar is malformed: {why}", where=where, remedy=_REMEDY)


def _truncated(where: str) -> IntegrityError:
    return IntegrityError("the tar is truncated", where=where, remedy=_REMEDY)
