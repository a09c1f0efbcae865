"""Records received bytes: in the tally, the progress and the partial file's sidecar."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cgo_prebuilt.network.job import Job
from cgo_prebuilt.network.partial import Partial, Sidecar
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url


class Recorder:
    """Records the bytes of one partial file, so that a later run can resume. Thread-safe.

    Args:
        job: Its tally and progress.
        partial: The file.
        url: The URL of its bytes.
        held: Returns the present intervals.
        settings: The intervals between writes.

    Attributes:
        validator: The validator of all bytes; None if they cannot be resumed.
        total: The archive's size in bytes, if known.
        segmented: Whether the file may have holes.
    """

    def __init__(
        self,
        job: Job,
        partial: Partial,
        url: Url,
        held: Callable[[], list[tuple[int, int]]],
        settings: TransportSettings,
    ) -> None:
        self.validator: str | None = None
        self.total: int | None = None
        self.segmented = False
        self._job = job
        self._partial = partial
        self._url = url
        self._held = held
        self._settings = settings
        self._lock = threading.Lock()
        self._last = 0.0
        self._unrecorded = 0

    def count(self, got: int, requests: int = 0) -> None:
        """Count received bytes and sent requests; write the sidecar when it is due."""
        self._job.tally.add(requests=requests, downloaded=got)
        if not got:
            return
        self._job.progress.advance(got)
        self._unrecorded += got
        late = time.monotonic() - self._last >= self._settings.record_seconds
        if self.segmented and (late or self._unrecorded >= self._settings.record_bytes):
            self.record()

    def record_parts(self) -> None:
        """Write the sidecar of a file that may have holes from now on."""
        self.segmented = True
        self.record()

    def record(self) -> None:
        """Write the sidecar if a later run can resume; ignore a failure to write.

        While one thread writes, others return at once.
        """
        if self.validator is None or self.total is None or not self._lock.acquire(False):
            return
        try:
            self._last, self._unrecorded = time.monotonic(), 0
            done = tuple(self._held()) if self.segmented else None
            # Without the URL's secrets, since it is written to the disk.
            with suppress(OSError):
                self._partial.record(Sidecar(str(self._url), self.validator, self.total, done))
        finally:
            self._lock.release()
