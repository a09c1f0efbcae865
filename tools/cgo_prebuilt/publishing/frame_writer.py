"""Write a zstd file of independent frames: many cores can decode it, from any frame on.

It ends with the seek table of the zstd seekable format (version 0.1.0, of the zstd project): a skippable
frame with the sizes of all others. Any zstd decoder reads the file and skips the table. The bytes depend
only on the contents, the level and the release of zstd, not on the number of cores.
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
"""A frame ends before the next member if the frame, or that member, has at least this size.

Smaller members share a frame, since the compressor forgets its history at each frame.
"""

# Each thread takes about 25 MB.
_THREADS_MAX = 8
# Levels 10 and 11 have tables of 16 MB by default; 4 MB cost only 0.6 % more bytes.
_HASH_LOG = 20
_HASH_LEVELS = (10, 11)
# The number of bytes that a thread compresses between checks for an abort.
_SLICE = 1 << 20

_SKIPPABLE = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_NO_CHECKSUMS = 0


def frame_contents(members: Iterable[tuple[int, Iterable[bytes]]]) -> Iterator[bytearray]:
    """Cut the bytes of members into the contents of frames.

    Args:
        members: Each member's size, and its bytes with the header, in pieces smaller than a frame.
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
        file: The output.
        contents: The contents of each frame, at most 4 GiB.
        level: The compression level, 1 to 22.

    Raises:
        OSError: The file cannot be written, or the contents cannot be read.
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
    """Return a frame that states its content's size; after an abort, an unfinished one."""
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
