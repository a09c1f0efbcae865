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
        size: Of its contents, in bytes; None where that is not known before they are read.
        chunks: Reads its contents, in order, once, before the next member is asked for.
        crc32: Of its contents, where the archive holds one that its reader has not checked.
        link: What a link leads to, as the archive says it; empty where its contents say it.
        span: In a tar, where its first header begins, and where its contents end with their padding.
    """

    name: str
    kind: str
    size: int | None
    chunks: Callable[[], Iterator[memoryview]]
    crc32: int | None = None
    link: str = ""
    span: tuple[int, int] = (0, 0)
