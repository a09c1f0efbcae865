"""The members of an archive, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from cgo_prebuilt.archives.archive_magic import HEAD_SIZE, surprise
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.archives.decode import PIECE_SIZE, codec_of, decode
from cgo_prebuilt.archives.tar_reader import read_tar
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.archives.zip_reader import read_zip
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import FILE, Member


def read_members(
    stream: ByteStream,
    *,
    format: str,
    where: str,
    loose: str = "",
    expected: int = 0,
    size: int = 0,
) -> Generator[Member, None, None]:
    """Reads the members of an archive.

    Args:
        stream: The archive.
        format: One of `lock_keys.FORMATS`.
        where: What the archive is called in an error.
        loose: The name of the only member, where the format is `file`.
        expected: How many decoded bytes are no surprise, however well they are compressed.
        size: Of the archive by the lock; 0 where a lock is being made.

    Yields:
        Every member; see `Member` for when its contents can be read.

    Raises:
        CgoPrebuiltError: The bytes cannot be had.
        IntegrityError: It is not an archive of that format, or is malformed, truncated or a bomb, or makes
            more work than its size explains.
        UsageError: This machine has no decoder for it.
    """
    if format == "zip":
        yield from _read_zip(stream, where, expected)
        return
    head = _read_head(stream)
    _refuse_surprise(head, format, where)
    read = _after(head, stream)
    if format == "file":
        yield Member(loose, FILE, None, lambda: _chunks(read))
        return
    work = Work(where, promised=size, expected=expected)
    yield from read_tar(decode(read, codec_of(format), work), work)


def _read_zip(stream: ByteStream, where: str, expected: int) -> Generator[Member, None, None]:
    """Reads a zip. Its first bytes are not read unless it is none: they may cost a request."""
    file = stream.whole()
    try:
        yield from read_zip(file, where=where, expected=expected)
    except IntegrityError:
        file.seek(0)
        _refuse_surprise(file.read(HEAD_SIZE), "zip", where)
        raise


def _refuse_surprise(head: bytes, format: str, where: str) -> None:
    found = surprise(head, format)
    if found is not None:
        raise IntegrityError(found, where=where, remedy="look at what the URL gives in a browser")


def _read_head(stream: ByteStream) -> bytes:
    head = b""
    while len(head) < HEAD_SIZE and (more := stream.read(PIECE_SIZE)):
        head += more
    return head


def _after(head: bytes, stream: ByteStream) -> Callable[[int], bytes]:
    """`stream.read`, with the bytes that were taken from it put back before the others."""
    held = [head]
    return lambda size: held.pop() if held else stream.read(size)


def _chunks(read: Callable[[int], bytes]) -> Iterator[memoryview]:
    while chunk := read(PIECE_SIZE):
        yield memoryview(chunk)
