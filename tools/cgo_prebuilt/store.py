"""The store: verified trees of files, named by their content, shared by all of a user's workspaces.

```
<root>/v1/trees/<key>/     a tree, see `tree`; appears and disappears by one rename
<root>/v1/staging/         trees in the making
<root>/v1/partial/         downloads in the making
<root>/v1/locks/           a lock file for each key
<root>/v1/damaged/         trees that were not what their record says
```
What survives a crash: a tree is renamed into place whole, so that a killed process leaves staging
and nothing else. After a power failure a file system may come back with the rename and without the
bytes. Waiting for the disk would make every fetch pay for that. Instead the record names the boot in
which the bytes were written; the first look at the tree after another boot hashes it all, once. Where
a boot has no name, publishing waits for the disk.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from cgo_prebuilt.boot import boot_id
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UsageError
from cgo_prebuilt.file_lock import LockIsHeldError, hold
from cgo_prebuilt.long_paths import long_path
from cgo_prebuilt.renames import rename
from cgo_prebuilt.temporary_names import is_abandoned, temporary_name
from cgo_prebuilt.tree import (
    FILES,
    RECORD,
    USED,
    FileRecord,
    Tree,
    format_record,
    key_of_records,
    parse_record,
    tree_key,
)

if TYPE_CHECKING:
    from cgo_prebuilt.lock import LockedFile

__all__ = ["Pruned", "Store", "StoredTree", "Tree", "default_root", "tree_key"]

VARIABLE = "CGO_PREBUILT_CACHE"

_STALE_PARTIAL_SECONDS = 24 * 60 * 60
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST})
_OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EACCES, errno.EPERM})


def default_root(environ: Mapping[str, str], system: str) -> Path:
    """The folder of the store.

    Args:
        environ: The environment; `CGO_PREBUILT_CACHE` wins, then what the system has for caches.
        system: As `sys.platform` has it.

    Raises:
        UsageError: The variable is not an absolute path, or there is no home folder.
    """
    chosen = environ.get(VARIABLE, "")
    if chosen:
        flavor = PureWindowsPath if system == "win32" else PurePosixPath
        if not flavor(chosen).is_absolute():
            raise UsageError(
                f"{VARIABLE} is not an absolute path", where=chosen, remedy="write it in full"
            )
        return Path(chosen)
    if system == "win32":
        local = environ.get("LOCALAPPDATA", "")
        if not local and environ.get("USERPROFILE"):
            local = str(Path(environ["USERPROFILE"], "AppData", "Local"))
        if local:
            return Path(local, "cgo-prebuilt", "cache")
    # A relative XDG_CACHE_HOME is to be ignored (XDG Base Directory Specification).
    elif system != "darwin" and environ.get("XDG_CACHE_HOME", "").startswith("/"):
        return Path(environ["XDG_CACHE_HOME"], "cgo-prebuilt")
    elif environ.get("HOME"):
        caches = ("Library", "Caches") if system == "darwin" else (".cache",)
        return Path(environ["HOME"], *caches, "cgo-prebuilt")
    raise UsageError(
        "there is no home folder for the store of fetched libraries",
        remedy=f"set {VARIABLE} to a folder for it",
    )


@dataclass(frozen=True, slots=True)
class StoredTree:
    """A tree as `Store.list` has it.

    Attributes:
        key: Its name in the store.
        label: What it is, for a person; empty when its record cannot be read.
        size: The bytes of its files.
        files: How many they are.
        last_used: Seconds since the epoch.
    """

    key: str
    label: str
    size: int
    files: int
    last_used: float


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `Store.prune` did.

    Attributes:
        removed: The trees that it removed.
        kept: The trees that there still are.
        in_use: Keys of trees that should have gone and were in use.
        leftovers: How many abandoned folders and files it removed.
    """

    removed: tuple[StoredTree, ...]
    kept: tuple[StoredTree, ...]
    in_use: tuple[str, ...]
    leftovers: int


class Store:
    """A store in a folder, which is made when something is put into it.

    Args:
        root: Its folder, absolute.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        base = long_path(root) / "v1"
        self.partials = base / "partial"
        self._trees = base / "trees"
        self._staging = base / "staging"
        self._locks = base / "locks"
        self._damaged = base / "damaged"

    def find(self, key: str, files: Iterable[LockedFile]) -> Tree | None:
        """Looks for a tree and marks it used.

        A file that `stat` shows as it was recorded is right. One that is not is hashed again, so
        that a store may be moved or restored from a backup.

        Args:
            key: The `tree_key` of `files`.
            files: What the tree must have.

        Returns:
            The tree; None when there is none or it is damaged, which `publish` will put right.
        """
        tree = self._read(key)
        if tree is None:
            return None
        wanted = {file.path: (file.sha256, file.size) for file in files}
        if wanted != {path: (r.sha256, r.size) for path, r in tree.records.items()}:
            return None
        checked = self._check(tree)
        if checked is None:
            return None
        if checked != tree:
            with suppress(OSError):  # a read-only store is hashed again each time
                _write_record(checked)
        with suppress(OSError):
            os.utime(tree.folder / USED)
        return checked

    def exclusive(
        self, key: str, on_wait: Callable[[], None] | None = None
    ) -> AbstractContextManager[bool]:
        """Keeps other processes from making the same tree, so that eight of them make one download.

        Args:
            key: The tree's.
            on_wait: Called once, when another process has it.

        Returns:
            A context manager that gives whether there is a lock. Without one all stays correct.
        """
        return hold(self._lock_file(key), on_wait=on_wait)

    def shared(self, key: str) -> AbstractContextManager[bool]:
        """Keeps `prune` from removing a tree while it is read; see `exclusive`."""
        return hold(self._lock_file(key), shared=True)

    @contextmanager
    def staging(self, key: str, size: int | None = None) -> Iterator[Path]:
        """A new folder to put a tree's files into, on the store's file system.

        It is gone after the block, unless it was published.

        Args:
            key: The tree's.
            size: The bytes that it will take, to be told when the disk is full.

        Raises:
            UsageError: The store cannot be written, or the disk is full, now or in the block.
        """
        folder = self._staging / f"{temporary_name()}-{key[:16]}"
        try:
            with self._explaining(size):
                self._make_folders()
                self._remove_abandoned()
                (folder / FILES).mkdir(parents=True, mode=0o700)
            with self._explaining(size, only_full=True):
                yield folder / FILES
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(
        self, staging: Path, key: str, files: Iterable[LockedFile], label: str = ""
    ) -> Tree:
        """Makes a staged tree available under its key, at once and whole.

        Args:
            staging: From `staging`, with exactly `files` in it, their hashes verified.
            key: The `tree_key` of `files`.
            files: The tree's files.
            label: What it is, for a person.

        Returns:
            The tree; another process's, when it was faster.

        Raises:
            IntegrityError: Other files are there than `files`.
            UsageError: The store cannot be written, or the disk is full.
        """
        files = tuple(files)
        with self._explaining(sum(file.size for file in files)):
            boot = boot_id()
            records = _seal(staging, files, sync=boot is None)
            staged = Tree(key, staging.parent, records, boot, label)
            (staging.parent / USED).touch()
            _write_record(staged)
            target = self._trees / key
            while not _rename_if_free(staging.parent, target):
                winner = self.find(key, files)
                if winner is not None:
                    return winner
                self._set_aside(target)
        return replace(staged, folder=target)

    def verify(self, key: str) -> tuple[str, ...]:
        """Hashes all of a tree's files, and sees to it that they are on the disk.

        Returns:
            The paths of those that are damaged or missing; the tree is set aside if there are any.
            `tree.json` stands for the record itself.

        Raises:
            UsageError: The store has no such tree.
        """
        folder = self._trees / key
        with self.exclusive(key):
            if not folder.is_dir():
                raise UsageError(
                    f"the store has no tree {key}",
                    where=str(self.root),
                    remedy="see `cgo-prebuilt cache list`",
                )
            tree = self._read(key)
            if tree is None:
                damaged: tuple[str, ...] = (RECORD,)
            else:
                records = {
                    path: _hash_again(tree.files / path, record, sync=True)
                    for path, record in tree.records.items()
                }
                good = {path: record for path, record in records.items() if record is not None}
                damaged = tuple(sorted(records.keys() - good.keys()))
                if not damaged:
                    with suppress(OSError):
                        _write_record(replace(tree, records=good, unsynced_boot=None))
            if damaged:
                with self._explaining():
                    self._make_folders()
                    self._set_aside(folder)
        return damaged

    def list(self) -> tuple[StoredTree, ...]:
        """The store's trees, the least recently used first."""
        keys: Iterable[str] = ()
        with suppress(OSError):
            keys = [entry.name for entry in self._trees.iterdir()]
        return tuple(sorted(map(self._describe, keys), key=lambda tree: (tree.last_used, tree.key)))

    def prune(
        self, older_than: timedelta | None = None, max_size: int | None = None, *, now: float
    ) -> Pruned:
        """Removes trees, and what killed processes left.

        Args:
            older_than: Remove the trees that were not used for so long.
            max_size: Then remove the least recently used until the rest has at most so many bytes.
            now: Seconds since the epoch.

        Raises:
            UsageError: The store cannot be written.
        """
        with self._explaining():
            if not self._trees.parent.is_dir():
                return Pruned((), (), (), 0)
            self._make_folders()
            leftovers = self._remove_abandoned() + self._remove_leftovers(now)
            kept = [self._with_sane_use(tree, now) for tree in self.list()]
            removed, in_use = [], []
            for tree in tuple(kept):
                too_old = (
                    older_than is not None and tree.last_used < now - older_than.total_seconds()
                )
                too_big = max_size is not None and sum(t.size for t in kept) > max_size
                if not (too_old or too_big):
                    continue
                if self._remove(tree.key):
                    kept.remove(tree)
                    removed.append(tree)
                else:
                    in_use.append(tree.key)
        return Pruned(tuple(removed), tuple(kept), tuple(in_use), leftovers)

    def _read(self, key: str) -> Tree | None:
        folder = self._trees / key
        try:
            text = (folder / RECORD).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None
        tree = parse_record(text, folder)
        if tree is None or tree.key != key or key_of_records(tree.records) != key:
            return None
        return tree

    def _check(self, tree: Tree) -> Tree | None:
        """The tree with a record that is true now; None when a file is not what it should be."""
        fitting = {
            path: record
            for path, record in tree.records.items()
            if _fits(tree.files / path, record)
        }
        is_trusted = tree.unsynced_boot is None or tree.unsynced_boot == boot_id()
        if is_trusted and len(fitting) == len(tree.records):
            return tree
        records = {}
        for path, record in tree.records.items():
            hashed = record if is_trusted and path in fitting else None
            hashed = hashed or _hash_again(tree.files / path, record)
            if hashed is None:
                return None
            records[path] = hashed
        # Just as it was before another boot: it has come from the disk. Else it may have been
        # restored a moment ago.
        has_survived = not is_trusted and len(fitting) == len(tree.records)
        return replace(tree, records=records, unsynced_boot=None if has_survived else boot_id())

    def _describe(self, key: str) -> StoredTree:
        tree = self._read(key)
        last_used = 0.0
        for path in (self._trees / key / USED, self._trees / key):
            with suppress(OSError):
                last_used = path.stat().st_mtime
                break
        if tree is None:
            return StoredTree(key, "", 0, 0, last_used)
        return StoredTree(key, tree.label, tree.size, len(tree.records), last_used)

    def _with_sane_use(self, tree: StoredTree, now: float) -> StoredTree:
        """A use in the future was under a wrong clock; left alone, it would keep the tree for ever."""
        if tree.last_used <= now:
            return tree
        with suppress(OSError):
            os.utime(self._trees / tree.key / USED, (now, now))
        return replace(tree, last_used=now)

    def _remove(self, key: str) -> bool:
        try:
            with hold(self._lock_file(key), wait=False):
                doomed = self._staging / temporary_name()
                rename(self._trees / key, doomed)
                _delete(doomed)
        except LockIsHeldError:
            return False
        except FileNotFoundError:  # another process was faster
            pass
        return True

    def _set_aside(self, folder: Path) -> None:
        for earlier in self._damaged.glob(f"{folder.name}-*"):
            _delete(earlier)
        with suppress(FileNotFoundError):  # another process was faster
            rename(folder, self._damaged / f"{folder.name}-{secrets.token_hex(4)}")

    def _remove_abandoned(self) -> int:
        abandoned = [path for path in self._staging.iterdir() if is_abandoned(path)]
        for path in abandoned:
            _delete(path)
        return len(abandoned)

    def _remove_leftovers(self, now: float) -> int:
        leftovers = list(self._damaged.iterdir())
        for path in self.partials.iterdir():
            with suppress(FileNotFoundError):
                # The distance, not the age: the clock may have gone backwards.
                if abs(now - path.lstat().st_mtime) > _STALE_PARTIAL_SECONDS:
                    leftovers.append(path)
        for path in leftovers:
            _delete(path)
        return len(leftovers)

    def _lock_file(self, key: str) -> Path:
        with suppress(OSError):  # without the folder there is no lock, see `file_lock`
            self._make_folders()
        return self._locks / f"{key}.lock"

    def _make_folders(self) -> None:
        if self._locks.is_dir() and self._damaged.is_dir():
            return
        base = self._trees.parent
        for folder in (base.parent, base):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self._trees, self._staging, self.partials, self._damaged, self._locks):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def _explaining(self, size: int | None = None, *, only_full: bool = False) -> Iterator[None]:
        """Says what a refusal of the file system means."""
        try:
            yield
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise self._disk_full(size) from error
            if only_full and error.errno != errno.EROFS:
                raise
            raise UsageError(
                f"the store cannot be written: {error.strerror or error}",
                where=str(error.filename or self.root),
                remedy=f"set {VARIABLE} to a folder that you can write"
                if error.errno in _NOT_WRITABLE
                else f"check the disk, or set {VARIABLE} to a folder on another one",
            ) from error

    def _disk_full(self, size: int | None) -> CgoPrebuiltError:
        needed = "" if size is None else f" {size / 1e6:.1f} MB are needed;"
        free = ""
        with suppress(OSError):
            free = f" {shutil.disk_usage(self.root).free / 1e6:.1f} MB are free;"
        return UsageError(
            "the disk of the store is full",
            where=str(self.root),
            remedy=f"free some space;{needed}{free} `cgo-prebuilt cache prune` removes what is not"
            f" used, and {VARIABLE} names another place",
        )


def _fits(path: Path, record: FileRecord) -> bool:
    try:
        return record.fits(path.lstat())
    except OSError:
        return False


def _hash_again(path: Path, record: FileRecord, *, sync: bool = False) -> FileRecord | None:
    """A file's record as `stat` sees it now, or None when its contents are not the recorded ones."""
    from cgo_prebuilt.digest import sha256_of

    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != record.size:
            return None
        if sha256_of(path) != (record.sha256, record.size):
            return None
        if sync:
            _sync(path)
    except OSError:
        return None
    return _record(record.sha256, found)


def _record(sha256: str, found: os.stat_result) -> FileRecord:
    return FileRecord(sha256, found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)


def _seal(folder: Path, files: tuple[LockedFile, ...], *, sync: bool) -> dict[str, FileRecord]:
    """Makes staged files read-only, and records them."""
    found = {}
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            path = Path(parent, name)
            found[path.relative_to(folder).as_posix()] = path.lstat()
    sizes = {file.path: file.size for file in files}
    if sizes != {path: s.st_size for path, s in found.items() if stat.S_ISREG(s.st_mode)} or len(
        sizes
    ) != len(found):
        odd = sorted(sizes.keys() ^ found.keys()) or sorted(
            path for path, s in found.items() if s.st_size != sizes[path]
        )
        raise IntegrityError(
            "the extracted files are not those that the lock names",
            where=", ".join(odd[:3]) or str(folder),
            remedy="report this: the extractor should have refused the archive",
        )
    seconds = int(time.time())
    records = {}
    for file in files:
        path = folder / file.path
        mtime_ns = _mtime_ns(seconds, file.sha256)
        if sys.platform != "win32":  # there, a read-only file cannot be deleted
            path.chmod(0o444)
        os.utime(path, ns=(mtime_ns, mtime_ns))
        if sync:
            _sync(path)
        records[file.path] = _record(file.sha256, path.lstat())
    return records


def _mtime_ns(seconds: int, sha256: str) -> int:
    """An mtime that also tells contents apart, so that a copy of one is never taken for another.

    Two versions of a file may have one size and, where an archive or the clock says so, one time.
    Whole microseconds survive on every file system that has fractions.
    """
    return seconds * 1_000_000_000 + int(sha256[:12], 16) % 1_000_000 * 1_000


def _sync(path: Path) -> None:
    with suppress(PermissionError):  # a read-only file cannot be opened for it on every system
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_record(tree: Tree) -> None:
    partial = tree.folder / temporary_name()
    try:
        partial.write_text(format_record(tree), encoding="utf-8", newline="\n")
        rename(partial, tree.folder / RECORD)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _rename_if_free(source: Path, target: Path) -> bool:
    if os.path.lexists(target):
        return False
    try:
        rename(source, target)
    except OSError as error:
        if error.errno in _OCCUPIED and os.path.lexists(target):
            return False
        raise
    return True


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
