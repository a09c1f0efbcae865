"""A lock between processes, held on a file for as long as its holder lives.

It saves work and is never what correctness stands on: on file systems without locks, or with locks
that do nothing, everything that it guards still comes out right.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HELD_ELSEWHERE = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})
_POLL_SECONDS = 0.1
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
) -> Iterator[bool]:
    """Holds a lock while the block runs.

    Args:
        path: The lock file; it is made where it is missing.
        shared: Let other sharers in, and keep out those that want it alone. Windows has no such
            lock in its C library, and takes it alone.
        wait: Wait for the lock, else raise when it is held.
        on_wait: Called once, before waiting.
        leave: Leave the lock file behind. In a folder that is a person's own, it is removed instead.

    Yields:
        Whether the lock is held; False where the file system has none or the file cannot be made.

    Raises:
        LockIsHeldError: It is held elsewhere, and `wait` is False.
    """
    descriptor, held = None, False
    try:
        for _ in range(_ATTEMPTS):
            if descriptor is not None:  # of a file that whoever had the lock has removed
                os.close(descriptor)
            descriptor = _open(path)
            held = descriptor is not None and _acquire(descriptor, shared, wait, on_wait)
            if descriptor is None or leave or _is_at(descriptor, path):
                break
        yield held
    finally:
        if held and not leave:
            with suppress(OSError):  # Windows removes no file that is open
                path.unlink()
        if descriptor is not None:
            os.close(descriptor)  # which releases it


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # a read-only store
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _acquire(descriptor: int, shared: bool, wait: bool, on_wait: Callable[[], None] | None) -> bool:
    try:
        if try_to_lock(descriptor, shared=shared):
            return True
        if not wait:
            raise LockIsHeldError
        if on_wait is not None:
            on_wait()
        _lock(descriptor, shared=shared)
    except OSError:  # ENOLCK, ENOTSUP, ENOSYS, and what else a network file system says
        return False
    return True


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

    def _lock(descriptor: int, *, shared: bool) -> None:
        while not try_to_lock(descriptor, shared=shared):
            time.sleep(_POLL_SECONDS)  # LK_LOCK gives up after ten seconds

else:

    def try_to_lock(descriptor: int, *, shared: bool = False) -> bool:
        """Takes the lock on an open file, which lasts until that is closed.

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

    def _lock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
