"""The members of a static archive, with the long names of GNU and of BSD (ar(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from cgo_prebuilt.archives.ar_reader import HEADER_SIZE, parse_header

# The place of a long name: after the header, or in `//`.
_NAME_BEFORE = re.compile(rb"#1/([0-9]{1,6})")
_NAME_AT = re.compile(rb"/([0-9]{1,12})")
_NAME_MAX = 4096
_INDEXES = (b"/", b"/SYM64/")


def ar_members(file: BinaryIO) -> Iterator[tuple[str, int]]:
    """Yield the members of an archive, without GNU's symbol and name tables.

    Args:
        file: The archive, seekable, positioned after its `MAGIC`.

    Yields:
        The name and size of each, in order, with the file positioned at its contents.
    """
    names = b""
    while header := parse_header(file.read(HEADER_SIZE)):
        name, size = header
        start = file.tell()
        end = start + size + size % 2
        if name == b"//":
            names = file.read(size)
        elif name not in _INDEXES:
            if long := _NAME_BEFORE.fullmatch(name):
                length = int(long[1])
                size = max(0, size - length)
                name = file.read(min(length, _NAME_MAX)).rstrip(b"\0")
                file.seek(start + length)
            elif long := _NAME_AT.fullmatch(name):
                name = names[int(long[1]) :][:_NAME_MAX].partition(b"\n")[0]
            yield name.decode("utf-8", "replace").rstrip("/"), size
        file.seek(end)
