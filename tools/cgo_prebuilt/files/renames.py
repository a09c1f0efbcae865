"""Renames that retry on Windows, where a virus scanner may hold a new file for a moment.

A file that others may be reading is written under another name and then renamed.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cgo_prebuilt.files.temporary_names import temporary_name

PAUSES: Sequence[float] = (0.01, 0.05, 0.2, 0.5, 1.0) if sys.platform == "win32" else ()
"""Seconds to wait before each further attempt on Windows; other systems do not retry."""


def rename(source: Path, target: Path, pauses: Sequence[float] = PAUSES) -> None:
    """Rename a file or folder; replace a file at the target.

    Args:
        source: The file or folder.
        target: Its new name, on the same file system.
        pauses: Seconds to wait after each refusal before trying again.

    Raises:
        OSError: It cannot be renamed. `IsADirectoryError` names the target that is a folder.
    """
    for pause in pauses:
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    try:
        source.replace(target)
    except OSError:
        if source.is_dir() or not target.is_dir() or target.is_symlink():
            raise
        raise IsADirectoryError(errno.EISDIR, "a folder is in its place", str(target)) from None


def write_atomically(target: Path, content: bytes) -> None:
    """Write a file atomically; replace an existing one.

    Args:
        target: The file, in an existing folder.
        content: Its whole content.

    Raises:
        OSError: It cannot be written; no temporary file is left.
    """
    with atomic_file(target) as partial, partial.open("xb") as file:  # never into a planted file
        file.write(content)


@contextmanager
def named_in_errors(target: Path) -> Iterator[None]:
    """Add a file's name to each OSError of the block that lacks one, such as for a full disk.

    Args:
        target: The file that the block writes.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(target)
        raise


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Provide a temporary path to write to; after the block, rename it to the target.

    Args:
        target: The file, in an existing folder.

    Yields:
        The path to write to.

    Raises:
        OSError: It cannot be renamed. After any error, no temporary file is left.
    """
    partial = target.with_name(temporary_name())
    try:
        with named_in_errors(target):
            yield partial
            rename(partial, target)
    finally:
        with suppress(OSError):  # it would hide the original error
            partial.unlink(missing_ok=True)
