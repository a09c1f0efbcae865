"""Reproducible tars: the bytes depend on names, contents and executable bits alone.

`tarfile` does not guarantee this across versions of Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

_BLOCK = 512
_NAME = 100
_LONG_NAME = b"././@LongLink"


def write_tar(file: BinaryIO, members: Iterable[tuple[str, bytes, bool]]) -> None:
    """Write a tar of files.

    Args:
        file: The output.
        members: Each member's name, content, and whether it is executable.
    """
    for name, content, is_program in members:
        encoded = name.encode("utf-8", "surrogateescape")
        if len(encoded) > _NAME:
            # GNU's form for long names, which every tar reads (tar(5) of FreeBSD, "GNU Tar Archives").
            _write(file, _header(_LONG_NAME, len(encoded) + 1, 0o644, b"L"), encoded + b"\0")
        _write(file, _header(encoded, len(content), 0o755 if is_program else 0o644, b"0"), content)
    file.write(bytes(2 * _BLOCK))


def _write(file: BinaryIO, header: bytes, content: bytes) -> None:
    file.write(header)
    file.write(content)
    file.write(bytes(-len(content) % _BLOCK))


def _header(name: bytes, size: int, mode: int, kind: bytes) -> bytes:
    """Return a header of the old GNU format, without owner and with time 0."""
    head = name[:_NAME].ljust(_NAME, b"\0") + b"%07o\0" % mode + 2 * b"0000000\0"
    head += b"%011o\0" % size + b"%011o\0" % 0
    rest = kind + bytes(_NAME) + b"ustar  \0"
    rest = rest.ljust(_BLOCK - len(head) - 8, b"\0")
    checksum = sum(head) + sum(rest) + 8 * ord(" ")
    return head + b"%06o\0 " % checksum + rest
