"""Partial files: the bytes of an unfinished transfer, with the data that a later run needs to resume it.

Beside each partial file, a sidecar records the origin of the bytes and the present intervals. Only the
archive's hash decides, at the end, whether the bytes are right. So an ineffective file lock, a stale
sidecar or a damaged file can cost a download, but never cause a wrong result.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cgo_prebuilt.files.file_lock import try_to_lock
from cgo_prebuilt.files.own_files import open_own, read_plain
from cgo_prebuilt.files.renames import write_atomically
from cgo_prebuilt.network.intervals import Intervals

_SCHEMA: Final = 1
_PRIVATE: Final = ".private"
_DAY: Final = 86400.0
_SIDECAR_BYTES_MAX: Final = 16 << 20
_HEADER_VALUE: Final = re.compile(r"[!-~][ -~\x80-\xff]*")
"""The characters that a request header can carry; an `If-Range` with others could not be sent."""
_ABANDONED_SECONDS: Final = 14 * _DAY
"""The time without a received byte after which a partial file is removed."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The origin of a partial file's bytes.

    Attributes:
        url: The URL before redirects, without secrets.
        validator: The strong ETag or the date for If-Range (RFC 9110 13.1.5).
        total: The size of the whole archive in bytes.
        done: The present intervals; None if all bytes of the file are valid.
    """

    url: str
    validator: str
    total: int
    done: tuple[tuple[int, int], ...] | None = None


def parse_sidecar(text: str) -> Sidecar | None:
    """Parse a sidecar; None if it is damaged or of another version."""
    try:
        raw: Any = json.loads(text)
        if not isinstance(raw, dict) or raw.pop("schema", None) != _SCHEMA:
            return None
        url, validator, total, done = (raw[key] for key in ("url", "validator", "total", "done"))
        if not (isinstance(url, str) and isinstance(validator, str) and type(total) is int):
            return None
        if not _HEADER_VALUE.fullmatch(validator) or total < 0:
            return None
        parts = None if done is None else tuple((start, end) for start, end in done)
        if any(type(offset) is not int for part in parts or () for offset in part):
            return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if parts is not None and any(not 0 <= start < end <= total for start, end in parts):
        return None
    return Sidecar(url, validator, total, parts)


class PositionedFile:
    """A file that several threads read and write at their own offsets.

    Args:
        descriptor: The open file; `close` closes it.
        path: Its path, for messages.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._closed = False

    def read_at(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset`."""
        if hasattr(os, "pread"):
            return os.pread(self._open(), size, offset)
        with self._lock:
            os.lseek(self._open(), offset, os.SEEK_SET)
            return os.read(self._descriptor, size)

    def write_at(self, offset: int, data: memoryview) -> None:
        """Write all of `data` at `offset`."""
        while len(data):
            if hasattr(os, "pwrite"):
                written = os.pwrite(self._open(), data, offset)
            else:
                with self._lock:
                    os.lseek(self._open(), offset, os.SEEK_SET)
                    written = os.write(self._descriptor, data)
            offset, data = offset + written, data[written:]

    def size(self) -> int:
        """Return the length of the file in bytes."""
        return os.fstat(self._open()).st_size

    def is_at(self, path: Path) -> bool:
        """Return whether a path still names this file."""
        return os.path.samestat(os.fstat(self._open()), path.lstat())

    def truncate(self, size: int) -> None:
        """Truncate or extend the file."""
        os.ftruncate(self._open(), size)

    def close(self) -> None:
        """Close the file; threads that still use it get an error."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def _open(self) -> int:
        if self._closed:
            raise ValueError("the file is closed")
        return self._descriptor


@dataclass
class Partial:
    """A partial file that this transfer owns, as far as file locks can tell.

    Attributes:
        path: Its path.
        file: Its contents.
        sidecar: The record of an earlier run, or None.
        private: Whether no later run resumes it, such as while another process owns the file
            that can be resumed.
    """

    path: Path
    file: PositionedFile
    sidecar: Sidecar | None
    private: bool
    finished: bool = False
    _owner: str = field(default_factory=lambda: os.urandom(8).hex())
    _written: str | None = None

    def restart(self) -> None:
        """Discard all present bytes."""
        self.forget()
        self.file.truncate(0)

    def record(self, sidecar: Sidecar) -> None:
        """Write the sidecar, so that a later run can resume."""
        if self.private:
            return
        text = json.dumps({"schema": _SCHEMA, "owner": self._owner, **asdict(sidecar)})
        write_atomically(sidecar_path(self.path), text.encode())
        self.sidecar = sidecar
        self._written = text

    def intact(self) -> bool:
        """Return whether only this process used the file; works even without file locks."""
        if self.private:
            return True
        try:
            if not self.file.is_at(self.path):
                return False
            return _read_sidecar(self.path) == self._written
        except FileNotFoundError:
            return self._written is None and self.path.exists()
        except (OSError, ValueError):
            return False

    def forget(self) -> None:
        """Remove the sidecar, so that no run resumes this file."""
        self.sidecar = self._written = None
        if not self.private:
            # A remaining sidecar is no worse than a stale one.
            with contextlib.suppress(OSError):
                sidecar_path(self.path).unlink(missing_ok=True)

    def done(self) -> Intervals:
        """Return the present intervals by the sidecar, cut to the file's size; none without a sidecar."""
        if self.sidecar is None:
            return Intervals()
        held = self.file.size()
        if held > self.sidecar.total:
            return Intervals()
        parts = ((0, held),) if self.sidecar.done is None else self.sidecar.done
        return Intervals((start, min(end, held)) for start, end in parts)


def sidecar_path(path: Path) -> Path:
    """Return the path of a partial file's sidecar."""
    return path.with_name(path.name + ".json")


def _read_sidecar(path: Path) -> str:
    return read_plain(sidecar_path(path), _SIDECAR_BYTES_MAX).decode()


class Partials:
    """The folder of partial files, created when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def claim(self, key: str, *, private: bool = False) -> Iterator[Partial]:
        """Open an archive's partial file, or a private one if another process holds it.

        After the block, the file is kept if it has a sidecar and is not `finished`; else it is removed.

        Args:
            key: Identifies the archive; a part of the file's name.
            private: Open a private one in any case.

        Raises:
            OSError: The folder cannot be written.
            UsageError: Others can write the file, see `open_own`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        partial = None if private else self._owned(self.folder / f"{key}.partial")
        partial = partial or self._private(key)
        try:
            yield partial
        finally:
            if partial.finished or partial.private or partial.sidecar is None:
                partial.forget()
                _remove(partial)
            partial.file.close()

    def _owned(self, path: Path) -> Partial | None:
        for _ in range(10):
            descriptor = open_own(path)
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            # The last owner may have removed the file between our opening and locking it.
            try:
                same = os.path.samestat(os.fstat(descriptor), path.lstat())
            except OSError:
                same = False
            if same:
                try:
                    text = _read_sidecar(path)
                except (OSError, ValueError):
                    text = ""
                file = PositionedFile(descriptor, path)
                return Partial(path, file, parse_sidecar(text), False, _written=text or None)
            os.close(descriptor)
        return None

    def _private(self, key: str) -> Partial:
        descriptor, name = tempfile.mkstemp(_PRIVATE, f"{key}.", self.folder)
        _lock(descriptor)  # so that `cache prune` sees that it is used
        return Partial(Path(name), PositionedFile(descriptor, Path(name)), None, True)

    def _sweep(self) -> None:
        """Remove files of processes that were killed long ago."""
        now = time.time()
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                resumable = path.suffix in (".partial", ".json")
                limit = _ABANDONED_SECONDS if resumable else _DAY
                if now - path.lstat().st_mtime > limit:
                    path.unlink(missing_ok=True)


def _remove(partial: Partial) -> None:
    try:
        partial.path.unlink(missing_ok=True)
    except OSError:
        # Windows cannot remove an open file; elsewhere, a later run removes a remaining one.
        partial.file.close()
        with contextlib.suppress(OSError):
            partial.path.unlink(missing_ok=True)


def _lock(descriptor: int) -> bool:
    """Lock the file for this process; return False if another holds it.

    On a file system without locks, the file counts as free.
    """
    try:
        return try_to_lock(descriptor)
    except OSError:
        return True
