"""The partial files of a running download."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_for_bytes(folder: Path) -> None:
    """Wait until a partial file below a folder has contents, since sent bytes may arrive later."""
    wait_until(lambda: any(part.stat().st_blocks for part in folder.rglob("*.partial")))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until bytes that a server sent have arrived, by a test's own check."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.02)
