"""The partial files of a download that is going on."""

from __future__ import annotations

import time
from pathlib import Path


def wait_for_bytes(folder: Path) -> None:
    """Waits until a partial file below a folder has contents: what a server sent may be on its way."""
    deadline = time.monotonic() + 60
    while not any(part.stat().st_blocks for part in folder.rglob("*.partial")):
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.02)
