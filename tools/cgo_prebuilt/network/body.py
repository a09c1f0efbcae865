"""Copy a response's body into a spool, and abort one that is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.segments import Lease
from cgo_prebuilt.network.spool import Spool
from cgo_prebuilt.network.transport_settings import TransportSettings

_PIECE = 1 << 18
_SMALL = 1 << 12
"""After a read of fewer bytes, the socket is empty, so the bytes go to the readers at once."""
_FLUSH_SECONDS = 0.05


class Pace:
    """A watch over a body's transfer rate."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._seconds = 0.0
        self._count = 0

    def count(self, got: int, seconds: float) -> None:
        """Count bytes, and the time spent waiting for them.

        Raises:
            Failure: The rate of the last seconds was too low; `Kind.SLOW`.
        """
        self._count += got
        self._seconds += seconds
        if self._seconds >= self._settings.rate_seconds:
            rate = self._count / self._seconds
            if rate < self._settings.lowest_rate:
                raise Failure(Kind.SLOW, f"no more than {format_size(ceil(rate))} a second")
            self._seconds, self._count = 0.0, 0


def receive(
    answer: Answer,
    lease: Lease,
    spool: Spool,
    settings: TransportSettings,
    count: Callable[[int], None],
) -> None:
    """Receive a body until it or the lease ends.

    Args:
        answer: The response, whose body starts at the lease's position.
        lease: The range to receive; advances with each write, so a failure loses nothing. Others may
            shorten it meanwhile.
        spool: The spool for the bytes.
        settings: The lowest rate.
        count: Called often with the number of new bytes; raising in it stops the transfer.

    Raises:
        Failure: The connection broke, the bytes come too slowly, or they cannot be written.
    """
    buffer = memoryview(bytearray(_PIECE))
    filled, pace = 0, Pace(settings)
    flushed = counted = time.monotonic()

    def flush() -> None:
        nonlocal filled
        # Before anything else can fail, since bytes must not be written twice.
        size, filled = filled, 0
        # Bytes from another connection may be verified and read by now: do not overwrite them.
        kept = min(size, lease.end - lease.position)
        if kept > 0:
            spool.write(lease.position, buffer[:kept])
            lease.advance(kept)
        if size:
            count(size)

    try:
        while (room := min(_PIECE, lease.end - lease.position)) > filled:
            got = answer.read_into(buffer[filled:room])
            filled += got
            now = time.monotonic()
            if filled == room or got < _SMALL or now - flushed > _FLUSH_SECONDS:
                flush()
                flushed = now
            if not got:
                return
            pace.count(got, now - counted)
            counted = now
    finally:
        flush()
