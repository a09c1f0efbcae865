"""Members of an `ar` archive (ar(5)), such as a Debian package (deb(5))."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import partial

from cgo_prebuilt.archives.member import FILE, Member
from cgo_prebuilt.archives.pieces import Pieces
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError

MAGIC = b"!<arch>\n"

HEADER_SIZE = 60

# name; time, owner, group and mode; size, and the end mark
_HEADER = re.compile(rb"(.{16}).{32}([0-9]{1,10}) *`\n", re.DOTALL)
# Long names are not read, since a Debian package has none.
_NAME = re.compile(rb"([^/ ]{1,16})/?")


def parse_header(header: bytes) -> tuple[bytes, int] | None:
    """Parse the header of a member.

    Returns:
        The raw name and the size; None if it is not a header.
    """
    match = _HEADER.fullmatch(header)
    return (match[1].rstrip(b" "), int(match[2])) if match else None


def read_ar(pieces: Iterator[bytes], work: Work) -> Generator[Member, None, None]:
    """Read an `ar` archive.

    Args:
        pieces: The archive, in order.
        work: Counts its headers.

    Yields:
        Every member in order. Advancing to the next member skips unread contents.

    Raises:
        IntegrityError: The archive is malformed or truncated.
    """
    source = Pieces(pieces, what="ar archive", where=work.where)
    if source.read(len(MAGIC)) != MAGIC:
        raise _malformed(work.where)
    while header := source.read(HEADER_SIZE):
        work.header()
        parsed = parse_header(header)
        match = _NAME.fullmatch(parsed[0]) if parsed else None
        if parsed is None or match is None:
            raise _malformed(work.where)
        size = parsed[1]
        end = source.position + size
        name = match[1].decode("utf-8", "surrogateescape")
        yield Member(name, FILE, size, partial(source.chunks, size))
        source.skip(end - source.position)
        if size % 2 and source.read(1) not in (b"\n", b""):
            raise _malformed(work.where)


def _malformed(where: str) -> IntegrityError:
    return IntegrityError(
        "the ar archive is malformed", where=where, remedy="ask its publisher to pack it again"
    )
