"""Check the place of an output folder before anything is fetched or made for it."""

from __future__ import annotations

import os
from pathlib import Path

from cgo_prebuilt.errors import UsageError


def check_output(folder: Path) -> None:
    """Check that an output folder exists, or that the nearest existing place above it is a folder.

    Args:
        folder: The output folder; it and folders above it may be missing.

    Raises:
        UsageError: It, or what is above it, is not a folder.
    """
    for place in (folder, *folder.parents):
        if not os.path.lexists(place):  # or its name is too long, which the next step reports
            continue
        if place.is_dir():
            return
        raise UsageError(  # also for a link that leads nowhere
            f"{place} is not a folder",
            where=str(place),
            remedy="name another folder, or move what is in its place",
        )
