"""The requests and bytes of transfers so far; failed attempts count, too."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Tally:
    """Counts from any thread.

    Args:
        whole: A tally to which this one adds, too.

    Attributes:
        requests: HTTP requests sent, redirects and retries included.
        downloaded: Bytes of bodies received, over all tries.
        resumed: Bytes of an earlier run that were reused.
    """

    def __init__(self, whole: Tally | None = None) -> None:
        self.requests = 0
        self.downloaded = 0
        self.resumed = 0
        self._whole = whole
        self._lock = threading.Lock()

    def add(self, *, requests: int = 0, downloaded: int = 0, resumed: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self.requests += requests
            self.downloaded += downloaded
            self.resumed += resumed
        if self._whole is not None:
            self._whole.add(requests=requests, downloaded=downloaded, resumed=resumed)


def total(parts: Iterable[Tally]) -> Tally:
    """Return the sum of several tallies."""
    whole = Tally()
    for part in parts:
        whole.add(requests=part.requests, downloaded=part.downloaded, resumed=part.resumed)
    return whole
