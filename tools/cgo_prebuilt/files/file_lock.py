"""A lock between processes, held on a file while its holder lives.

It saves work and is never what correctness stands on: on file systems without locks, or with locks
that do nothing, everything that it guards still comes out right. So nobody needs to wait for a holder
that was stopped: whoever holds a lock touches its file again and again, and a waiter that sees nothing
of that for a while goes ahead without the lock, or refuses to.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cgo_prebuilt.files.own_files import open_own
from cgo_prebuilt.files.temporary_names import process_space

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PATIENCE = 60.0
"""Seconds without a sign of life after which nobody waits for another process."""

_HELD_ELSEWHERE = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})
_POLL_SECONDS = 0.1
_SIGN_SECONDS = 2.0
_MOST_OF_A_HOLDER = 200
# A file system may say of every look that it is another file.
_ATTEMPTS = 100
# A byte far behind the end: a lock on Windows keeps others from reading what it covers.
_LOCKED_BYTE = 1 << 40


class LockIsHeldError(Exception):
    """Another process holds the lock, and the caller did not want to wait."""


@contextmanager
def hold(
    path: Path,
    *,
    shared: bool = False,
    wait: bool = True,
    on_wait: Callable[[], None] | None = None,
    leave: bool = True,
    patience: float = PATIENCE,
    on_stuck: Callable[[str], None] = lambda _: None,
    signs: bool = True,
) -> Iterator[bool]:
    """Hold a lock while the block runs.

    Args:
        path: The lock file; it is made where it is missing.
        shared: Let other sharers in, and keep out those that want it alone. Windows has no such
            lock in its C library, and takes it alone.
        wait: Wait for the lock, else raise when it is held.
        on_wait: Called once, before waiting.
        leave: Leave the lock file behind. In a folder that is a person's own, it is removed instead.
        patience: How many seconds to wait for a holder that shows no sign of life.
        on_stuck: Told then who the holder is; may raise, where the block must not run without the lock.
        signs: Show signs of life while it is held, so that others wait longer than their patience.

    Yields:
        Whether the lock is held; False where the file system has none, the file cannot be made, or
        the holder showed no sign of life.

    Raises:
        LockIsHeldError: It is held elsewhere, and `wait` is False.
        UsageError: The lock file is not this user's alone, see `open_own`.
    """
    descriptor, held = None, False
    try:
        for _ in range(_ATTEMPTS):
            if descriptor is not None:  # of a file that whoever had the lock has removed
                # Never again, even where that fails: the number may be another file's by then.
                gone, descriptor = descriptor, None
                os.close(gone)
            descriptor = _open(path)
            held = descriptor is not None and _acquire(
                descriptor, shared, wait, on_wait, patience, on_stuck
            )
            if descriptor is None or leave or _is_at(descriptor, path):
                break
        if descriptor is None or not held:
            yield held
        else:
            with _named(descriptor, shared), _signs_of_life(descriptor, path, patience, signs):
                yield held
    finally:
        if held and not leave:
            with suppress(OSError):  # Windows removes no file that is open
                path.unlink()
        if descriptor is not None:
            os.close(descriptor)  # which releases it


def _open(path: Path) -> int | None:
    try:
        return open_own(path, os.O_RDWR | os.O_CREAT)
    except OSError:  # a read-only store
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _acquire(
    descriptor: int,
    shared: bool,
    wait: bool,
    on_wait: Callable[[], None] | None,
    patience: float,
    on_stuck: Callable[[str], None],
) -> bool:
    try:
        if try_to_lock(descriptor, shared=shared):
            return True
        if not wait:
            raise LockIsHeldError
        if on_wait is not None:
            on_wait()
        if not _wait(descriptor, shared, patience):
            on_stuck(_holder(descriptor))
            return False
    except OSError:  # ENOLCK, ENOTSUP, ENOSYS, and what else a network file system says
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
def _signs_of_life(descriptor: int, path: Path, patience: float, signs: bool) -> Iterator[None]:
    """Touch the lock file while the block runs, if requested."""
    if not signs:
        yield
        return
    import threading

    over = threading.Event()
    period = min(_SIGN_SECONDS, max(patience / 5, 0.05))

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
        holder = os.read(descriptor, _MOST_OF_A_HOLDER).decode("ascii")
    space, _, pid = holder.partition(" ")
    if not pid.isdecimal():
        return "another process"
    return f"process {pid}" if space == process_space() else "a process elsewhere"


if sys.platform == "win32":

    def try_to_lock(descriptor: int, *, shared: bool = False) -> bool:
        """See below: what is documented there holds here."""
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
        """Take the lock on an open file, which lasts until that is closed.

        Args:
            descriptor: The file.
            shared: See `hold`.

        Returns:
            False where another process has it.

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
