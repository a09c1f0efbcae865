"""A tree in the store: verified files, and a record that identifies them.

```
<key>/files/...    the files
<key>/tree.json    the record: of each file its hash, and how `stat` saw it when it was verified
<key>/used         its mtime is the tree's last use
```
A tree's folder may hold more beside `files`, which its maker put there before it was published.
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
        sha256: Of its contents.
        size: In bytes.
        mtime_ns: Its modification time.
        inode: Its inode number.
        device: The device that it is on.
        ctime_ns: When it was last changed in any way, by a hard link, too. No program can set it.
    """

    sha256: str
    size: int
    mtime_ns: int
    inode: int
    device: int
    ctime_ns: int = 0

    def fits(self, found: stat_result) -> bool:
        """Return whether a file matches its record, by `stat`.

        A store may be moved, restored from a CI cache or sealed into a container image: then its
        devices and inodes are others.
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
        folder: Where it is.
        records: Its files by path, with `/` between a path's parts.
        unsynced_boot: The boot (see `boot.boot_id`) in which its bytes were written without waiting
            for the disk; None when they are known to be on the disk.
        label: What it is, for a person.
        sealed: The ctime, in nanoseconds, that the folder of its files got when it was verified. No
            program can set one, so a record that has it was written here and is no copy. (On
            Windows it is the time of creation, which is another one for a copy.)
        is_own: Whether the store is this user's. What another user's store gives is compared with
            the lock once more when it is copied.
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
        The tree, or None when the text is not a whole and sound record.
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
