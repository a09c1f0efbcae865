"""Write and verify members while the archive is still being decoded.

Writing and hashing release Python's lock, and together take about as long as decoding, so each runs in
a separate thread. The queues are bounded.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.files.long_paths import long_path
from cgo_prebuilt.locks.lock import LockedFile

_IN_FLIGHT = 16
_WAKE_SECONDS = 1.0
_PIECE = 1 << 20
_MODE, _FOLDER_MODE = 0o644, 0o755
# Windows has no O_NOFOLLOW, and only Windows has O_BINARY.
_FLAGS = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)

_REMEDY = "make the lock again if the release was replaced; else do not use this archive"


class Sink:
    """A writer of locked files; leaving the context waits until all are written and verified.

    Args:
        folder: A folder that only the caller writes.
        where: The name of the archive in errors.
    """

    def __init__(self, folder: Path, where: str) -> None:
        self._folder = long_path(folder)
        self._where = where
        self._writer = _Worker()
        self._hasher = _Worker()
        self._output: _Output | None = None

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            stack.callback(self._close_output)
            stack.callback(self._hasher.close, abandon=kind is not None)
            self._writer.close(abandon=kind is not None)

    def write(self, files: Sequence[LockedFile], chunks: Iterator[memoryview]) -> None:
        """Start writing a file.

        Args:
            files: The file's entries in the lock; several if it has several names. They become hard links
                of each other, to save space, or copies.
            chunks: Its contents, which must not change later.

        Raises:
            IntegrityError: This file has a wrong size; or this or an earlier one has a wrong hash.
            UsageError: This file or an earlier one cannot be written.
        """
        file, *others = files
        output = _Output(self._folder, file, self._where)
        self._writer.submit(partial(self._open, output))
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > file.size:
                break
            self._writer.submit(partial(output.write, chunk))
            self._hasher.submit(partial(output.hash, chunk))
        if size != file.size:
            raise wrong_size(file, f"{'at least ' if size > file.size else ''}{size}", self._where)
        self._writer.submit(output.close)
        self._hasher.submit(partial(output.check, file))
        for other in others:
            self._hasher.submit(partial(output.check, other))
            self._writer.submit(partial(output.repeat, other))

    def _open(self, output: _Output) -> None:
        self._output = output
        output.open()

    def _close_output(self) -> None:
        if self._output is not None:
            self._output.close()


def wrong_size(file: LockedFile, found: object, where: str) -> IntegrityError:
    """Return the error for a member whose size differs from the lock."""
    return IntegrityError(
        f"{file.path!r} has {found} bytes, the lock says {file.size}", where=where, remedy=_REMEDY
    )


class _Output:
    """A file that is written by one thread and hashed by another."""

    def __init__(self, folder: Path, file: LockedFile, where: str) -> None:
        self._folder = folder
        self._path = folder / file.path
        self._file = file
        self._where = where
        self._digest = hashlib.sha256()
        self._descriptor: int | None = None

    def open(self) -> None:
        try:
            self._path.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, _FLAGS, _MODE)
            if hasattr(os, "fchmod"):
                os.fchmod(self._descriptor, _MODE)  # regardless of the umask
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, chunk: memoryview) -> None:
        assert self._descriptor is not None
        try:
            rest = chunk
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def hash(self, chunk: memoryview) -> None:
        self._digest.update(chunk)

    def repeat(self, other: LockedFile) -> None:
        """Link the finished file under a second name."""
        second = _Output(self._folder, other, self._where)
        try:
            second._path.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            os.link(self._path, second._path)
        except FileExistsError as error:
            raise second._unwritable(error) from error
        except OSError:  # a file system without hard links
            second._copy(self._path)

    def _copy(self, first: Path) -> None:
        self.open()
        try:
            with first.open("rb") as source:
                while piece := source.read(_PIECE):
                    self.write(memoryview(piece))
                    self.hash(memoryview(piece))
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self.close()
        self.check(self._file)

    def check(self, file: LockedFile) -> None:
        if file.size != self._file.size:
            raise wrong_size(file, self._file.size, self._where)
        found = self._digest.hexdigest()
        if found != file.sha256:
            raise IntegrityError(
                f"{file.path!r} has the SHA-256 {found}, the lock says {file.sha256}",
                where=self._where,
                remedy=_REMEDY,
            )

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self._file.path!r} cannot be written: {error.strerror}",
            where=str(self._path),
            remedy="make room or choose another folder, see CGO_PREBUILT_CACHE",
        )


class _Worker:
    """A thread that runs jobs in order, until one fails."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(_IN_FLIGHT)
        self._failure: BaseException | None = None
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], None]) -> None:
        """Queue a job; block while the queue is full; re-raise the exception of an earlier job."""
        if self._failure is not None:
            raise self._failure
        self._put(job)

    def close(self, *, abandon: bool) -> None:
        """Wait for the end of all jobs, or of the current one; re-raise a job's exception."""
        self._abandoned = abandon
        self._put(None)
        self._thread.join()
        if self._failure is not None and not abandon:
            raise self._failure

    def _put(self, job: Callable[[], None] | None) -> None:
        while True:
            try:
                self._jobs.put(job, timeout=_WAKE_SECONDS)
                return
            except queue.Full:
                if not self._thread.is_alive():
                    raise RuntimeError("the writing thread has ended") from None

    def _run(self) -> None:
        # After a failure, take the remaining jobs without running them, so that no caller waits forever.
        while (job := self._jobs.get()) is not None:
            if self._failure is None and not self._abandoned:
                try:
                    job()
                except BaseException as error:  # re-raised in the waiting thread
                    self._failure = error
