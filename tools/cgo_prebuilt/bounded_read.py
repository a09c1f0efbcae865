"""Open files by the paths that a user gave: none waits for ever, or is read without an end.

A small file is read whole, and may be a pipe, as in `--lock <(command)`. Any other must be a regular file:
it is measured, read twice, or read from anywhere.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

MOST: Final = 64 << 20
"""The most bytes that such a file may have."""


def bytes_of_file(path: Path) -> bytes:
    """Return the contents of a file.

    Raises:
        OSError: It cannot be read, or has more than `MOST` bytes.
    """
    with open(path, "rb", opener=open_at_once) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OSError(errno.EFBIG, f"it has more than {MOST >> 20} MB", str(path))
    return content


def open_file(path: Path) -> BufferedReader:
    """Open a regular file, of any size; a pipe would wait for a writer, a device may have no end.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    return os.fdopen(open_regular(path), "rb")


def open_regular(path: str | Path) -> int:
    """Open the same, and return its descriptor."""
    descriptor = open_at_once(str(path), os.O_RDONLY | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for a pipe's writer, and return its descriptor.

    A pipe that nobody writes into is empty.
    """
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
