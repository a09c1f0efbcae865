"""The file beside a lock, `prebuilt.lock.ranges`: how to read parts of its archives.

It has a section for each archive, and the lock has each section's SHA-256. A fetch works without the
file, then it reads whole archives. Windows are stored as they are: what a compressor makes of them
depends on its version, and Git compresses the file.

    magic             it has a NUL, so no tool takes the file for text
    for each section  its length in 8 bytes, little-endian, then the section
    a section         JSON on one line, a line feed, then the windows, one behind the other
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from cgo_prebuilt.bounded_read import bytes_of_file, open_file
from cgo_prebuilt.locks.archive_ranges import (
    FORMATS_WITH_ENTRY_POINTS,
    TAR_BLOCK,
    WINDOW_SIZE,
    ArchiveRanges,
    EntryPoint,
    MemberRun,
    Segment,
    segments_for,
)
from cgo_prebuilt.locks.lock import LockedArchive
from cgo_prebuilt.strict_json import parse_json

_MAGIC = b"\0cgo-prebuilt ranges 1\n"
_LENGTH = 8
_NO_ENTRY = -1


def read_sections(path: Path) -> dict[str, bytes]:
    """Return the sections of a file by their SHA-256; none if it is missing or damaged."""
    try:
        data = bytes_of_file(path)
    except OSError:
        return {}
    sections = {}
    position = len(_MAGIC)
    while data.startswith(_MAGIC) and position < len(data):
        length = int.from_bytes(data[position : position + _LENGTH], "little")
        position += _LENGTH
        section = data[position : position + length]
        sections[hashlib.sha256(section).hexdigest()] = section
        position += length
    return sections


def is_other_file(path: Path) -> bool:
    """Return whether a path is a regular file that is neither a ranges file nor empty.

    Raises:
        OSError: It cannot be read.
    """
    if not path.is_file():
        return False
    with open_file(path) as file:
        return not _MAGIC.startswith(file.read(len(_MAGIC)))


def missing_section_problem(path: Path) -> tuple[str, str]:
    """Return what is wrong with a file that lacks a section of its lock, and what to do next."""
    if not os.path.lexists(path):
        return f"there is no {path}", "copy it together with its lock, under that name"
    return f"{path} lacks what the lock names", "take the one that was written with this lock"


def segments_of(archive: LockedArchive, sections: Mapping[str, bytes]) -> list[Segment]:
    """Return the segments of an archive to read for its locked files.

    Args:
        archive: The archive.
        sections: From `read_sections`.

    Returns:
        The segments in order; none if only the whole archive can be read.

    Raises:
        ValueError: Its section is malformed, or does not fit the archive.
    """
    section = sections.get(archive.ranges)
    if section is None or archive.format not in FORMATS_WITH_ENTRY_POINTS:
        return []
    ranges = parse_section(section, archive.size)
    members = {archive.member_of(file) for file in archive.files}
    return segments_for(ranges, members, archive.size)


def format_sections(sections: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a file with some sections, in the order of their hashes."""
    parts = [_MAGIC]
    for _, section in sorted(sections.items()):
        parts += [len(section).to_bytes(_LENGTH, "little"), section]
    return b"".join(parts)


def format_section(ranges: ArchiveRanges) -> bytes:
    """Return the section of an archive."""
    document = {
        "points": [
            [
                point.compressed,
                point.decoded,
                point.bits,
                _NO_ENTRY if point.window is None else len(point.window),
            ]
            for point in ranges.points
        ],
        "runs": [[run.first, run.start, run.end] for run in ranges.runs],
    }
    head = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return b"".join([head.encode(), b"\n", *(point.window or b"" for point in ranges.points)])


def parse_section(section: bytes, size: int) -> ArchiveRanges:
    """Read a section.

    Args:
        section: Its bytes.
        size: The size of its archive in bytes.

    Raises:
        ValueError: It is malformed, or does not fit the archive.
    """
    head, _, windows = section.partition(b"\n")
    document = parse_json(head)
    if not isinstance(document, dict) or document.keys() != {"points", "runs"}:
        raise ValueError("it is not a section of ranges")
    points = []
    taken = 0
    for compressed, decoded, bits, length in _rows(document["points"], int, int, int, int):
        window = None
        if length != _NO_ENTRY:
            window = windows[taken : taken + max(0, length)]
            taken += len(window)
            if not len(window) == length <= WINDOW_SIZE:
                raise ValueError("a window is cut off or too long")
        if not 0 <= bits < 8 or (bits and not window):
            raise ValueError("a point is not an entry point")
        points.append(EntryPoint(compressed, decoded, bits, window))
    runs = [MemberRun(*row) for row in _rows(document["runs"], str, int, int)]
    if taken != len(windows) or not runs:
        raise ValueError("it has leftover windows, or no runs")
    _check_order([1, *(point.decoded for point in points)])
    _check_order([1, *(point.compressed for point in points), size])
    _check_order([0, *(place for run in runs for place in (run.start, run.end))])
    if any(run.start % TAR_BLOCK or run.end % TAR_BLOCK or run.start == run.end for run in runs):
        raise ValueError("a run does not cover whole members")
    return ArchiveRanges(tuple(runs), tuple(points))


def _rows(value: object, *types: type) -> Iterator[list[Any]]:
    """Yield the rows of a table, with their values checked against the types."""
    if not isinstance(value, list):
        raise ValueError("it has no table")
    for row in value:
        if not isinstance(row, list) or [type(item) for item in row] != list(types):
            raise ValueError("a row is malformed")
        yield row


def _check_order(places: list[int]) -> None:
    if any(after < before for before, after in pairwise(places)):
        raise ValueError("it is not in order")
