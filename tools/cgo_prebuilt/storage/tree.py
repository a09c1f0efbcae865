"""A tree in the store: verified files, and a record that identifies them.

```
<key>/files/...    the files
<key>/tree.json    the record: each file's hash, and its `stat` when it was verified
<key>/used         its mtime is the tree's last use
```
A tree's folder may hold more beside `files`, written before it was published.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import stat_result
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.strict_json import parse_json

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import LockedFile

SCHEMA = 2
RECORD = "tree.json"
FILES = "files"
USED = "used"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file's state when it was last verified.

    Attributes:
        sha256: The SHA-256 of its contents.
        size: Its size in bytes.
        mtime_ns: Its modification time.
        inode: Its inode number.
        device: Its device number.
        ctime_ns: The time of the last change of any kind, even by a hard link. No program can set it.
    """

    sha256: str
    size: int
    mtime_ns: int
    inode: int
    device: int
    ctime_ns: int = 0

    def fits(self, found: stat_result) -> bool:
        """Return whether a file matches its record, by `stat`.

        Device and inode are compared, too: they change when a store is moved, restored from a CI
        cache or copied into a container image. Its files are then hashed again.
        """
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_size == self.size
            and found.st_mtime_ns == self.mtime_ns
            and found.st_dev == self.device
            and found.st_ino == self.inode
        )


@dataclass(frozen=True, slots=True)
class Tree:
    """A verified tree.

    Attributes:
        key: Its name in the store, see `tree_key`.
        folder: Its folder.
        records: Its files by path, with `/` between a path's parts.
        unsynced_boot: The boot (see `boot.boot_id`) in which its bytes were written without waiting
            for the disk; None if they are known to be on the disk.
        label: A description for a person.
        sealed: The ctime, in nanoseconds, of its files' folder at verification. No program can set a
            ctime, so a record with the right one was written here and is not a copy. (On Windows it
            is the time of creation, which differs for a copy.)
        is_own: Whether this user owns the store. Files of another user's store are compared with the
            lock again when they are copied.
    """

    key: str
    folder: Path
    records: Mapping[str, FileRecord]
    unsynced_boot: str | None = None
    label: str = ""
    sealed: int = -1
    is_own: bool = True

    @property
    def files(self) -> Path:
        """The folder of the tree's files."""
        return self.folder / FILES

    @property
    def size(self) -> int:
        """The total size of the tree's files."""
        return sum(record.size for record in self.records.values())


def tree_key(files: Iterable[LockedFile]) -> str:
    """Return a tree's name: a hash of its contents alone.

    Args:
        files: Its files, in any order.

    Returns:
        64 lower-case hex digits.
    """
    return _key((file.path, file.sha256, file.size) for file in files)


def key_of_records(records: Mapping[str, FileRecord]) -> str:
    """Return the tree key of a record, which proves the record's integrity."""
    return _key((path, record.sha256, record.size) for path, record in records.items())


def _key(files: Iterable[tuple[str, str, int]]) -> str:
    import hashlib

    text = json.dumps(sorted(files), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def format_record(tree: Tree) -> str:
    """Format a tree's `tree.json`."""
    files = {
        path: [r.sha256, r.size, r.mtime_ns, r.inode, r.device, r.ctime_ns]
        for path, r in sorted(tree.records.items())
    }
    record = {
        "schema": SCHEMA,
        "key": tree.key,
        "label": tree.label,
        "unsynced_boot": tree.unsynced_boot,
        "sealed": tree.sealed,
        "files": files,
    }
    return json.dumps(record, separators=(",", ":")) + "\n"


def parse_record(text: str, folder: Path) -> Tree | None:
    """Parse a `tree.json`.

    Args:
        text: Its text.
        folder: The tree's folder.

    Returns:
        The tree; None if the record is incomplete or malformed.
    """
    try:
        record = parse_json(text)
        if record["schema"] != SCHEMA:
            return None
        boot, label, key = record["unsynced_boot"], record["label"], record["key"]
        sealed = _number(record["sealed"])
        records = {
            path: FileRecord(str(sha256), *map(_number, numbers))
            for path, (sha256, *numbers) in record["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(label, str) or not (boot is None or isinstance(boot, str)):
        return None
    return Tree(str(key), folder, records, boot, label, sealed)


def _number(value: object) -> int:
    """Return a number if `stat` could have reported it."""
    if type(value) is not int or not 0 <= value < 1 << 128:
        raise ValueError
    return value
