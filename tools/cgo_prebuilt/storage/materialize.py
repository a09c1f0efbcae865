"""Create a tree's files in an output folder by reflink, hard link or copy.

Each file is created under a temporary name in its folder and renamed, so a partial file is never
visible. A file that is already correct is left alone, after one `stat`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.long_paths import long_path
from cgo_prebuilt.files.output_folder import check_output
from cgo_prebuilt.files.own_files import is_link, open_plain
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.storage.link_mode import Method
from cgo_prebuilt.storage.sealing import is_marked
from cgo_prebuilt.storage.tree import FileRecord, Tree

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import LockedFile

_FICLONE = 0x40049409  # linux/fs.h
_CLONE_NOFOLLOW = 1  # sys/clonefile.h

# Errors that refuse the method, not the place.
_NO_REFLINK = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS}
    | {errno.EPERM, errno.EBADF, errno.ETXTBSY}
)
# EPERM: a file system without links, or a file of another user (protected_hardlinks). EINVAL:
# Windows on exFAT and many network shares, where Python has no other errno for the system's error.
_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
)
_NO_SENDFILE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSOCK})
_ATTEMPTS = 5


# Creates the second path from the first file.
_Make = Callable[[Path, Path, FileRecord], None]

# A method, its function, and the errors that mean that it does not work here.
_Way = tuple[Method, _Make, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Materialized:
    """The number of files by method.

    Attributes:
        reflinked: Files that share the store's blocks.
        hardlinked: Files that are the store's files.
        copied: Files with separate blocks.
        unchanged: Files that were already correct.
        relinked: By path, the new records of files that changed by hard links only.
    """

    reflinked: int = 0
    hardlinked: int = 0
    copied: int = 0
    unchanged: int = 0
    relinked: Mapping[str, FileRecord] = field(default_factory=dict, compare=False)


def materialize(
    tree: Tree,
    files: Iterable[LockedFile],
    output: Path,
    methods: Sequence[Method] = tuple(Method),
) -> Materialized:
    """Create a tree's files in a folder, and leave its other files alone.

    Args:
        tree: The tree. From another user's store, each file is copied and hashed.
        files: The files to create.
        output: The folder; created if missing.
        methods: The methods to try, in order; the last one is a copy.

    Returns:
        The counts.

    Raises:
        UsageError: The output cannot be written or leads elsewhere, or the disk is full.
        UnavailableError: The tree was removed meanwhile.
        IntegrityError: Another user changed a file of their store meanwhile.
    """
    output = long_path(output)
    with _explaining(output, tree.files):
        if not output.is_dir():
            check_output(output)
            output.mkdir(mode=0o755, parents=True)
        folders = OutputFolders(output)
        wrong = []
        unchanged = 0
        for file in files:
            target = folders.entry(file.path)
            if _is_right(target, tree.records[file.path], tree.is_own):
                unchanged += 1
            else:
                wrong.append((file.path, target))
        made = dict.fromkeys(Method, 0)
        maker = _Maker(
            [(way, *_METHODS[way]) for way in methods] if tree.is_own else _COPY_AND_HASH
        )
        for parent in {target.parent for _, target in wrong}:
            remove_abandoned(parent)
        relinked = {}
        for path, target in wrong:
            source, record = tree.files / path, tree.records[path]
            is_untouched = source.lstat().st_ctime_ns == record.ctime_ns
            method = maker.make(source, target, record)
            made[method] += 1
            if method is Method.HARDLINK and is_untouched:
                relinked[path] = replace(record, ctime_ns=source.lstat().st_ctime_ns)
    counts = (made[Method.REFLINK], made[Method.HARDLINK], made[Method.COPY], unchanged)
    return Materialized(*counts, relinked)


def methods_between(source: Path, target: Path) -> tuple[Method, ...]:
    """Return the methods that work between two folders, the best first.

    Args:
        source: A writable folder.
        target: Another one.

    Raises:
        OSError: One of them cannot be written.
    """
    sample = long_path(source) / temporary_name()
    try:
        sample.write_bytes(b"cgo-prebuilt")
        found = sample.stat()
        record = FileRecord("", found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)
        return tuple(
            method
            for method, (make, refusals) in _METHODS.items()
            if _works(make, refusals, sample, long_path(target), record)
        )
    finally:
        sample.unlink(missing_ok=True)


def _works(
    make: _Make, refusals: frozenset[int], sample: Path, target: Path, record: FileRecord
) -> bool:
    trial = target / temporary_name()
    try:
        make(sample, trial, record)
    except OSError as error:
        if error.errno not in refusals:
            raise
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True


class OutputFolders:
    """The folders below an output, created and checked once: none may be a link.

    Args:
        output: The output folder, which exists.
    """

    def __init__(self, output: Path) -> None:
        self._known = {PurePosixPath(): output}

    def entry(self, path: str) -> Path:
        """Return a file's path, and create its folder.

        Raises:
            UsageError: One of its parent folders is a link or a file.
        """
        parts = PurePosixPath(path)
        return self._folder(parts.parent) / parts.name

    def _folder(self, parts: PurePosixPath) -> Path:
        known = self._known.get(parts)
        if known is not None:
            return known
        folder = self._folder(parts.parent) / parts.name
        try:
            found = folder.lstat()
        except FileNotFoundError:
            with suppress(FileExistsError):  # created by another process
                folder.mkdir(mode=0o755)
            found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or is_link(found):
            raise UsageError(
                "a folder of the library is a link or a file in the output",
                where=str(folder),
                remedy="remove it, or choose another output",
            )
        self._known[parts] = folder
        return folder


def _is_right(target: Path, record: FileRecord, is_own: bool) -> bool:
    """Return whether a file is the store's or a copy of it, by its `stat`.

    An mtime identifies contents only if it is marked (see `sealing`): a restored file's may not be.
    """
    try:
        found = target.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(
            "a file of the library would replace a folder of the output",
            where=str(target),
            remedy="remove it, or choose another output",
        )
    if not stat.S_ISREG(found.st_mode) or found.st_size != record.size:
        return False
    is_same_file = is_own and (found.st_dev, found.st_ino) == (record.device, record.inode)
    return found.st_mtime_ns == record.mtime_ns and (is_same_file or is_marked(record))


class _Maker:
    """Creates files, and remembers the methods that fail between two devices."""

    def __init__(self, ways: Sequence[_Way]) -> None:
        self._ways = ways
        self._refused: set[tuple[Method, int, int]] = set()

    def make(self, source: Path, target: Path, record: FileRecord) -> Method:
        pair = (source.parent.stat().st_dev, target.parent.stat().st_dev)
        for method, attempt, refusals in self._ways:
            if (method, *pair) in self._refused:
                continue
            try:
                _replace(target, source, record, attempt)
            except OSError as error:
                if error.errno == errno.EMLINK:  # the method failed for this file only
                    continue
                if error.errno not in refusals:
                    raise
                self._refused.add((method, *pair))
            else:
                return method
        raise AssertionError("a copy is never refused for its method")


def _replace(target: Path, source: Path, record: FileRecord, make: _Make) -> None:
    """Create a file under a temporary name, and rename it into place."""
    for attempt in range(_ATTEMPTS):
        partial = target.parent / temporary_name()
        try:
            make(source, partial, record)
            rename(partial, target)
        except FileNotFoundError as error:
            # Without shared process ids, another process may have removed it as abandoned.
            is_ours = str(error.filename) == str(partial)
            if attempt == _ATTEMPTS - 1 or not is_ours:
                raise
        else:
            return
        finally:
            # Renaming one hard link to another of the same file does nothing and leaves both.
            partial.unlink(missing_ok=True)


def _reflink(source: Path, target: Path, record: FileRecord) -> None:
    if sys.platform == "darwin":
        _clonefile(source, target)
    else:
        _ficlone(source, target)
    _finish(target, record)


def _ficlone(source: Path, target: Path) -> None:
    """Reflink a file by ioctl_ficlone(2), on Linux only."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "no reflinks")
    import fcntl

    with open_plain(source) as read, target.open("xb") as write:
        fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())


def _clonefile(source: Path, target: Path) -> None:
    """Reflink a file by clonefile(2), on macOS only."""
    import ctypes

    clonefile = ctypes.CDLL(None, use_errno=True).clonefile
    if clonefile(os.fsencode(source), os.fsencode(target), _CLONE_NOFOLLOW) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _hardlink(source: Path, target: Path, _record: FileRecord) -> None:
    if os.link in os.supports_follow_symlinks:
        os.link(source, target, follow_symlinks=False)
    else:
        os.link(source, target)


def _copy(source: Path, target: Path, record: FileRecord) -> None:
    with open_plain(source) as read, target.open("xb", 0) as write:
        _send(read, write)
    _finish(target, record)


def _send(read: FileIO, write: FileIO) -> None:
    """Copy an open file, inside the kernel if possible."""
    import shutil

    offset = 0
    if sys.platform == "linux":
        try:
            while sent := os.sendfile(write.fileno(), read.fileno(), offset, 1 << 30):
                offset += sent
        except OSError as error:
            if offset or error.errno not in _NO_SENDFILE:
                raise
        else:
            return
    shutil.copyfileobj(read, write, 1 << 20)


def _copy_and_hash(source: Path, target: Path, record: FileRecord) -> None:
    """Copy a file that another user may change, and hash the copy."""
    digest, left = hashlib.sha256(), record.size
    with open_plain(source) as read, target.open("xb", 0) as write:
        while left and (chunk := read.read(min(left, 1 << 20))):
            digest.update(chunk)
            write.write(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != record.sha256:
        raise IntegrityError(
            "a file of another user's store changed while it was copied",
            where=str(source),
            remedy="do not use that store: set CGO_PREBUILT_CACHE to a folder of your own",
        )
    _finish(target, record)


def _finish(target: Path, record: FileRecord) -> None:
    if sys.platform != "win32":
        target.chmod(0o444)
    os.utime(target, ns=(record.mtime_ns, record.mtime_ns))


_METHODS: Mapping[Method, tuple[_Make, frozenset[int]]] = {
    Method.REFLINK: (_reflink, _NO_REFLINK),
    Method.HARDLINK: (_hardlink, _NO_LINK),
    Method.COPY: (_copy, frozenset()),
}

_COPY_AND_HASH: Sequence[_Way] = ((Method.COPY, _copy_and_hash, frozenset()),)


@contextmanager
def _explaining(output: Path, store: Path) -> Iterator[None]:
    """Explain a file system's refusal."""
    try:
        yield
    except OSError as error:
        missing = error.filename if isinstance(error, FileNotFoundError) else None
        if missing and Path(missing).is_relative_to(store) and not os.path.lexists(missing):
            raise UnavailableError(
                "the library's files were removed while they were linked or copied",
                where=str(missing),
                remedy="run it again",
            ) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UsageError(
                "the disk of the output is full",
                where=str(output),
                remedy="free some space, or choose another output",
            ) from error
        raise UsageError(
            f"the output cannot be written: {error.strerror or error}",
            where=str(error.filename or output),
            remedy="choose a folder that you can write",
        ) from error
