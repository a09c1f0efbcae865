"""A transfer's threads, all daemons, so that they never keep the process from ending."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from cgo_prebuilt.network.failure import Failure, Kind


def start(thread: threading.Thread) -> None:
    """Start a thread.

    Raises:
        Failure: The system has none left; `Kind.LOCAL`.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise Failure(
            Kind.LOCAL,
            f"no thread can be started: {error}",
            remedy="raise the limit of processes (`ulimit -u`, or that of the container)",
        ) from error


def join(threads: Iterable[threading.Thread], seconds: float) -> None:
    """Wait for all threads, with a total time limit."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
