"""Files and folders that only this user can write, opened without following links.

Another user who can plant a link, a pipe or a file where a program writes decides what it overwrites.
So a file with a known name is checked before it is used.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path

from cgo_prebuilt.errors import UsageError

_WRITABLE_BY_OTHERS = 0o022
_MOUNT_POINT = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""The flag by which `os.open` refuses a link; Windows has none."""

_SAFE_OPEN_FLAGS = NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without O_NONBLOCK, opening a pipe waits for its writer."""


def is_link(found: os.stat_result) -> bool:
    """Return whether `lstat` found a symbolic link, or a junction of Windows."""
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _MOUNT_POINT


def this_user() -> int:
    """Return this process's user id; 0 on Windows, as `stat` reports there."""
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def is_of_this_user(found: os.stat_result) -> bool:
    """Return whether a file belongs to this process's user."""
    return found.st_uid == this_user()


def is_writable_by_others(found: os.stat_result) -> bool:
    """Return whether group or others may write the file; modes say nothing on Windows."""
    return sys.platform != "win32" and bool(found.st_mode & _WRITABLE_BY_OTHERS)


def open_own(path: Path) -> int:
    """Open or create a file that belongs to this user alone.

    Args:
        path: The file, in a folder that only this user can write.

    Returns:
        Its descriptor.

    Raises:
        UsageError: It is a link, is no regular file, has a second name, belongs to another user, or
            can be written by others.
        OSError: It cannot be opened.
    """
    if not NO_FOLLOW:
        _check(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _SAFE_OPEN_FLAGS, 0o600)
    except OSError:
        _check(path)
        raise
    try:
        _refuse(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_plain(path: Path) -> FileIO:
    """Open a regular file for reading, whoever owns it; refuse a link.

    Raises:
        OSError: It cannot be opened, or is not a regular file.
    """
    if not NO_FOLLOW and is_link(path.lstat()):
        raise _not_plain(path)
    descriptor = os.open(path, os.O_RDONLY | _SAFE_OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(path)
    return os.fdopen(descriptor, "rb", 0)


def read_plain(path: Path, limit: int) -> bytes:
    """Return the contents of a regular file; refuse a link.

    Args:
        path: The file.
        limit: The most bytes that it may have.

    Raises:
        OSError: It cannot be read, is not a regular file, or is longer.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise _not_plain(path)
        return file.read()


def mark_used(path: Path, times: tuple[float, float] | None = None) -> None:
    """Set a file's times, by default to now; do not follow a link."""
    if os.utime in os.supports_follow_symlinks:
        os.utime(path, times, follow_symlinks=False)
    elif not is_link(path.lstat()):
        os.utime(path, times)


def make_own_folder(folder: Path) -> bool:
    """Create a folder if missing, inside one that others may write, such as /tmp.

    Returns:
        Whether this user owns it and nobody else may enter it.
    """
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if is_link(found) or not stat.S_ISDIR(found.st_mode) or not is_of_this_user(found):
            return False
        return sys.platform == "win32" or not found.st_mode & 0o077
    return False


def _check(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:
        return
    _refuse(found, path)


def _refuse(found: os.stat_result, path: Path) -> None:
    problem = _problem(found)
    if problem is not None:
        raise UsageError(
            f"a file that only you should be able to write {problem}",
            where=str(path),
            remedy="find out who put it there, then remove it: it will be created again",
        )


def _problem(found: os.stat_result) -> str | None:
    if is_link(found):
        return "is a symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    if not is_of_this_user(found):
        return f"belongs to another user (uid {found.st_uid})"
    if is_writable_by_others(found):
        return "can be written by others"
    if found.st_nlink > 1:  # a write through it would change another file
        return "has a second name, as a hard link"
    return None


def _not_plain(path: Path) -> OSError:
    return OSError(None, "not a regular file of the expected size", str(path))
