"""Unique names for temporary files and folders, which include the process that made them.

A killed process cannot clean up. From a name, the next process knows whether the file is abandoned,
even on a file system whose locks do nothing.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path

from cgo_prebuilt.files.boot import boot_id

PREFIX = ".cgo-prebuilt-"
"""The prefix of every temporary name."""

_ABANDONED_SECONDS = 24 * 60 * 60


def temporary_name() -> str:
    """Return a new name, short enough for any file system."""
    return f"{PREFIX}{process_space()}-{os.getpid()}-{os.urandom(6).hex()}"


def is_abandoned(path: Path) -> bool:
    """Return whether a temporary file's process is gone.

    A process on this machine can be looked up. A process elsewhere (a network file system, another
    container, an earlier boot) cannot, so its file counts as abandoned after a day.

    Args:
        path: A file or folder whose name `temporary_name` made; any other name gives False.
    """
    space, _, rest = path.name.removeprefix(PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if not path.name.startswith(PREFIX) or not pid.isdecimal():
        return False
    if space == process_space() and sys.platform != "win32":
        return not _is_alive(int(pid))
    try:
        # Linking sets ctime and not mtime. Use the distance, since a clock may have gone backwards.
        age = abs(time.time() - path.lstat().st_ctime)
    except OSError:
        return False
    return age > _ABANDONED_SECONDS


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # On Windows this would be a Ctrl-C.
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


@cache
def process_space() -> str:
    """Return a name for the scope of process ids: one boot and one PID namespace."""
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
    except OSError:
        namespace = 0
    kernel = (boot_id() or _machine_name())[:8]
    return f"{kernel.replace('-', '_')}.{namespace:x}"


def _machine_name() -> str:
    if sys.platform == "win32":
        return ""
    return os.uname().nodename
