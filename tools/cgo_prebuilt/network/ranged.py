"""A file on a server as a seekable file, whose parts are fetched when read (RFC 9110 14).

The archive's hash is not compared: the consumer verifies what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, Final

from cgo_prebuilt.network.failure import local_failure
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.segments import Leases
from cgo_prebuilt.network.spool import BrokenStream, Spool, seekable

_TAIL: Final = 1 << 18
"""The least size of a request; a zip's directory and end records, read bit by bit, usually fit."""
_GAP: Final = 1 << 16
"""Parts closer than this are fetched as one, since a request costs more than these bytes."""
_AHEAD: Final = 1 << 20


class Ranged:
    """The file that a consumer of parts reads, in its own thread.

    Args:
        size: The archive's size in bytes.
        held: The intervals that an earlier run left.
        spool: The spool that receives the bytes.
        leases: Hands missing parts to the network's threads.
        count: Called with the number of needed bytes, and of those already present.
    """

    def __init__(
        self,
        size: int,
        held: Intervals,
        spool: Spool,
        leases: Leases,
        count: Callable[[int, int], None],
    ) -> None:
        self._size = size
        self._held = Intervals(held.parts())
        self._spool = spool
        self._leases = leases
        self._count = count
        self._asked = Intervals()

    def file(self) -> BinaryIO:
        """Return the archive. A read waits for its bytes, and requests them if necessary."""
        return seekable(self._read, self._size)

    def ask(self, parts: Iterable[tuple[int, int]]) -> None:
        """Request parts, except for requested or present bytes."""
        joined = Intervals((max(0, start), min(end, self._size) + _GAP) for start, end in parts)
        new = [
            hole for start, end in joined.parts() for hole in self._asked.holes(end - _GAP, start)
        ]
        missing = [hole for start, end in new for hole in self._held.holes(end, start)]
        for start, end in new:
            self._asked.add(start, end)
        if self._leases.add(missing):
            count = sum(end - start for start, end in new)
            self._count(count, count - sum(end - start for start, end in missing))

    def _read(self, offset: int, size: int) -> bytes:
        if self._asked.reach(offset) <= offset:
            tail = self._size - _TAIL
            self.ask([(tail if offset >= tail else offset, offset + max(size, _AHEAD))])
        try:
            return self._spool.read(offset, size)
        except OSError as error:
            failure = local_failure(self._spool.path, error, "read")
            self._spool.fail(failure)
            raise BrokenStream(failure.reason) from error
