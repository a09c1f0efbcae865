"""Read only the segments of a compressed tar that hold the wanted members.

The meaning of an entry point's window depends on the codec. For deflate, it is the bytes before the point,
at most 32 KiB (RFC 1951, section 2). For xz, it is the header of the stream, which tells how its blocks
are checked (the .xz file format 1.2, section 2.1.1). Without a window, a stream begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from cgo_prebuilt.archives.decode import READ_SIZE, codec_of, decode, decode_stream, deflate
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.archive_ranges import Segment
from cgo_prebuilt.locks.lock import LockedArchive

_FIXED = "0" + "10" + "0000000"
"""An empty deflate block with the fixed code, in the order of its bits (RFC 1951, section 3.2.6)."""

_DYNAMIC = (
    "0" + "01"  # not the last block; its code follows (section 3.2.7):
    + "00000" + "10000" + "0111"  # 257 literals and lengths, 2 distances, 18 lengths of lengths
    + "000" + "010" + "010" + "000" * 14 + "100"  # 2 bits for 17 and 18, one bit for 1
    + "0" + "11" + "1111111" + "11" + "0000011" + "10" + "111" + "0"  # 1, 138 + 107 + 10 zeros, 1
    + "00"  # both distances
    + "1"  # the end of the block
)  # fmt: skip
"""An empty deflate block with a dynamic code, of an odd number of bits: 99."""


class SegmentStream:
    """The members of some segments as a tar: a `ByteStream` that is read in order only.

    Args:
        file: The archive.
        segments: The segments to read, in order.
        archive: The lock's entry of the archive.
    """

    def __init__(self, file: BinaryIO, segments: Iterable[Segment], archive: LockedArchive) -> None:
        expected = sum(one.size for one in archive.files)
        self._pieces = (
            piece
            for segment in segments
            for piece in decode_segment(
                file, segment, archive.format, Work(archive.file, expected=expected)
            )
        )
        self._held = memoryview(b"")

    def read(self, size: int) -> bytes:
        """See `ByteStream.read`."""
        if not self._held:
            self._held = next(self._pieces, memoryview(b""))
        piece, self._held = self._held[:size], self._held[size:]
        return bytes(piece)

    def whole(self) -> BinaryIO:
        """See `ByteStream.whole`; not supported, since a tar is read in order."""
        raise AssertionError("segments are read in order")


def decode_segment(
    file: BinaryIO, segment: Segment, format: str, work: Work
) -> Iterator[memoryview]:
    """Decode the wanted pieces of a segment.

    Args:
        file: The archive.
        segment: The segment.
        format: One of `archive_ranges.FORMATS_WITH_ENTRY_POINTS`.
        work: Limits the work.

    Yields:
        The wanted bytes in order.

    Raises:
        IntegrityError: The data are malformed or truncated, or a bomb.
    """
    wanted = iter(segment.pieces)
    start, end = next(wanted)
    position = segment.entry.decoded
    for decoded in _decoded(_reading(file, *segment.part), segment, format, work):
        piece = memoryview(decoded)
        while start < position + len(piece):
            begin = max(0, start - position)
            yield piece[begin : end - position]
            if end > position + len(piece):
                break
            following = next(wanted, None)
            if following is None:
                return
            start, end = following
        position += len(piece)
    raise IntegrityError(
        f"its first {segment.end} bytes decode to fewer than {end}",
        where=work.where,
        remedy="make the lock again",
    )


def _decoded(
    read: Callable[[int], bytes], segment: Segment, format: str, work: Work
) -> Iterator[bytes]:
    entry = segment.entry
    if not entry.window:
        yield from decode(read, codec_of(format), work)
        return

    def receive() -> bytes:
        more = next(parts, b"")
        work.received(len(more))
        return more

    if format == "tar.gz":
        parts = _aligned(read, entry.bits)
        yield from decode_stream(b"", receive, deflate(entry.window), work)
    else:
        parts = _aligned(read, 0)
        yield from decode_stream(entry.window, receive, codec_of(format), work)


def _reading(file: BinaryIO, start: int, end: int) -> Callable[[int], bytes]:
    """Return a function that reads a part of a file in order, seeking to its start first."""
    left = end - start
    is_there = False

    def read(size: int) -> bytes:
        nonlocal left, is_there
        if not is_there:
            file.seek(start)
            is_there = True
        data = file.read(min(size, left)) if left else b""
        left -= len(data)
        return data

    return read


def _aligned(read: Callable[[int], bytes], bits: int) -> Iterator[bytes]:
    """Yield deflate data that begin within a byte, after empty blocks that fill the byte's lower bits.

    The data cannot be shifted to a byte border, since stored blocks are aligned (RFC 1951, section 3.2.4).
    """
    if bits:
        filling, length = _filling(8 - bits)
        for first in read(1):
            yield (filling | first >> 8 - bits << length).to_bytes((length + bits) // 8, "little")
    while data := read(READ_SIZE):
        yield data


def _filling(bits: int) -> tuple[int, int]:
    """Return empty deflate blocks as a number, and their length: `bits` more than a multiple of 8."""
    odd = _DYNAMIC if bits % 2 else ""
    filling = odd + _FIXED * ((bits - len(odd)) // 2 % 4)
    return int(filling[::-1], 2), len(filling)
