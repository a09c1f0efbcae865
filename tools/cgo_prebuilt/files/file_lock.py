"""A lock between processes, held on a file while its holder lives.

A lock saves work; correctness never depends on it. On file systems without locks, or with locks that do
nothing, the guarded work is still correct. So nobody needs to wait for a stopped holder: a holder touches
the lock file regularly, and a waiter that sees no touch for a while proceeds without the lock, or fails.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.files.own_files import open_own
from cgo_prebuilt.files.temporary_names import process_space

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PATIENCE = 60.0
"""Seconds without a sign of life after which a waiter stops waiting."""

_HELD_ELSEWHERE = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})
_POLL_SECONDS = 0.1
_SIGN_SECONDS = 2.0
_HOLDER_BYTES_MAX = 200
# A file system may report a different inode on every stat.
_ATTEMPTS = 100
# A byte far after the end: on Windows, other processes cannot read a locked range.
_LOCKED_BYTE = 1 << 40


class LockIsHeldError(Exception):
    """Another process holds the lock, and the caller did not want to wait."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait for another process.

    Attributes:
        on_wait: Called once, before waiting.
        patience: How many seconds to wait for a holder that shows no sign of life.
        on_stuck: Called with the holder's name when patience ends; may raise if the block needs the lock.
    """

    on_wait: Callable[[], None] = lambda: None
    patience: float = PATIENCE
    on_stuck: Callable[[str], None] = lambda _: None


DEFAULT_WAITING = Waiting()
"""Wait silently, with the default patience."""


@contextmanager
def hold(
    path: Path,
    waiting: Waiting | None = DEFAULT_WAITING,
    *,
    shared: bool = False,
    keep_file: bool = True,
) -> Iterator[bool]:
    """Hold a lock while the block runs.

    Args:
        path: The lock file; created if missing.
        waiting: How to wait for the lock; None to raise if it is held.
        shared: Take a shared lock instead of an exclusive one. Windows always takes an exclusive lock,
            since its C library has no shared one.
        keep_file: Keep the lock file afterwards, and show signs of life while holding the lock, so that
            others keep waiting. Pass False for a lock that is held briefly in a user's own folder:
            no lock file should stay there.

    Yields:
        Whether the lock is held; False if the file system has no locks, the file cannot be created, or
        the holder showed no sign of life.

    Raises:
        LockIsHeldError: It is held elsewhere, and `waiting` is None.
        UsageError: Others can write the lock file, see `open_own`.
    """
    descriptor, held = None, False
    try:
        for _ in range(_ATTEMPTS):
            if descriptor is not None:  # the lock is on a file that its holder has removed
                # Close it once only, even if that fails: the descriptor may belong to another file by then.
                gone, descriptor = descriptor, None
                os.close(gone)
            descriptor = _open(path)
            held = descriptor is not None and _acquire(descriptor, shared, waiting)
            if descriptor is None or keep_file or _is_at(descriptor, path):
                break
        if descriptor is None or not held:
            yield held
        else:
            period = min(_SIGN_SECONDS, max((waiting or DEFAULT_WAITING).patience / 5, 0.05))
            signs = _signs_of_life(descriptor, path, period) if keep_file else nullcontext()
            with _named(descriptor, shared), signs:
                yield held
    finally:
        if held and not keep_file:
            with suppress(OSError):  # Windows cannot remove an open file
                path.unlink()
        if descriptor is not None:
            os.close(descriptor)  # which releases it


def _open(path: Path) -> int | None:
    try:
        return open_own(path)
    except OSError:  # a read-only store
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _acquire(descriptor: int, shared: bool, waiting: Waiting | None) -> bool:
    try:
        if try_to_lock(descriptor, shared=shared):
            return True
        if waiting is None:
            raise LockIsHeldError
        waiting.on_wait()
        if not _wait(descriptor, shared, waiting.patience):
            waiting.on_stuck(_holder(descriptor))
            return False
    except OSError:  # ENOLCK, ENOTSUP, ENOSYS, or another error of a network file system
        return False
    return True


def _wait(descriptor: int, shared: bool, patience: float) -> bool:
    """Wait while the holder shows signs of life; return whether the lock was taken."""
    seen, since, pause = _sign(descriptor), time.monotonic(), 0.005
    while not try_to_lock(descriptor, shared=shared):
        sign, now = _sign(descriptor), time.monotonic()
        if sign != seen:
            seen, since = sign, now
        elif now - since >= patience:
            return False
        time.sleep(min(pause, max(patience - (now - since), 0)))
        pause = min(2 * pause, _POLL_SECONDS)
    return True


def _sign(descriptor: int) -> int:
    return os.fstat(descriptor).st_mtime_ns


@contextmanager
def _named(descriptor: int, shared: bool) -> Iterator[None]:
    """Write the holder's name into the lock file while the block runs."""
    _write_holder(descriptor, "" if shared else f"{process_space()} {os.getpid()}")
    try:
        yield
    finally:
        _write_holder(descriptor, "")


@contextmanager
def _signs_of_life(descriptor: int, path: Path, period: float) -> Iterator[None]:
    """Touch the lock file again and again while the block runs."""
    import threading

    over = threading.Event()

    def touch() -> None:
        while not over.wait(period):
            with suppress(OSError):
                os.utime(descriptor if os.utime in os.supports_fd else path)

    thread = threading.Thread(target=touch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write_holder(descriptor: int, holder: str) -> None:
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, holder.encode())


def _holder(descriptor: int) -> str:
    """Return who holds the lock, for a person."""
    holder = ""
    with suppress(OSError, ValueError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder = os.read(descriptor, _HOLDER_BYTES_MAX).decode("ascii")
    space, _, pid = holder.partition(" ")
    if not pid.isdecimal():
        return "another process"
    return f"process {pid}" if space == process_space() else "a process elsewhere"


if sys.platform == "win32":

    def try_to_lock(descriptor: int, *, shared: bool = False) -> bool:
        """Take the lock; see the POSIX version below."""
        del shared
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _HELD_ELSEWHERE:
                return False
            raise
        return True

else:

    def try_to_lock(descriptor: int, *, shared: bool = False) -> bool:
        """Take the lock on an open file, until the file is closed.

        Args:
            descriptor: The file.
            shared: See `hold`.

        Returns:
            False if another process holds it.

        Raises:
            OSError: The file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD_ELSEWHERE:
                return False
            raise
        return True
