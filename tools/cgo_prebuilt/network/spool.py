"""A file that is read while it is being filled.

Writers write at any offset; a reader waits until there is a byte at its position. The bytes between them
are in the file (and in the page cache), so memory use stays small.
"""

from __future__ import annotations

import hashlib
import io
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

from cgo_prebuilt.errors import CgoPrebuiltError
from cgo_prebuilt.network.failure import Failure, Kind, local_failure, unexpected
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.sized_file import SizedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cgo_prebuilt.network.partial import PositionedFile

_PIECE = 1 << 18
_WAKE_SECONDS = 1.0
"""The seconds of one wait: on Windows, Ctrl-C cannot interrupt an unlimited wait."""


class BrokenStream(CgoPrebuiltError):
    """The transfer failed: raised in its readers, while the transport reports the reason."""

    kind = "unavailable"
    exit_code = 3

    def __init__(self, what: str) -> None:
        super().__init__(what, where="a download", remedy="run it again: it resumes")


class Spool:
    """The file between the network and its readers.

    Args:
        file: The file for the bytes.
        done: The intervals that are already present.
        watch: Raises a `Failure` if readers should stop waiting.
    """

    def __init__(
        self, file: PositionedFile, done: Intervals, watch: Callable[[], None] = lambda: None
    ) -> None:
        self._file = file
        self._done = done
        self._watch = watch
        self._total: int | None = None
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    @property
    def error(self) -> BaseException | None:
        """The error that ended it early, or None."""
        return self._error

    @property
    def path(self) -> Path:
        """The file's path."""
        return self._file.path

    def parts(self) -> list[tuple[int, int]]:
        """Return all present intervals."""
        with self._changed:
            return self._done.parts()

    def held(self) -> int:
        """Return the number of present bytes."""
        with self._changed:
            return self._done.size()

    def write(self, offset: int, data: memoryview) -> None:
        """Write bytes at an offset.

        Raises:
            Failure: They cannot be written, `Kind.LOCAL`; or the transfer has ended, `Kind.STOPPED`.
        """
        if self._error is not None:
            # The transfer does not wait for this writer: the file may be closed at any moment.
            raise Failure(Kind.STOPPED, "stopped")
        try:
            self._file.write_at(offset, data)
        except OSError as error:
            raise local_failure(self._file.path, error) from error
        with self._changed:
            self._done.add(offset, offset + len(data))
            self._changed.notify_all()

    def finish(self, total: int) -> None:
        """Set the total size."""
        with self._changed:
            self._total = total
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Fail all waiting readers; the first error stays."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset`, waiting for some; `b""` at the end.

        Raises:
            BrokenStream: The transfer failed.
        """
        with self._changed:
            while (reach := self._done.reach(offset)) <= offset:
                if self._error is not None:
                    raise BrokenStream(f"the download stopped: {self._error}")
                if self._total is not None and offset >= self._total:
                    return b""
                if not self._changed.wait(_WAKE_SECONDS):
                    try:
                        self._watch()
                    except Failure as failure:
                        self.fail(failure)
            if self._error is not None:
                raise BrokenStream(f"the download stopped: {self._error}")
            size = min(size, reach - offset)
        piece = self._file.read_at(offset, size)
        if not piece:
            raise BrokenStream("another process truncated the partial file")
        return piece


class Digest(threading.Thread):
    """A hash of a spool, updated as it fills."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(name="cgo-prebuilt-hash", daemon=True)
        self._spool = spool
        self._result: tuple[str, int] | None = None
        self._error: BaseException | None = None
        self._finished = threading.Event()

    def run(self) -> None:
        """Hash bytes until the end; the thread's body."""
        digest, size = hashlib.sha256(), 0
        try:
            while piece := self._spool.read(size, _PIECE):
                digest.update(piece)
                size += len(piece)
            self._result = digest.hexdigest(), size
        except BaseException as error:
            self._error = error
            if isinstance(error, OSError):
                self._error = local_failure(self._spool.path, error, "read")
            elif isinstance(error, Exception) and not isinstance(error, BrokenStream):
                self._error = unexpected(error)
            self._spool.fail(self._error)
        finally:
            self._finished.set()

    def result(self) -> tuple[str, int]:
        """Return SHA-256 in hex and size in bytes, once complete.

        Raises:
            BrokenStream: The transfer failed.
            Failure: The file cannot be read, or hashing failed unexpectedly.
        """
        while not self._finished.wait(_WAKE_SECONDS):
            pass
        if self._result is None:
            raise self._error or AssertionError("no hash and no error")
        return self._result


class SpoolStream:
    """A spool as the `ByteStream` that a consumer reads.

    Args:
        spool: The bytes.
        file: The spool's file.
        verified: Waits for all of them and returns their number; raises if they are wrong.
    """

    def __init__(self, spool: Spool, file: PositionedFile, verified: Callable[[], int]) -> None:
        self._spool = spool
        self._file = file
        self._verified = verified
        self._offset = 0

    def read(self, size: int) -> bytes:
        """See `ByteStream.read`."""
        piece = self._spool.read(self._offset, size)
        self._offset += len(piece)
        return piece

    def whole(self) -> BinaryIO:
        """See `ByteStream.whole`."""
        size = self._verified()
        return seekable(self._file.read_at, size)


def seekable(read_at: Callable[[int, int], bytes], size: int) -> BinaryIO:
    """Return a seekable file for one reader.

    Args:
        read_at: Returns up to a number of bytes from an offset; at least one before the end.
        size: The file's size in bytes.
    """
    return cast(BinaryIO, io.BufferedReader(_Seekable(read_at, size), _PIECE))


class _Seekable(SizedFile):
    """A seekable file with an independent position; closing it closes nothing else."""

    def __init__(self, read_at: Callable[[int, int], bytes], size: int) -> None:
        super().__init__(size)
        self._read_at = read_at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(0, self._size - self._position))
        data = self._read_at(self._position, wanted) if wanted else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
