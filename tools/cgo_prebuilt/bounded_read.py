"""Open files that a user names, without waiting or reading forever.

A small file is read whole, and may be a pipe, as in `--lock <(command)`. Any other must be regular,
since its readers need its size, read it twice, or seek.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from io import BufferedReader
from pathlib import Path
from typing import Final

MAX_FILE_BYTES: Final = 64 << 20
"""The most bytes that such a file may have."""

_reading: Final = threading.Lock()
_pipes: Final = dict[Path, bytes | OSError]()


def bytes_of_file(path: Path) -> bytes:
    """Return the contents of a file.

    Raises:
        OSError: It cannot be read, or has more than `MAX_FILE_BYTES` bytes.
    """
    with open(path, "rb", opener=open_nonblocking) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {MAX_FILE_BYTES >> 20} MB", str(path))
    return content


def bytes_read_once(path: Path) -> bytes:
    """Return the contents of a file that is read repeatedly; remember those of a pipe.

    A pipe, as in `NETRC=<(command)`, can be read only once. Any other file may have changed, so it
    is read again.

    Raises:
        OSError: As for `bytes_of_file`.
    """
    if not path.is_fifo():
        return bytes_of_file(path)
    with _reading:
        if path not in _pipes:
            try:
                _pipes[path] = bytes_of_file(path)
            except OSError as error:
                _pipes[path] = error
    found = _pipes[path]
    if isinstance(found, OSError):
        raise OSError(*found.args) from found
    return found


def open_file(path: Path) -> BufferedReader:
    """Open a regular file, of any size; a pipe would wait for a writer, a device may have no end.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    return os.fdopen(open_regular(path), "rb")


def open_regular(path: str | Path) -> int:
    """Open a regular file as `open_file` does; return its descriptor."""
    descriptor = open_nonblocking(str(path), os.O_RDONLY | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def open_nonblocking(path: str, flags: int) -> int:
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
