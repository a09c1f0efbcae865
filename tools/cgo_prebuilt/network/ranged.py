"""Which parts of an archive are asked for, and the seekable file in which they are read.

The hash of the whole cannot be compared that way; whoever reads the parts verifies what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, Final

from cgo_prebuilt.network.failure import local_failure
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.segments import Leases
from cgo_prebuilt.network.spool import BrokenStream, Spool, seekable

_TAIL: Final = 1 << 18
"""A zip's directory and end records, which are read bit by bit, most often fit into this."""
_GAP: Final = 1 << 16
"""Parts that are closer than this are fetched as one: a request costs more than these bytes."""
_AHEAD: Final = 1 << 20


class Ranged:
    """What a consumer of parts reads. It belongs to the consumer's thread.

    Args:
        size: The archive's, in bytes.
        held: What an earlier run has left.
        spool: Where the bytes arrive.
        leases: Where the network's threads look for what is missing.
        count: Is told of bytes that are asked for, and how many of them an earlier run has left.
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
        """The archive; reading it waits for bytes that were asked for, and asks for others."""
        return seekable(self._read, self._size)

    def ask(self, parts: Iterable[tuple[int, int]]) -> None:
        """Has parts fetched: what of them is not asked for yet, nor there from an earlier run."""
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
