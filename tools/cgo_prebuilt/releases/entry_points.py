"""Find the members that platforms need in a compressed tar, and the points where decoding can begin.

Decoding can begin at each border between streams, frames or blocks. Within deflate data, a decoder needs
the 32 KiB before the point. `indexed_gzip`, which only this module loads, finds such points; the format of
its export is that of its version 1: `indexed_gzip/zran.c`, `zran_export_index`.
"""

from __future__ import annotations

import importlib
import struct
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cgo_prebuilt.archives.member import Member
from cgo_prebuilt.archives.work import BORDER_GAP
from cgo_prebuilt.locks.archive_ranges import (
    MAX_SHARE_IN_PARTS,
    ArchiveRanges,
    EntryPoint,
    MemberRun,
    needed_points,
    segments_for,
)
from cgo_prebuilt.releases.xz_blocks import read_blocks

SMALLEST = 4 << 20
"""Smaller archives are read whole, since their bytes take no longer than a few requests."""

_SPACING = 1 << 20
"""The decoded distance of points in deflate data; on average, half of it is decoded needlessly."""
_MOST_POINTS = 2048
"""The most points in memory during the search, each with a window of 32 KiB."""
_HEADER = struct.Struct("<5sBBQQIII")
_POINT = struct.Struct("<QQBB")
_MAGIC, _VERSION = b"GZIDX", 1


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of members and streams in a compressed tar.

    Attributes:
        spans: The `Member.span` of each member, in order.
        borders: For each start of a stream, its offset in the archive and in the tar.
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    borders: list[tuple[int, int]] = field(default_factory=list)

    def watch(self, members: Iterable[Member]) -> Iterator[Member]:
        """Yield the members, and record their places."""
        for member in members:
            self.spans[member.name] = member.span
            yield member


def can_enter_deflate() -> bool:
    """Return whether points within deflate data can be found on this machine."""
    return _indexed_gzip() is not None


def find_ranges(
    file: BinaryIO,
    size: int,
    format: str,
    layout: Layout,
    member_sets: Sequence[frozenset[str]],
) -> ArchiveRanges | None:
    """Find how to read parts of an archive.

    Args:
        file: The archive, which is known to be sound.
        size: Its size in bytes.
        format: One of `archive_ranges.FORMATS_WITH_ENTRY_POINTS`.
        layout: The layout of the archive.
        member_sets: For each platform, the names of the members that it needs.

    Returns:
        The ranges; None if every platform would read nearly all of it.
    """
    runs = _runs(layout.spans, member_sets)
    points = [EntryPoint(place, decoded, window=b"") for place, decoded in layout.borders]
    if format == "tar.gz" and can_enter_deflate():
        decoded = max(end for _, end in layout.spans.values())
        points = _merged(points, _deflate_points(file, decoded))
    elif format == "tar.xz":
        points = _block_points(file) or points
    wanted = [
        [(run.start, run.end) for run in runs if run.first in members] for members in member_sets
    ]
    ranges = ArchiveRanges(runs, needed_points(wanted, points))
    return ranges if any(segments_for(ranges, members, size) for members in member_sets) else None


def is_missed(format: str, layout: Layout, member_sets: Sequence[frozenset[str]]) -> bool:
    """Return whether an archive's ranges are missing only because a decoder is missing."""
    if format != "tar.gz" or can_enter_deflate():
        return False
    total = max(end for _, end in layout.spans.values())
    shares = (
        sum(layout.spans[name][1] - layout.spans[name][0] for name in one) for one in member_sets
    )
    return min(shares) <= total * MAX_SHARE_IN_PARTS


def _runs(
    spans: Mapping[str, tuple[int, int]], member_sets: Sequence[frozenset[str]]
) -> tuple[MemberRun, ...]:
    """Return the runs of consecutive members that the same platforms need."""
    runs: list[MemberRun] = []
    before: list[int] = []
    for name, (start, end) in spans.items():
        needed_by = [index for index, members in enumerate(member_sets) if name in members]
        if needed_by and needed_by == before and runs[-1].end == start:
            runs[-1] = MemberRun(runs[-1].first, runs[-1].start, end)
        elif needed_by:
            runs.append(MemberRun(name, start, end))
        before = needed_by
    return tuple(runs)


def _merged(borders: Sequence[EntryPoint], points: Sequence[EntryPoint]) -> list[EntryPoint]:
    """Merge borders and points in order; leave out the points that closely follow a border.

    Shortly after a border, a gzip member may end whose border was not recorded (see `BORDER_GAP`).
    From a point, decoding ends with the member that it is in.
    """
    merged = list(borders)
    places = [border.decoded for border in borders]
    for point in points:
        before = bisect_right(places, point.decoded)
        if not before or point.decoded >= places[before - 1] + BORDER_GAP:
            merged.append(point)
    return sorted(merged, key=lambda point: point.decoded)


def _block_points(file: BinaryIO) -> list[EntryPoint]:
    """Return the points between the blocks of an xz file; none if its index has none."""
    try:
        blocks = [block for block in read_blocks(file) if block.decoded < block.decoded_end]
    except ValueError:
        return []
    points = []
    for block in blocks:
        # The first block is entered at the header of the stream before it.
        start = block.start - len(block.header) if block.is_first else block.start
        points.append(
            EntryPoint(start, block.decoded, window=b"" if block.is_first else block.header)
        )
        if block.is_last:
            points.append(EntryPoint(block.end, block.decoded_end))
    return points


def _deflate_points(file: BinaryIO, decoded: int) -> list[EntryPoint]:
    """Return the points in a gzip file that have a window."""
    file.seek(0)
    spacing = max(_SPACING, decoded // _MOST_POINTS)
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder, "index")
        with _indexed_gzip().IndexedGzipFile(fileobj=file, spacing=spacing) as index:
            index.build_full_index()
            index.export_index(str(exported))
        with exported.open("rb") as points:
            return _read_points(points)


def _read_points(file: BinaryIO) -> list[EntryPoint]:
    magic, version, _, _, _, _, window, count = _HEADER.unpack(file.read(_HEADER.size))
    if (magic, version) != (_MAGIC, _VERSION):
        return []  # from a newer indexed_gzip: ignore its points
    rows = [_POINT.unpack(file.read(_POINT.size)) for _ in range(count)]
    return [
        EntryPoint(compressed, decoded, bits, file.read(window))
        for compressed, decoded, bits, has_window in rows
        if has_window
    ]


def _indexed_gzip() -> Any:
    """Return the module if it is installed, else None; it has no types."""
    try:
        return importlib.import_module("indexed_gzip")
    except ImportError:
        return None
