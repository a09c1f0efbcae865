"""`prebuilt.lock.json`: the lock as sorted, stable JSON, so that a diff shows the changes.

`rules/lock.schema.json` describes the same format for editors; a test keeps the two equal.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.errors import LockError
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.locks.lock_reader import read_document
from cgo_prebuilt.strict_json import parse_json


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        LockError: It cannot be read, is not JSON, or is not a lock.
    """
    try:
        text = text_of_file(path)
    except FileNotFoundError:
        raise LockError(
            "there is no such lock",
            where=str(path),
            remedy="make it with `cgo-prebuilt lock MANIFEST`, or correct the path",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(
            f"the lock cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="correct the path, or restore the file from version control",
        ) from None
    return replace(parse_lock(text, where=str(path)), ranges_file=ranges_path(path))


def ranges_path(lock: Path) -> Path:
    """Return the path of a lock's ranges file, whether or not it exists.

    `.ranges` replaces `.json`; to any other name it is added, so that two locks share no file.
    """
    stem = lock.name.removesuffix(".json")
    return lock.with_name(f"{stem or lock.name}.ranges")


def parse_lock(text: str, *, where: str) -> Lock:
    """Read a lock from its text.

    Args:
        text: JSON.
        where: The name of the text in errors.

    Raises:
        LockError: It is not JSON, or is not a lock.
    """
    try:
        document = parse_json(text, _without_duplicates)
    except ValueError as error:
        raise LockError(
            f"the lock is not JSON: {error}",
            where=where,
            remedy="restore it from version control, or create it again with `cgo-prebuilt lock`; if"
            " this is a manifest, name its lock, such as prebuilt.lock.json",
        ) from None
    return read_document(document, where)


def format_lock(lock: Lock) -> str:
    """Format a lock as JSON: sorted keys, two spaces, a final line feed."""
    from cgo_prebuilt.locks.lock_json import lock_json

    return json.dumps(lock_json(lock), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse duplicate keys, which a bad merge can leave; Python would take the last one."""
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} appears twice in one object")
    return document
