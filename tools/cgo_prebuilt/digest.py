"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from cgo_prebuilt.bounded_read import open_file

_CHUNK = 1 << 20


def sha256_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file as 64 lower-case hex digits, and its size in bytes."""
    with open_file(path) as file:
        return sha256_of_open(file)


def sha256_of_open(file: BinaryIO) -> tuple[str, int]:
    """Return the SHA-256 and size of the rest of an open file."""
    digest = hashlib.sha256()
    size = 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
