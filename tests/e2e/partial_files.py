"""The partial files of a download that is going on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_for_bytes(folder: Path) -> None:
    """Waits until a partial file below a folder has contents: what a server sent may be on its way."""
    wait_until(lambda: any(part.stat().st_blocks for part in folder.rglob("*.partial")))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Waits until bytes that a server sent have got where a test looks for them."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.02)
