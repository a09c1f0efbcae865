"""The member of an archive: one type for the readers of all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

FILE = "file"
FOLDER = "folder"
HARD_LINK = "hard link"
SYMBOLIC_LINK = "symbolic link"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive, as its reader found it.

    Attributes:
        name: Its name, normalized by `normalize` but not checked.
        kind: `FILE`, `FOLDER`, `HARD_LINK`, `SYMBOLIC_LINK`, or words for anything else.
        size: The size of its contents in bytes; None if unknown before they are read.
        chunks: Reads its contents, in order and once, before advancing to the next member.
        crc32: The CRC-32 that the archive states for its contents, and its reader does not check; or None.
        link: The target of a link, as in the archive; empty if the contents are the target.
        span: In a tar, the offsets of its first header and of the end of its padded contents.
    """

    name: str
    kind: str
    size: int | None
    chunks: Callable[[], Iterator[memoryview]]
    crc32: int | None = None
    link: str = ""
    span: tuple[int, int] = (0, 0)
