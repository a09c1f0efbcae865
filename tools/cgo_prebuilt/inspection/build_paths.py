"""Find paths of the build machine in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

# Folders that differ between machines: home folders, and those of common build services.
_BUILD_FOLDERS = (
    b"/home/",
    b"/Users/",
    b"/root/",
    b"/__w/",
    b"/builds/",
    b"/workspace/",
    b":\\Users\\",
    b":\\a\\",
)
_PATH = re.compile(rb"[\w.+-]+[/\\][\x21-\x7e]+")
_LONGEST = 4096  # the longest path; PATH_MAX of Linux
_WINDOW = 1 << 20
# A character before a match that shows that it is only the end of a longer path.
_PATH_BEFORE = re.compile(rb"[\w.-]")


def build_paths(file: BinaryIO) -> list[str]:
    """Return the build machine's absolute paths in a file, each once, reading it window by window."""
    found: dict[str, None] = {}
    window, begin = b"", 0
    while chunk := file.read(_WINDOW):
        window += chunk
        # A path that begins in the last bytes may continue in the next window.
        end = max(begin, len(window) - _LONGEST)
        found.update(dict.fromkeys(_paths_in(window, begin, end)))
        # Include the byte before it, which shows whether it is the end of a longer path.
        keep = max(0, end - 1)
        window, begin = window[keep:], end - keep
    found.update(dict.fromkeys(_paths_in(window, begin, len(window))))
    return list(found)


def _paths_in(data: bytes, begin: int, end: int) -> Iterator[str]:
    """Yield the paths that begin in a part of some bytes."""
    for folder in _BUILD_FOLDERS:
        # Searching each folder's name is many times faster than one regular expression for all.
        at = data.find(folder, begin)
        while at >= 0:
            start = at - 1 if folder[:1] == b":" else at
            match = _PATH.match(data, at + len(folder), at + _LONGEST)
            if match and begin <= start < end and not _is_tail(data, start):
                yield data[start : match.end()].decode("ascii")
            at = data.find(folder, at + len(folder))


def _is_tail(data: bytes, start: int) -> bool:
    return start > 0 and _PATH_BEFORE.match(data, start - 1) is not None
