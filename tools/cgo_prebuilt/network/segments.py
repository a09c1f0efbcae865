"""Divide an archive among several connections.

Parts are leased in order, so that the contiguous beginning grows steadily and can be extracted
meanwhile. The first connection is the transfer's main one, which continues whatever happens to the
others: they only relieve it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

_SMALLEST_BLOCK = 1 << 20
_LARGEST_BLOCK = 1 << 25
_BLOCK_SECONDS = 0.25
_LATENCIES = 20
"""The transfer time of a block in multiples of the latency: a connection idles a twentieth of the time."""
_FIRST_STEP = 4
_GAIN = 1.2
_DOUBTS = 6
_STALE_SECONDS = 1.0


@dataclass(eq=False)
class Lease:
    """A part that one connection fetches: `position` moves towards `end`."""

    position: int
    end: int
    touched: float = 0.0

    def advance(self, count: int) -> None:
        """Note `count` more bytes of the lease."""
        self.position += count
        self.touched = time.monotonic()

    def is_open(self) -> bool:
        """Return whether bytes are left to fetch."""
        return self.position < self.end


class Leases:
    """The parts and who fetches them. Thread-safe.

    Args:
        holes: The missing parts without a lease, in order.
        active: The present leases.
        grows: Whether `add` may add more holes, until `close`.
    """

    def __init__(
        self, holes: Iterable[tuple[int, int]], *active: Lease, grows: bool = False
    ) -> None:
        self._grows = grows
        self._holes = [(start, end) for start, end in holes if start < end]
        self._active = set(active)
        self._block: int | None = None
        self._changed = threading.Condition()

    def add(self, holes: Iterable[tuple[int, int]]) -> bool:
        """Add parts to fetch that are neither present nor leased; return False once closed."""
        with self._changed:
            if self._grows:
                self._holes = sorted([*self._holes, *holes])
                self._changed.notify_all()
            return self._grows

    def close(self) -> None:
        """Let `add` accept no more parts."""
        with self._changed:
            self._grows = False
            self._changed.notify_all()

    def missing(self) -> int:
        """Return the number of bytes still to fetch."""
        with self._changed:
            active = ((lease.position, lease.end) for lease in self._active)
            return sum(max(0, end - start) for start, end in (*self._holes, *active))

    def take(self) -> Lease | None:
        """Return the first free part; None without one."""
        with self._changed:
            if not self._holes:
                return None
            start, end = self._holes.pop(0)
            if self._block is not None and end - start > self._block:
                self._holes.insert(0, (start + self._block, end))
                end = start + self._block
            lease = Lease(start, end, time.monotonic())
            self._active.add(lease)
            return lease

    def give_back(self, lease: Lease) -> None:
        """End a lease, and free its unfetched rest."""
        with self._changed:
            self._active.discard(lease)
            if lease.is_open():
                self._holes = sorted([*self._holes, (lease.position, lease.end)])
            self._changed.notify_all()

    def split(self, block: int) -> None:
        """Lease blocks of this size from now on; shorten each running lease to one block."""
        with self._changed:
            self._block = block
            for lease in self._active:
                end = lease.position + block
                if end < lease.end:
                    self._holes = sorted([*self._holes, (end, lease.end)])
                    lease.end = end

    def wait(self, seconds: float) -> bool:
        """Wait for a lease to end or a part to be added; return False if nothing is missing."""
        with self._changed:
            is_open = self._grows or any(lease.is_open() for lease in self._active)
            if is_open and not self._holes:
                self._changed.wait(seconds)
            now = time.monotonic()
            # A lease that was taken over remains, empty, until its connection ends it.
            at_work = [lease for lease in self._active if lease.is_open()]
            for lease in at_work:
                if not self._holes and now - lease.touched > _STALE_SECONDS:
                    # Its connection may hang: let another one fetch the rest.
                    self._holes = [(lease.position, lease.end)]
                    lease.end = lease.position
            return bool(self._holes or at_work or self._grows)


def block_size(rate: float, latency: float) -> int:
    """Return the size of parts in bytes.

    Parts are small, so that the first missing byte is never far behind the last received one, but large
    compared with what a connection could fetch during the latency.

    Args:
        rate: The rate of one connection, in bytes a second.
        latency: The time from a request to its answer, in seconds.
    """
    wanted = rate * max(_BLOCK_SECONDS, _LATENCIES * latency)
    return int(min(_LARGEST_BLOCK, max(_SMALLEST_BLOCK, wanted)))


@dataclass
class Growth:
    """A decision on the number of connections, by measured rates.

    Attributes:
        most: The maximum.
        worthwhile_seconds: With less time than this left, the number stays.
        connections: The present number.
    """

    most: int
    worthwhile_seconds: float
    connections: int = 1
    _before: float | None = None
    _doubts: int = 0
    _windows: int = 0

    def decide(self, rate: float, remaining: int) -> int:
        """Return how many connections to add now.

        Args:
            rate: The total rate over the last window, in bytes a second.
            remaining: The number of missing bytes.
        """
        if self.connections >= self.most or self._doubts >= _DOUBTS:
            return 0
        if self.connections == 1:
            # The lower of two rates, since a first burst says little about a connection.
            self._before = rate if self._before is None else min(self._before, rate)
            self._windows += 1
            if self._windows < 2:
                return 0
        if remaining <= rate * self.worthwhile_seconds:
            return 0
        if self.connections > 1 and self._before is not None and rate < _GAIN * self._before:
            self._doubts += 1
            return 0
        self._before, self._doubts = (self._before if self.connections == 1 else rate), 0
        target = min(self.most, _FIRST_STEP if self.connections == 1 else 2 * self.connections)
        added, self.connections = target - self.connections, target
        return added
