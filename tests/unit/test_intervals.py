"""Which parts of a file are there, against a plain set of offsets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.network.intervals import Intervals

OFFSETS = st.integers(0, 12)
PARTS = st.lists(st.tuples(OFFSETS, OFFSETS), max_size=6)


def joined(offsets: set[int]) -> list[tuple[int, int]]:
    """The longest runs of offsets, in order."""
    starts = sorted(offset for offset in offsets if offset - 1 not in offsets)
    ends = sorted(offset + 1 for offset in offsets if offset + 1 not in offsets)
    return list(zip(starts, ends, strict=True))


@settings(deadline=None)  # the machine may be busy
@given(PARTS, st.integers(0, 14), OFFSETS)
def test_intervals_are_a_set_of_offsets(
    parts: list[tuple[int, int]], offset: int, start: int
) -> None:
    there = {at for first, end in parts for at in range(first, end)}
    intervals = Intervals(parts)
    assert intervals.parts() == joined(there)
    assert intervals.size() == len(there)
    assert intervals.reach(offset) == next(at for at in range(offset, 20) if at not in there)
    assert intervals.holes(12) == joined(set(range(12)) - there)
    assert intervals.holes(12, start) == joined(set(range(start, 12)) - there)


def test_intervals_that_touch_are_one() -> None:
    intervals = Intervals([(4, 6), (0, 2)])
    intervals.add(2, 4)
    assert intervals.parts() == [(0, 6)]
    assert intervals.holes(6) == []
    assert Intervals().holes(1) == [(0, 1)]
