"""Members of a tar, from decoded bytes that come in order.

The standard library's `tarfile` reads the headers; every choice that it makes between two readings
of an archive is refused here instead, so that what is read is what any other reader sees.
References: POSIX.1-2017 pax, sections "ustar Interchange Format" and "pax Interchange Format"; the
GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Generator, Iterator
from functools import partial

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import FILE, FOLDER, Member, normalize

_BLOCK = tarfile.BLOCKSIZE

# A member's headers with all their extensions. Names of 4096 bytes and extended attributes fit.
_HEADERS_MAX = 1 << 20
# GNU and pax extensions before one member. Readers handle them by recursion.
_EXTENSIONS_MAX = 16
_MEMBERS_MAX = 1_000_000

_PAX_TYPES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENSION_TYPES = (*_PAX_TYPES, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ([^=\n\0]+)=")

# What writers put in the header of a member whose size only the pax header can hold.
_UNKNOWN_SIZES = (0, 0o77777777777)

_REMEDY = "its publisher has to pack it again"


def read_tar(pieces: Iterator[bytes], *, where: str) -> Generator[Member, None, None]:
    """Reads a tar.

    Args:
        pieces: The decoded tar, in order.
        where: What the archive is called in an error.

    Yields:
        Every member in order. The contents of one have to be read before the next is asked for, or
        are skipped.

    Raises:
        IntegrityError: The tar is malformed or truncated, or readers may disagree about it.
    """
    source = _Source(pieces, where)
    tar: _Tar | None = None
    for _ in range(_MEMBERS_MAX):
        if not source.peek(1):
            if tar is None:
                raise _malformed("there is nothing in it", where)
            return
        if not source.peek(_BLOCK).strip(b"\0"):
            _check_end(source, where)
            return
        _check_headers(source, where)
        source.begin_headers()
        try:
            if tar is None:
                tar = _Tar(source)
            info = _Info.fromtarfile(tar)
        except (tarfile.TarError, ValueError, OverflowError, IndexError) as error:
            raise _malformed(str(error), where) from error
        end = tar.offset
        _check_sizes(info, source.position, end, where)
        # A link or a folder may state a size and have no contents.
        size = min(info.size, end - source.position)
        yield Member(normalize(info.name), _kind(info), size, partial(source.chunks, size))
        source.skip(end - source.position)
    raise _malformed(f"it has more than {_MEMBERS_MAX} members", where)


class _Source(io.RawIOBase):
    """Decoded pieces as a file that is read forward only."""

    def __init__(self, pieces: Iterator[bytes], where: str) -> None:
        self._pieces = pieces
        self._where = where
        self._piece = memoryview(b"")
        self._headers_left = 0
        self.position = 0

    def begin_headers(self) -> None:
        """Allows `read` for the headers of one member, sparse maps included."""
        self._headers_left = _HEADERS_MAX + _BLOCK

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer only at the end, without taking them."""
        if len(self._piece) < size:
            kept = bytearray(self._piece)
            for piece in self._pieces:
                kept += piece
                if len(kept) >= size:
                    break
            self._piece = memoryview(bytes(kept))
        return bytes(self._piece[:size])

    def read(self, size: int = -1) -> bytes:
        """For `tarfile`, which reads headers with it."""
        self._headers_left -= size
        if size < 0 or self._headers_left < 0:
            raise _malformed("its headers are too long", self._where)
        data = self.peek(size)
        if len(data) < size:
            raise _truncated(self._where)
        self._take(size)
        return data

    def tell(self) -> int:
        """For `tarfile`."""
        return self.position

    def chunks(self, size: int) -> Iterator[memoryview]:
        """Takes exactly the next bytes, without copying them."""
        while size:
            if not self._piece:
                self._piece = memoryview(next(self._pieces, b""))
                if not self._piece:
                    raise _truncated(self._where)
            chunk = self._piece[:size]
            self._take(len(chunk))
            size -= len(chunk)
            yield chunk

    def take_piece(self) -> bytes:
        """Takes what is at hand."""
        piece = bytes(self._piece)
        self._take(len(piece))
        return piece

    def skip(self, size: int) -> None:
        """Takes the next bytes and drops them."""
        for _ in self.chunks(size):
            pass

    def _take(self, size: int) -> None:
        self._piece = self._piece[size:]
        self.position += size


class _Info(tarfile.TarInfo):
    """A member's header that remembers the size before pax headers are applied."""

    header_size = 0

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Info:
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0:
            raise tarfile.HeaderError("negative size")
        info.header_size = info.size
        return info


class _Tar(tarfile.TarFile):
    """What `TarInfo.fromtarfile` needs: global pax headers, and the next header's offset."""

    def __init__(self, source: _Source) -> None:
        super().__init__(fileobj=source, encoding="utf-8")  # the machine's own may be another

    def next(self) -> None:
        """Nothing, where `TarFile` would read the first header when it is made."""


def _check_headers(source: _Source, where: str) -> None:
    """Refuses headers before the next member that readers understand in more than one way."""
    offset = 0
    for _ in range(_EXTENSIONS_MAX):
        block = source.peek(offset + _BLOCK)[offset:]
        if len(block) < _BLOCK:
            raise _truncated(where)
        try:
            info = _Info.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise _malformed(str(error), where) from error
        if info.type not in _EXTENSION_TYPES:
            return
        start = offset + _BLOCK
        offset = start + _padded(info.size)
        if offset > _HEADERS_MAX:
            raise _malformed("its headers are too long", where)
        payload = source.peek(start + info.size)[start:]
        if len(payload) < info.size:
            raise _truncated(where)
        if info.type in _PAX_TYPES:
            _check_pax(payload, where)
    raise _malformed("a member has too many extended headers", where)


def _check_pax(payload: bytes, where: str) -> None:
    r"""Refuses a pax header whose records do not fill it exactly: `"%d %s=%s\n"`, length first."""
    position = 0
    while position < len(payload):
        match = _PAX_RECORD.match(payload, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(payload) or payload[end - 1] != 0x0A:
            raise _malformed("malformed pax header", where)
        position = end


def _check_sizes(info: _Info, position: int, end: int, where: str) -> None:
    """Refuses a member whose headers disagree about how long it is."""
    if "size" in info.pax_headers and info.header_size not in (info.size, *_UNKNOWN_SIZES):
        raise _malformed(
            f"{info.name!r} has {info.pax_headers['size']} bytes by its pax header and"
            f" {info.header_size} by its own",
            where,
        )
    if info.size < 0 or end < position:
        raise _malformed(f"{info.name!r} has a negative size", where)
    if _kind(info) == FILE and end != position + _padded(info.size):
        raise _malformed(f"the headers of {info.name!r} disagree about its size", where)


def _check_end(source: _Source, where: str) -> None:
    """Refuses anything but padding behind the end of the tar."""
    while source.peek(1):
        if source.take_piece().strip(b"\0"):
            raise _malformed("there is something else behind its end", where)


def _kind(info: tarfile.TarInfo) -> str:
    if info.type == tarfile.GNUTYPE_SPARSE or info.issparse():
        return "sparse file"
    if info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
        return FILE
    if info.isdir():
        return FOLDER
    if info.issym():
        return "symbolic link"
    if info.islnk():
        return "hard link"
    if info.isdev():
        return "device or FIFO"
    return f"member of type {info.type!r}"


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _malformed(why: str, where: str) -> IntegrityError:
    return IntegrityError(f"the tar is malformed: {why}", where=where, remedy=_REMEDY)


def _truncated(where: str) -> IntegrityError:
    return IntegrityError("the tar ends in the middle", where=where, remedy=_REMEDY)
