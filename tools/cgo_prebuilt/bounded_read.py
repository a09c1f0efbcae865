"""Read small files whole; refuse endless ones, such as a link to /dev/zero."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Final

MOST: Final = 64 << 20
"""The most bytes that such a file may have."""


def bytes_of_file(path: Path) -> bytes:
    """Return the contents of a file.

    Raises:
        OSError: It cannot be read, or has more than `MOST` bytes.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OSError(errno.EFBIG, f"it has more than {MOST >> 20} MB", str(path))
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe into which nobody writes is empty, where `open` waits for a writer."""
    nonblocking: int = getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | nonblocking)
    if nonblocking:
        os.set_blocking(descriptor, True)
    return descriptor


def text_of_file(path: Path, errors: str = "strict") -> str:
    """Return the text of a UTF-8 file, with line feeds as line ends.

    Args:
        path: The file.
        errors: How to handle bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        OSError: As for `bytes_of_file`.
        UnicodeDecodeError: It is not UTF-8.
    """
    text = bytes_of_file(path).decode("utf-8", errors)
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)
