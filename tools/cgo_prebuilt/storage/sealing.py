"""Seal a tree's files read-only with a record, and check them later."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.files.own_files import (
    NO_FOLLOW,
    is_of_this_user,
    is_writable_by_others,
    open_plain,
)
from cgo_prebuilt.storage.tree import FileRecord

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import LockedFile


def seal(folder: Path, files: Sequence[LockedFile], *, sync: bool) -> dict[str, FileRecord]:
    """Make files read-only, and return their records; open folders to all readers.

    Args:
        folder: The folder of the files, whose hashes have been verified.
        files: All files in it.
        sync: Wait until they are on the disk.

    Returns:
        Their records by path.

    Raises:
        IntegrityError: There are other files, or a file has a wrong size or type.
        OSError: The file system refuses.
    """
    _check_listing(listing(folder), files, folder)
    for parent, _, _ in os.walk(folder, onerror=_refuse_unreadable):
        Path(parent).chmod(0o755)
    seconds = int(time.time())
    records = {}
    for file in files:
        path = folder / file.path
        mtime_ns = _mtime_ns(seconds, file.sha256)
        if sys.platform != "win32":  # a read-only file cannot be deleted on Windows
            path.chmod(0o444)
        os.utime(path, ns=(mtime_ns, mtime_ns))
        if sync:
            _sync(path)
        records[file.path] = _record(file.sha256, path.lstat())
    return records


def fits(path: Path, record: FileRecord, *, strictly: bool = False) -> bool:
    """Return whether this user owns a file and it matches its record, by `stat`.

    Args:
        path: The file.
        record: Its record.
        strictly: Require an unchanged ctime, too. Even a hard link changes it; a writer through a link can
            restore size and mtime, but not ctime.
    """
    try:
        found = path.lstat()
    except OSError:
        return False
    if strictly and found.st_ctime_ns != record.ctime_ns:
        return False
    return record.fits(found) and is_of_this_user(found) and not is_writable_by_others(found)


def hash_again(path: Path, record: FileRecord, *, sync: bool = False) -> FileRecord | None:
    """Hash a file, and compare it with its record.

    Args:
        path: The file.
        record: Its record, for hash and size.
        sync: Wait until it is on the disk.

    Returns:
        A record with its present `stat`; None if the contents differ or cannot be read.
    """
    from cgo_prebuilt.digest import sha256_of_open

    try:
        with open_plain(path) as file:
            found = os.fstat(file.fileno())
            if found.st_size != record.size:
                return None
            if sha256_of_open(file) != (record.sha256, record.size):
                return None
        if sync:
            _sync(path)
    except OSError:
        return None
    return _record(record.sha256, found)


def listing(folder: Path) -> dict[str, int]:
    """Return the sizes of files below a folder by path; -1 for other entries.

    Raises:
        OSError: A folder cannot be read.
    """
    sizes = {}
    for parent, folders, names in os.walk(folder, onerror=_refuse_unreadable):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in names + links:
            path = Path(parent, name)
            found = path.lstat()
            is_file = stat.S_ISREG(found.st_mode)
            sizes[path.relative_to(folder).as_posix()] = found.st_size if is_file else -1
    return sizes


def _refuse_unreadable(error: OSError) -> None:
    """Stop a walk at an unreadable folder, which it would otherwise skip."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _check_listing(found: Mapping[str, int], files: Sequence[LockedFile], folder: Path) -> None:
    wanted = {file.path: file.size for file in files}
    odd = [path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path)]
    if odd or len(wanted) != len(files):
        raise IntegrityError(
            "the extracted files are not those that the lock names",
            where=", ".join(sorted(odd)[:3]) or str(folder),
            remedy="report this as a bug of cgo-prebuilt",
        )


def _record(sha256: str, found: os.stat_result) -> FileRecord:
    times = (found.st_mtime_ns, found.st_ino, found.st_dev, found.st_ctime_ns)
    return FileRecord(sha256, found.st_size, *times)


def _mtime_ns(seconds: int, sha256: str) -> int:
    """Return an mtime derived from a file's hash, so that a copy of another version never matches.

    Two versions of a file may have the same size and the same original time. Whole microseconds survive on
    every file system that has fractions of a second.
    """
    return seconds * 1_000_000_000 + _mark_ns(sha256)


def is_marked(record: FileRecord) -> bool:
    """Return whether a file has the mtime that `seal` derives from its contents."""
    return record.mtime_ns % 1_000_000_000 == _mark_ns(record.sha256)


def _mark_ns(sha256: str) -> int:
    return int(sha256[:12], 16) % 1_000_000 * 1_000


def _sync(path: Path) -> None:
    with suppress(PermissionError):  # some systems cannot open a read-only file for this
        how = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY | NO_FOLLOW
        descriptor = os.open(path, how)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
