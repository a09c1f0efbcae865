"""When a partial file's sidecar is written, so that a later run can resume it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cgo_prebuilt.network.partial import Partial, Sidecar
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url


class Recorder:
    """Writes one partial file's sidecar. Any thread may call it.

    Args:
        partial: The file.
        url: Where its bytes come from.
        held: Lists the intervals that are there.
        settings: The numbers.

    Attributes:
        validator: What all bytes are of; None where they cannot be resumed.
        total: The archive's size in bytes; None where it is not known.
        segmented: Whether there may be holes, so that the file's length does not tell what is there.
    """

    def __init__(
        self,
        partial: Partial,
        url: Url,
        held: Callable[[], list[tuple[int, int]]],
        settings: TransportSettings,
    ) -> None:
        self.validator: str | None = None
        self.total: int | None = None
        self.segmented = False
        self._partial = partial
        self._url = url
        self._held = held
        self._settings = settings
        self._lock = threading.Lock()
        self._last = 0.0
        self._unrecorded = 0

    def count(self, got: int) -> None:
        """Counts bytes that came in, and writes the sidecar now and then."""
        self._unrecorded += got
        late = time.monotonic() - self._last >= self._settings.record_seconds
        if self.segmented and (late or self._unrecorded >= self._settings.record_bytes):
            self.record()

    def record(self) -> None:
        """Writes the sidecar, if a later run can resume; not worth an error.

        One thread does it, the others carry on.
        """
        if self.validator is None or self.total is None or not self._lock.acquire(False):
            return
        try:
            self._last, self._unrecorded = time.monotonic(), 0
            done = tuple(self._held()) if self.segmented else None
            # Without the URL's secrets: it is written to the disk.
            with suppress(OSError):
                self._partial.record(Sidecar(str(self._url), self.validator, self.total, done))
        finally:
            self._lock.release()
