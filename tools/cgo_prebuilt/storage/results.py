"""A store's cache of builds: the output files by a key of the inputs.

Trees are named by their contents, which are unknown before a build. A result maps a key of all inputs to
the files of the tree. It is only a hint: a missing tree is built again.

No lock has the hashes of a build's outputs, so a result from another machine cannot be verified. A result
therefore names the ctime of its tree's folder, see `Tree.sealed`: it is valid for the tree that this
machine made, not for a restored or planted one.
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
from cgo_prebuilt.files.renames import write_atomically
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
        sealed: The `sealed` of their tree; -1 if the reader compares the files with a lock.
    """

    files: tuple[LockedFile, ...]
    sealed: int

    def is_of(self, tree: Tree) -> bool:
        """Return whether a tree of this store is the one that the work produced."""
        return tree.is_own and tree.sealed == self.sealed


def result_key(kind: str, inputs: object) -> str:
    """Return a key of 64 hex digits.

    Args:
        kind: The kind of work.
        inputs: All that it depends on, as values for JSON.
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
            tree: The tree with the files; None if the caller of `get` compares them with a lock.
            files: The files.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            listed = [[file.path, file.sha256, file.size] for file in files]
            text = json.dumps({"sealed": tree.sealed if tree else -1, "files": listed})
            write_atomically(self._folder / f"{key}.json", text.encode())

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
