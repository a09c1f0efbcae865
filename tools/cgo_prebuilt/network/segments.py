"""Divide an archive among several connections.

Parts are handed out in order, so that what is there without a hole grows while the rest comes in and
the archive can be extracted meanwhile. The first connection is the transfer's own and carries on
whatever happens here: the others only ever take work off it.
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
"""A block lasts so many times the wait for an answer: the connection idles for a twentieth of it."""
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
        holes: What is missing, in order, and nobody fetches.
        active: What is fetched already.
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
        """Take no more parts by `add`."""
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
        """End a lease; its unfetched rest is free again."""
        with self._changed:
            self._active.discard(lease)
            if lease.is_open():
                self._holes = sorted([*self._holes, (lease.position, lease.end)])
            self._changed.notify_all()

    def split(self, block: int) -> None:
        """Hand out blocks of so many bytes from now on; shorten each running lease to one."""
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
            # A lease that was taken over stays until its connection gives it back, with nothing left.
            at_work = [lease for lease in self._active if lease.is_open()]
            for lease in at_work:
                if not self._holes and now - lease.touched > _STALE_SECONDS:
                    # Its connection may never say another word: let another one fetch the rest.
                    self._holes = [(lease.position, lease.end)]
                    lease.end = lease.position
            return bool(self._holes or at_work or self._grows)


def block_size(rate: float, latency: float) -> int:
    """Return the size of parts in bytes.

    Small, so that the first missing byte is never far behind the last one that came; but large
    beside what a connection could have fetched while it waits for an answer.

    Args:
        rate: Of one connection, in bytes a second.
        latency: From a request to its answer, in seconds.
    """
    wanted = rate * max(_BLOCK_SECONDS, _LATENCIES * latency)
    return int(min(_LARGEST_BLOCK, max(_SMALLEST_BLOCK, wanted)))


@dataclass
class Growth:
    """A decision on the number of connections, by measured rates.

    Attributes:
        most: The most that there may be.
        worthwhile_seconds: With less time than this left nothing is changed.
        connections: How many there are.
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
            rate: Of all of them over the last window, in bytes a second.
            remaining: Bytes that are missing.
        """
        if self.connections >= self.most or self._doubts >= _DOUBTS:
            return 0
        if self.connections == 1:
            # The lower of two: a first burst says little about what a connection will carry.
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
