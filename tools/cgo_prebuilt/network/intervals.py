"""Sets of byte intervals: the parts of a file that are present. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class Intervals:
    """A set of half-open intervals, sorted and merged."""

    def __init__(self, parts: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in parts:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Add `start` (included) to `end` (not included)."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def parts(self) -> list[tuple[int, int]]:
        """Return the intervals in order."""
        return list(zip(self._starts, self._ends, strict=True))

    def reach(self, offset: int) -> int:
        """Return the end of the interval at `offset`, or `offset` outside of any."""
        place = bisect_right(self._starts, offset) - 1
        return max(offset, self._ends[place]) if place >= 0 else offset

    def size(self) -> int:
        """Return the number of bytes present."""
        return sum(self._ends) - sum(self._starts)

    def holes(self, end: int, start: int = 0) -> list[tuple[int, int]]:
        """Return the missing intervals from `start` to `end`, in order."""
        inner = (edge for part in self.parts() for edge in part)
        edges = [start, *(min(max(edge, start), end) for edge in inner), end]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
