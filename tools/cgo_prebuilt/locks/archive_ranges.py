"""The byte ranges of an archive that some of its members need.

`lock` finds them once. A fetch then requests only the bytes of its platform's members, though the
format has no index. All offsets count from the start: of the archive (compressed), or of the tar
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

FORMATS_WITH_ENTRY_POINTS = tuple(f"tar.{ending}" for ending in SINGLE if ending != "file")
"""The formats whose decoding can begin at an entry point."""

MAX_SHARE_IN_PARTS = 0.8
"""If more than this share is needed, the whole archive is read, which also verifies its hash.

Up to 60 %, reading parts took less processor time than reading the whole. The elapsed time was
proportional to their bytes (255 MB in five equal parts, 50 MB/s).
"""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A place where decoding can begin, or where it can end.

    Attributes:
        compressed: The offset of the first whole byte to decode.
        decoded: The offset in the tar of its first decoded byte.
        bits: How many of the highest bits of the preceding byte must be decoded, too.
        window: The decoder's initial state: the 32 KiB before the point (deflate), or the header of
            its stream (xz). Empty at the start of a stream, frame or gzip member. None if decoding
            can only end here.
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
    """Consecutive members, with their headers, that the same platforms need.

    Attributes:
        first: The name of the first member.
        start: The offset in the tar of its first header.
        end: The offset in the tar of the end of the last member, with its padding.
    """

    first: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ArchiveRanges:
    """The ranges of one archive.

    Attributes:
        runs: The runs, in order, without overlaps.
        points: The entry points, in order. There may be two points where one stream ends and
            another begins.
    """

    runs: tuple[MemberRun, ...]
    points: tuple[EntryPoint, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive bytes of an archive, decoded from one entry point.

    Attributes:
        entry: Where decoding begins.
        end: The offset in the archive of the end of the needed bytes.
        pieces: The wanted decoded bytes: start and end in the tar, in order.
    """

    entry: EntryPoint
    end: int
    pieces: tuple[tuple[int, int], ...]

    @property
    def part(self) -> tuple[int, int]:
        """The start and end offsets of the bytes in the archive."""
        return self.entry.start, self.end


def segments_for(ranges: ArchiveRanges, members: Collection[str], size: int) -> list[Segment]:
    """Return the segments of an archive to read for some of its members.

    Args:
        ranges: The archive's ranges.
        members: The names of the wanted members.
        size: The archive's size in bytes.

    Returns:
        The segments in order; together they decode to the headers and contents of the members. Empty
        if they would cover nearly all of the archive.
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
    return segments if cost <= size * MAX_SHARE_IN_PARTS else []


def needed_points(
    needed_ranges: Sequence[Sequence[tuple[int, int]]], candidates: Sequence[EntryPoint]
) -> tuple[EntryPoint, ...]:
    """Return the points that are worth a record.

    Args:
        needed_ranges: For each platform, the start and end in the tar of what it needs.
        candidates: All entry points, in order. From a point with a window, decoding stops at the next
            start of a stream at the latest.

    Returns:
        The points where decoding begins for some platform, and the points where it ends; the latter
            have no windows.
    """
    places = [point.decoded for point in candidates]
    is_entry: dict[int, bool] = {}
    for start, end in (piece for pieces in needed_ranges for piece in _joined(pieces)):
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
    """Return the offset in the archive at which decoding reaches a place in the tar."""
    index = bisect_left([point.decoded for point in points], decoded)
    return points[index].compressed if index < len(points) else size


def _joined(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort pieces, and merge adjacent ones."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
