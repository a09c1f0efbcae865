"""Small zstd frames, decoded on several cores while later ones arrive.

A small frame fits in memory as a whole; `pack` writes only small ones. This module reports no errors: a
frame that is malformed, too large, or larger than stated is put back, with all that follows, for the
sequential decoder.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.archives.zstd import Frame, FrameWalk

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

SMALL = 8 << 20
"""The most bytes that a small frame decodes to."""

# Incompressible data get a little longer.
_SMALL_ENCODED = SMALL + (SMALL >> 6)

# Three cores decode faster than one thread writes and hashes.
_THREADS_MAX = 3

# glibc keeps free memory up to twice the largest block freed so far (mallopt(3), M_MMAP_THRESHOLD).
# So a block of this size is allocated and freed before decoding. Without it, glibc returns each
# frame's pages to the system, which takes a fifth of the time.
_KEPT = 16 << 20

Steps = list[tuple[int, bytes]]
"""A decoded frame: for each piece, the number of encoded bytes fed before it, and the piece."""


def decoding_threads() -> int:
    """Return how many threads decode: one per core that this process may use, up to a few."""
    if hasattr(os, "sched_getaffinity"):
        return min(_THREADS_MAX, len(os.sched_getaffinity(0)))
    return min(_THREADS_MAX, os.cpu_count() or 1)


class FramesAhead:
    """A zstd file whose small frames are decoded by threads; the caller decodes all others.

    Args:
        read: Returns 1 to n bytes of the file, and `b""` at its end.
        decode_frame: Decodes a frame; returns None if it is malformed or not small.
        work: Limits the work. Bytes count when their pieces are yielded, not when read ahead.
        threads: The number of decoding threads.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        decode_frame: Callable[[list[bytes]], Steps | None],
        work: Work,
        threads: int,
    ) -> None:
        self._read = read
        self._decode_frame = decode_frame
        self._work = work
        self._threads = threads
        self._held: deque[bytes] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def read(self, size: int) -> bytes:
        """Return the next bytes that the caller must decode; `b""` at the end of the file.

        Args:
            size: The most bytes to read from the file. Bytes that were put back come in their own pieces.
        """
        return self._held.popleft() if self._held else self._read(size)

    def put_back(self, data: bytes) -> None:
        """Take back bytes that the caller has read and counted, but not used."""
        self._work.received(-len(data))
        self._hold([data])

    def decoded(self, size: int) -> Generator[bytes, None, bool]:
        """Decode the next small frames; then `read` returns the bytes after them.

        Args:
            size: The number of bytes to read at a time.

        Yields:
            The decoded bytes, in order.

        Returns:
            Whether there was a frame.

        Raises:
            IntegrityError: They exceed the limits of `work`.
        """
        found = False
        ahead: deque[tuple[list[bytes], Future[Steps | None]]] = deque()
        try:
            with closing(self._small_frames(size)) as frames:
                for frame in frames:
                    if frame:
                        ahead.append((frame, self._submit(frame)))
                    while ahead and (len(ahead) > self._threads or ahead[0][1].done()):
                        if (steps := ahead[0][1].result()) is None:
                            return found
                        ahead.popleft()
                        found = True
                        yield from self._pieces(steps)
            while ahead and (steps := ahead[0][1].result()) is not None:
                ahead.popleft()
                found = True
                yield from self._pieces(steps)
            return found
        finally:
            self._hold(chunk for frame, _ in ahead for chunk in frame)

    def close(self) -> None:
        """End the threads, each after its current frame."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _small_frames(self, size: int) -> Generator[list[bytes], None, None]:
        """Yield the next frames, each in chunks; after each read, an empty list.

        At the end, put back the bytes that were read but not yielded.
        """
        walk = FrameWalk()
        rest: list[bytes] = []
        try:
            while chunk := self.read(size):
                start = walk.position
                for frame, end in walk.feed(chunk):
                    head, chunk, start = chunk[: end - start], chunk[end - start :], end
                    rest.append(head)
                    if not _is_small(frame, rest):
                        rest.append(chunk)
                        return
                    whole, rest = rest, [chunk]
                    yield whole
                    rest = []
                rest.append(chunk)
                yield []
                if walk.is_lost or not _is_small(walk.frame, rest):
                    return
        finally:
            self._hold(rest)

    def _submit(self, frame: list[bytes]) -> Future[Steps | None]:
        from concurrent.futures import Future, ThreadPoolExecutor

        if self._pool is None:
            bytearray(_KEPT)
            self._pool = ThreadPoolExecutor(self._threads, "decode")
        try:
            return self._pool.submit(self._decode_frame, frame)
        except RuntimeError:  # no thread can be started
            left: Future[Steps | None] = Future()
            left.set_result(None)
            return left

    def _pieces(self, steps: Steps) -> Iterator[bytes]:
        self._work.stream()
        for taken, piece in steps:
            self._work.received(taken)
            if piece:
                self._work.decoded(len(piece))
                yield piece

    def _hold(self, chunks: Iterable[bytes]) -> None:
        """Put bytes before the held ones."""
        self._held.extendleft(reversed([chunk for chunk in chunks if chunk]))


def _is_small(frame: Frame | None, chunks: list[bytes]) -> bool:
    if frame is not None and (frame.content or 0) > SMALL:
        return False
    return sum(map(len, chunks)) <= _SMALL_ENCODED
