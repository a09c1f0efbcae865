"""The byte ranges of an archive that some of its members need.

`lock` finds it out once. A fetch then asks for the bytes of its own platform's members alone, though
the format has no index. All offsets count from the start: of the archive (compressed), or of the tar
in it (decoded).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cgo_prebuilt.locks.lock_keys import SINGLE

TAR_BLOCK = 512
WINDOW_SIZE = 1 << 15
"""How far back deflate can refer (RFC 1951, section 2)."""

ENTERED = tuple(f"tar.{ending}" for ending in SINGLE if ending != "file")
"""The formats that can be entered."""

MOST = 0.8
"""Of an archive of which more is needed, all is read, so that its hash is verified, too.

Up to 60 % parts took fewer processor seconds than the whole, and the time of their bytes (255 MB in
five equal parts, 50 MB/s).
"""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A place where decoding can begin, or where it can end.

    Attributes:
        compressed: The first whole byte of what is decoded there.
        decoded: What it decodes to begins here.
        bits: How many bits of the byte before belong to it, too: the highest ones.
        window: What a decoder must know: the 32 KiB before it (deflate), or the header of its
            stream (xz). Empty where a stream, frame or gzip member begins. None where decoding
            can only end.
    """

    compressed: int
    decoded: int
    bits: int = 0
    window: bytes | None = None

    @property
    def start(self) -> int:
        """The first byte that decoding needs."""
        return self.compressed - (1 if self.bits else 0)


START = EntryPoint(0, 0, window=b"")
"""The start of the archive, which needs no record."""


@dataclass(frozen=True, slots=True)
class MemberRun:
    """Members behind each other that the same platforms need, with their headers.

    Attributes:
        first: The name of the first.
        start: Where its first header begins in the tar.
        end: Where the last one's contents end, with their padding.
    """

    first: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ArchiveRanges:
    """What is known of one archive.

    Attributes:
        runs: In order; none overlaps another.
        points: In order. Where one stream ends and the next begins, there may be a point for each.
    """

    runs: tuple[MemberRun, ...]
    points: tuple[EntryPoint, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes of an archive that are decoded in one go.

    Attributes:
        entry: Where decoding begins.
        end: Where the bytes end that it needs.
        pieces: The decoded bytes that are wanted: start and end in the tar, in order.
    """

    entry: EntryPoint
    end: int
    pieces: tuple[tuple[int, int], ...]

    @property
    def part(self) -> tuple[int, int]:
        """Start and end of the bytes in the archive."""
        return self.entry.start, self.end


def segments_for(ranges: ArchiveRanges, members: Collection[str], size: int) -> list[Segment]:
    """Return what to read of an archive for some of its members.

    Args:
        ranges: What is known of it.
        members: The names of those that are wanted.
        size: Of the archive in bytes.

    Returns:
        The segments in order; together they decode to the headers and contents of the members. Empty
        where they are about all of the archive.
    """
    wanted = _joined((run.start, run.end) for run in ranges.runs if run.first in members)
    entries = [START, *(point for point in ranges.points if point.window is not None)]
    limits: list[int | None] = [*(point.decoded for point in entries[1:]), None]
    segments = []
    for entry, limit in zip(entries, limits, strict=True):
        pieces = tuple(
            (max(start, entry.decoded), end if limit is None else min(end, limit))
            for start, end in wanted
            if end > entry.decoded and (limit is None or start < limit)
        )
        if pieces:
            segments.append(Segment(entry, _end_of(pieces[-1][1], ranges.points, size), pieces))
    cost = sum(end - start for start, end in (segment.part for segment in segments))
    return segments if cost <= size * MOST else []


def needed_points(
    users: Sequence[Sequence[tuple[int, int]]], candidates: Sequence[EntryPoint]
) -> tuple[EntryPoint, ...]:
    """Return the points that are worth a record.

    Args:
        users: For each platform, start and end in the tar of what it needs.
        candidates: All that there are, in order. From one with a window, decoding goes no
            farther than to the next one that is a stream's start.

    Returns:
        Those where decoding for some platform begins, and, without their windows, those where it ends.
    """
    places = [point.decoded for point in candidates]
    is_entry: dict[int, bool] = {}
    for start, end in (piece for pieces in users for piece in _joined(pieces)):
        first = bisect_left(places, start + 1) - 1
        last = bisect_left(places, end)
        if first >= 0:
            is_entry[first] = True
            if candidates[first].window:
                borders = (i for i in range(first + 1, last) if candidates[i].window == b"")
                border = next(borders, None)
                if border is not None:
                    is_entry[border] = True
        if last < len(places):
            is_entry.setdefault(last, False)
    return tuple(
        candidates[index]
        if entered
        else EntryPoint(candidates[index].compressed, candidates[index].decoded)
        for index, entered in sorted(is_entry.items())
        if candidates[index].decoded
    )


def _end_of(decoded: int, points: Sequence[EntryPoint], size: int) -> int:
    """Return where the bytes end that decode up to a place in the tar."""
    index = bisect_left([point.decoded for point in points], decoded)
    return points[index].compressed if index < len(points) else size


def _joined(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
