"""Paths longer than the 260 characters that Windows takes by default."""

from __future__ import annotations

import ntpath
import sys
from pathlib import Path

_PREFIX = "\\\\?\\"


def long_path(path: Path) -> Path:
    """Return a path that may exceed 260 characters: the extended form on Windows, else itself."""
    if sys.platform == "win32":
        return Path(extended(str(path.absolute())))
    return path


def extended(path: str) -> str:
    r"""Return the `\\?\` form of an absolute Windows path ("Maximum Path Length Limitation")."""
    if path.startswith(_PREFIX):
        return path
    path = ntpath.normpath(path)
    if path.startswith("\\\\"):
        return _PREFIX + "UNC" + path[1:]
    return _PREFIX + path
