"""A zstd file of independent frames, so that many cores decode it, and a reader can enter at any frame.

It ends in the seek table of the zstd seekable format (version 0.1.0, of the zstd project): a skippable frame
with the sizes of all others. Whatever reads zstd reads the file and passes over the table. Its bytes
depend on its contents, the level and the release of zstd alone, not on how many cores made it.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from cgo_prebuilt.archives.zstd import zstd_module

FRAME = 8 << 20
"""The most bytes of contents in a frame."""

LEAST = 1 << 20
"""A frame with so many bytes ends where a member begins, and so does one before such a member.

Smaller ones share a frame: each begins without what the one before it taught the compressor.
"""

# Each takes some 25 MB.
_THREADS_MAX = 8
# Levels 10 and 11 have tables of 16 MB by default; these are of 4 MB, for 0.6 % more bytes.
_HASH_LOG = 20
_HASH_LEVELS = (10, 11)
# How much a thread compresses before it looks whether it has to end.
_SLICE = 1 << 20

_SKIPPABLE = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_NO_CHECKSUMS = 0


def cut(members: Iterable[tuple[int, Iterable[bytes]]]) -> Iterator[bytearray]:
    """Cut the bytes of members into the contents of frames.

    Args:
        members: How large each member is, and its bytes, with its header, in pieces smaller than a frame.
    """
    held = bytearray()
    for size, pieces in members:
        if held and max(size, len(held)) >= LEAST:
            yield held
            held = bytearray()
        for piece in pieces:
            room = FRAME - len(held)
            held += piece[:room]
            if len(held) == FRAME:
                yield held
                held = bytearray(piece[room:])
    if held:
        yield held


def write_frames(file: IO[bytes], contents: Iterable[bytearray], level: int) -> None:
    """Compress each content to a frame on all cores; write them and the seek table.

    Args:
        file: Where to.
        contents: What each frame has, at most 4 GiB.
        level: How hard zstd tries, 1 to 22.

    Raises:
        OSError: The file cannot be written, or what the contents come from not be read.
        UsageError: This Python has no zstd.
    """
    threads = min(_THREADS_MAX, os.cpu_count() or 1)
    ended = threading.Event()
    pool = ThreadPoolExecutor(threads, "compress")
    ahead: deque[tuple[int, Future[bytes]]] = deque()
    table = bytearray()

    def write() -> None:
        size, future = ahead.popleft()
        frame = future.result()
        file.write(frame)
        table.extend(struct.pack("<2L", len(frame), size))

    zstd = zstd_module()
    try:
        for content in contents:
            ahead.append((len(content), pool.submit(_compress, zstd, content, level, ended)))
            if len(ahead) == threads:
                write()
        while ahead:
            write()
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)
    table += struct.pack("<LBL", len(table) // 8, _NO_CHECKSUMS, _SEEKABLE)
    file.write(struct.pack("<2L", _SKIPPABLE, len(table)) + table)


def _compress(zstd: Any, content: bytearray, level: int, ended: threading.Event) -> bytes:
    """Return a frame that states its content's size; an unfinished one once all is over."""
    options = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    if level in _HASH_LEVELS:
        options[zstd.CompressionParameter.hash_log] = _HASH_LOG
    compressor = zstd.ZstdCompressor(options=options)
    compressor.set_pledged_input_size(len(content))
    view = memoryview(content)
    parts = []
    for start in range(0, len(content), _SLICE):
        if ended.is_set():
            break
        parts.append(compressor.compress(view[start : start + _SLICE]))
    else:
        parts.append(compressor.flush())
    return b"".join(parts)
