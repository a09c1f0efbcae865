"""Removal of what killed processes left behind."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from cgo_prebuilt.files.temporary_names import PREFIX, is_abandoned


def remove_abandoned(folder: Path) -> int:
    """Remove temporary files and folders whose processes are gone.

    This only frees space, so errors are ignored.

    Args:
        folder: The folder; may be missing.

    Returns:
        The number of removed files and folders.
    """
    abandoned = [path for path in folder.glob(f"{PREFIX}*") if is_abandoned(path)]
    for path in abandoned:
        delete(path)
    return len(abandoned)


def delete(path: Path) -> None:
    """Delete a file or a folder with its contents, as far as possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
