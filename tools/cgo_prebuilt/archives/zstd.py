"""zstd: the Python module that decodes it, and the borders of frames in a file.

The module is the standard library's (Python 3.14), or its backport with the same API. For decoding, the
system's library is used, too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from cgo_prebuilt.errors import PackageError

# RFC 8878, sections 3.1.1 and 3.1.2.
_MAGIC = 0xFD2FB528
_SKIPPABLE_MAGIC = 0x184D2A50
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_RAW, _RLE, _COMPRESSED = range(3)


def zstd_module() -> Any:
    """Return the module. Neither has types for every Python that we support, hence Any.

    Raises:
        PackageError: This Python has neither.
    """
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise PackageError(
        "this Python has no zstd",
        where=sys.executable,
        remedy="install cgo-prebuilt[fast], or use Python 3.14 or later",
    )


def zstd_decoder() -> Any:
    """Return the module; without one, the system's library, which only decodes.

    Raises:
        PackageError: Neither is available.
    """
    try:
        return zstd_module()
    except PackageError:
        from cgo_prebuilt.archives import system_zstd

        if system_zstd.system_library() is None:
            raise
        return system_zstd


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a zstd file, by its header.

    Attributes:
        start: The offset of its first byte.
        content: The stated number of decoded bytes; None if not stated.
        is_skippable: Whether it is a skippable frame, which decodes to nothing.
    """

    start: int
    content: int | None
    is_skippable: bool


class FrameWalk:
    """Follow the frames of a zstd file by their headers, without decoding (RFC 8878, section 3.1).

    Attributes:
        position: The number of bytes received so far.
        frame: The frame of the last byte; None between frames, and until its header is complete.
        is_lost: Whether it met bytes that are not a frame; it then stops.
    """

    def __init__(self) -> None:
        self.position = 0
        self.frame: Frame | None = None
        self.is_lost = False
        self._held = b""
        self._ended: list[tuple[Frame, int]] = []
        self._steps = self._walk()
        self._wanted = next(self._steps)

    def feed(self, data: bytes) -> list[tuple[Frame, int]]:
        """Read the next bytes of the file.

        Args:
            data: The bytes, of any number.

        Returns:
            The frames that end in them, each with the offset of its end in the file.
        """
        ended = self._ended = []
        base, at = self.position, 0
        while not self.is_lost and (at < len(data) or not self._wanted):
            if self._wanted <= 0:
                step = min(-self._wanted, len(data) - at)
                self._wanted += step
                answer = b""
            else:
                step = min(self._wanted - len(self._held), len(data) - at)
                self._held += data[at : at + step]
                answer = self._held
            at += step
            self.position = base + at
            if self._wanted == 0 or len(answer) == self._wanted:
                self._held = b""
                try:
                    self._wanted = self._steps.send(answer)
                except StopIteration:
                    self.is_lost = True
        self.position = base + len(data)
        return ended

    def _walk(self) -> Generator[int, bytes, None]:
        """Yield the number of bytes needed next, or a negative number of bytes to skip."""
        while True:
            start = self.position
            magic = _number((yield 4))
            if magic & ~0xF == _SKIPPABLE_MAGIC:
                size = _number((yield 4))
                frame = self.frame = Frame(start, 0, is_skippable=True)
                yield -size
            elif magic == _MAGIC:
                (descriptor,) = yield 1
                if descriptor & 8:  # reserved
                    return
                content = yield from _content_size(descriptor)
                frame = self.frame = Frame(start, content, is_skippable=False)
                is_last = False
                while not is_last:
                    block = _number((yield 3))
                    is_last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
                    if kind not in (_RAW, _RLE, _COMPRESSED):
                        return
                    yield -1 if kind == _RLE else -size
                yield -4 if descriptor & 4 else 0  # the checksum
            else:
                return
            self.frame = None
            self._ended.append((frame, self.position))


def _content_size(descriptor: int) -> Generator[int, bytes, int | None]:
    """Read the rest of a frame's header, and the stated size of its content."""
    is_single_segment = bool(descriptor & 0x20)
    length = _CONTENT_SIZE_BYTES[descriptor >> 6]
    if is_single_segment:
        length = length or 1
    else:
        yield -1  # the window's size
    yield -_DICTIONARY_ID_BYTES[descriptor & 3]
    if not length:
        return None
    # A field of two bytes stores the size minus 256.
    return _number((yield length)) + (256 if length == 2 else 0)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
