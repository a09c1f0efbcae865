"""What a store remembers of work: which files came out of which inputs.

Trees are named by their contents, which are not known before a build has run. A result says what
they were, by a key of all that went in. It is only a hint: a tree that is gone is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cgo_prebuilt.files.renames import write_whole
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.strict_json import parse_json


def result_key(kind: str, inputs: object) -> str:
    """A key: 64 hex digits.

    Args:
        kind: What sort of work it is.
        inputs: All that it depends on, as JSON can hold it.
    """
    text = json.dumps([kind, inputs], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Results:
    """The results in a folder, which is made when one is put there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> tuple[LockedFile, ...] | None:
        """The files of a key; None where there are none, or they cannot be read."""
        try:
            listed = parse_json((self._folder / f"{key}.json").read_bytes())
            files = tuple(LockedFile(path, sha, size) for path, sha, size in listed)
        except (OSError, ValueError, TypeError):
            return None
        return files if all(map(_is_sound, files)) else None

    def put(self, key: str, files: Iterable[LockedFile]) -> None:
        """Remembers the files of a key. A store that cannot be written remembers nothing."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            text = json.dumps([[file.path, file.sha256, file.size] for file in files])
            write_whole(self._folder / f"{key}.json", text.encode())


def _is_sound(file: LockedFile) -> bool:
    return isinstance(file.path, str) and isinstance(file.sha256, str) and type(file.size) is int
