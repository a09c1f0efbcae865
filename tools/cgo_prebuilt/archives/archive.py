"""The members of an archive of any format."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

from cgo_prebuilt.archives.ar_reader import read_ar
from cgo_prebuilt.archives.archive_magic import HEAD_SIZE, format_mismatch
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.archives.decode import PIECE_SIZE, codec_of, decode
from cgo_prebuilt.archives.member import FILE, Member
from cgo_prebuilt.archives.tar_reader import read_tar
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.archives.zip_reader import read_zip
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock_keys import SINGLE

# The inner archive with a package's files: a tar, whose name tells its compression.
_DATA = {
    "conda": re.compile(r"pkg-.*\.tar\.zst"),
    "deb": re.compile(r"data\.tar(\.\w+)?"),
    "gem": re.compile(r"data\.tar\.gz"),
}


def read_members(
    stream: ByteStream, format: str, work: Work, loose: str = ""
) -> Generator[Member, None, None]:
    """Read the members of an archive; of a package, those of its inner data archive.

    Args:
        stream: The archive.
        format: One of `lock_keys.FORMATS`.
        work: Limits the work, and has the archive's name for errors.
        loose: The name of the only member, if the format is one of `SINGLE`.

    Yields:
        Every member; `Member.chunks` says when its contents can be read.

    Raises:
        CgoPrebuiltError: The bytes are unavailable.
        IntegrityError: It is not an archive of that format, or is malformed, truncated or a bomb, or
            causes more work than its size justifies.
        UsageError: This machine has no decoder for it.
    """
    if format in ("zip", "conda"):
        members = _read_zip(stream, work.where, work.expected)
        yield from _data_of(members, format, work) if format in _DATA else members
        return
    head = _read_head(stream)
    _check_format(head, format, work.where)
    read = _after(head, stream)
    if format in SINGLE:
        pieces = _plain(read) if format == "file" else decode(read, codec_of(format), work)
        yield Member(loose, FILE, None, lambda: map(memoryview, pieces))
        return
    if format == "deb":
        yield from _data_of(read_ar(_counted(read, work), work), format, work)
    elif format == "gem":
        yield from _data_of(read_tar(_counted(read, work), work), format, work)
    elif format == "tar":
        yield from read_tar(_counted(read, work), work)
    else:
        yield from read_tar(decode(read, codec_of(format), work), work)


def _data_of(
    members: Generator[Member, None, None], format: str, outer: Work
) -> Generator[Member, None, None]:
    """Yield the members of a package's inner data archive."""
    found = None
    with closing(members):
        for member in members:
            if member.kind != FILE or not _DATA[format].fullmatch(member.name):
                continue
            if found is not None:
                raise _not_a_package(f"it has {found!r} and {member.name!r}", format, outer)
            found = member.name
            work = outer.inside()
            read = _reading(member.chunks())
            ending = found.rpartition(".")[2]
            if ending == "tar":
                yield from read_tar(_counted(read, work), work)
            elif ending in SINGLE:
                yield from read_tar(decode(read, codec_of(ending), work), work)
            else:
                raise _not_a_package(f"the format of {found!r} is not supported", format, outer)
    if found is None:
        raise _not_a_package("it has no data archive", format, outer)


def _not_a_package(why: str, format: str, work: Work) -> IntegrityError:
    return IntegrityError(
        f"this is not a supported {format} package: {why}",
        where=work.where,
        remedy="ask its publisher to pack it again, or take another archive",
    )


def _read_zip(stream: ByteStream, where: str, expected: int) -> Generator[Member, None, None]:
    """Read a zip; check its first bytes only if it has no directory, since that may need a request."""
    file = stream.whole()
    try:
        yield from read_zip(file, where=where, expected=expected)
    except IntegrityError:
        file.seek(0)
        _check_format(file.read(HEAD_SIZE), "zip", where)
        raise


def _check_format(head: bytes, format: str, where: str) -> None:
    found = format_mismatch(head, format)
    if found is not None:
        raise IntegrityError(
            found, where=where, remedy="get the file again, or open its URL in a browser"
        )


def _read_head(stream: ByteStream) -> bytes:
    head = b""
    while len(head) < HEAD_SIZE and (more := stream.read(PIECE_SIZE)):
        head += more
    return head


def _after(head: bytes, stream: ByteStream) -> Callable[[int], bytes]:
    """Wrap `stream.read` so that it first returns the bytes already taken."""
    held = [head]
    return lambda size: held.pop() if held else stream.read(size)


def _reading(chunks: Iterable[memoryview]) -> Callable[[int], bytes]:
    """Return a member's contents as a file that a decoder can read."""
    left = iter(chunks)
    return lambda size: bytes(next(left, b""))


def _plain(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(PIECE_SIZE):
        yield chunk


def _counted(read: Callable[[int], bytes], work: Work) -> Iterator[bytes]:
    """Yield bytes that need no decoding, and count them as `decode` does."""
    for piece in _plain(read):
        work.decoded(len(piece))
        work.received(len(piece))
        yield piece
