"""Renames that bear with Windows, where a virus scanner may hold a new file for a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

PAUSES: Sequence[float] = (0.01, 0.05, 0.2, 0.5, 1.0) if sys.platform == "win32" else ()
"""Seconds to wait before each further attempt; elsewhere a refusal is final."""


def rename(source: Path, target: Path, pauses: Sequence[float] = PAUSES) -> None:
    """Renames a file or folder; a file at the target is replaced.

    Args:
        source: What to rename.
        target: Its new name, on the same file system.
        pauses: Seconds to wait after each refusal before trying again.

    Raises:
        OSError: It cannot be renamed.
    """
    for pause in pauses:
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    source.replace(target)
