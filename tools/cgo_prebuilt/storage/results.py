"""A store's cache of work: the files that came out of given inputs.

Trees are named by their contents, which are not known before a build has run. A result says what
they were, by a key of all that went in. It is only a hint: a tree that is gone is made again.

No lock has the hashes of what a build makes, so nothing can show that a result from elsewhere is
true. One therefore names the ctime of its tree's folder, see `Tree.sealed`: it holds for the tree that
was made then, and not for one that was restored or planted beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.files.own_files import read_plain
from cgo_prebuilt.files.renames import write_whole
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.storage.tree import Tree
from cgo_prebuilt.strict_json import parse_json

_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """The files that some work produced.

    Attributes:
        files: The files.
        sealed: Of the tree that has them; -1 where whoever reads it compares it with the lock.
    """

    files: tuple[LockedFile, ...]
    sealed: int

    def is_of(self, tree: Tree) -> bool:
        """Return whether a tree is what the work produced, in this store."""
        return tree.is_own and tree.sealed == self.sealed


def result_key(kind: str, inputs: object) -> str:
    """Return a key of 64 hex digits.

    Args:
        kind: What sort of work it is.
        inputs: All that it depends on, as JSON can hold it.
    """
    text = json.dumps([kind, inputs], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Results:
    """A folder of results, created with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Result | None:
        """Return a key's result; None if missing or unreadable."""
        return _read(self._folder / f"{key}.json")

    def put(self, key: str, tree: Tree | None, files: Iterable[LockedFile]) -> None:
        """Store a key's files, unless the store is read-only.

        Args:
            key: The key.
            tree: The tree that has them; None where `get`'s caller has a lock that says the same.
            files: The files.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            listed = [[file.path, file.sha256, file.size] for file in files]
            text = json.dumps({"sealed": tree.sealed if tree else -1, "files": listed})
            write_whole(self._folder / f"{key}.json", text.encode())

    def all(self) -> Iterator[tuple[Path, Result | None]]:
        """Yield every result with its file; None for an unreadable one."""
        try:
            paths = sorted(self._folder.glob("*.json"))
        except OSError:
            return
        for path in paths:
            yield path, _read(path)


def _read(path: Path) -> Result | None:
    try:
        result = parse_json(read_plain(path, _LIMIT))
        files = tuple(LockedFile(path, sha, size) for path, sha, size in result["files"])
        sealed = result["sealed"]
        if type(sealed) is not int or not all(map(_is_sound, files)):
            return None
        for file in files:
            check_member_name(file.path, where=str(path))
    except (OSError, ValueError, TypeError, KeyError, IntegrityError):
        return None
    return Result(files, sealed)


def _is_sound(file: LockedFile) -> bool:
    return isinstance(file.path, str) and isinstance(file.sha256, str) and type(file.size) is int
