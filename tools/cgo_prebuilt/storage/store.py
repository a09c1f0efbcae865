"""The store: verified trees, named by contents, shared by all of a user's workspaces.

Crash safety: a complete tree is renamed into place, so a killed process leaves only staging folders.
After a power failure, a file system may have kept the rename and lost the bytes. Waiting for the disk
would slow down every fetch. Instead, the record names the boot in which the bytes were written, and the
first use of the tree after another boot hashes it once. Without a boot id, publishing waits for the disk.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.boot import boot_id
from cgo_prebuilt.files.file_lock import DEFAULT_WAITING, Waiting
from cgo_prebuilt.files.leftovers import delete, remove_abandoned
from cgo_prebuilt.files.own_files import mark_used, this_user
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.storage.recorded_tree import (
    check_tree,
    find_matching,
    read_tree,
    sealed_now,
    verify_tree,
    write_record,
)
from cgo_prebuilt.storage.sealing import seal
from cgo_prebuilt.storage.store_folder import (
    SYSTEM_VARIABLE,
    VARIABLE,
    StoreFolder,
    default_root,
    home_by_account,
    system_roots,
)
from cgo_prebuilt.storage.store_locks import StoreLocks
from cgo_prebuilt.storage.tree import FILES, USED, FileRecord, Tree, tree_key

if TYPE_CHECKING:
    from datetime import timedelta

    from cgo_prebuilt.locks.lock import LockedFile
    from cgo_prebuilt.storage.pruning import Pruned, StoredTree

__all__ = [
    "Store",
    "Tree",
    "default_root",
    "home_by_account",
    "system_roots",
    "tree_key",
]

_ROOT = 0

_OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EACCES, errno.EPERM})


class Store:
    """A store in a folder, created when first written.

    Args:
        root: The absolute path of its folder.
        verified_at_use: Whether every user of a file compares it with the lock, as in Bazel; then a file
            that changed by hard links only is not hashed again.
        waiting: How to wait for another process, before it goes on without the lock.
        system: The folders of read-only stores, which are searched first.
    """

    def __init__(
        self,
        root: Path,
        *,
        verified_at_use: bool = False,
        waiting: Waiting = DEFAULT_WAITING,
        system: Iterable[Path] = (),
    ) -> None:
        self.root = root
        self._folder = StoreFolder(root)
        self._system = [StoreFolder(one, SYSTEM_VARIABLE) for one in system]
        self._verified_at_use = verified_at_use
        self._locks = StoreLocks(self._folder, waiting)

    @property
    def partials(self) -> Path:
        """The folder of partial downloads; it exists unless the store is read-only.

        Raises:
            UsageError: The store belongs to another user, or others can write it.
        """
        with suppress(OSError):
            self._folder.make()
        return self._folder.partials

    @property
    def results(self) -> Path:
        """The folder of `results.Results`; it may not exist yet."""
        return self._folder.results

    @property
    def packages(self) -> Store:
        """The store, inside this one, of the fetcher's Python packages; this one does not list them."""
        return Store(self.root / "python")

    def find(self, key: str, files: Iterable[LockedFile]) -> Tree | None:
        """Find a tree and mark it used.

        A file whose `stat` matches its record is correct, if this store's user wrote the record here. All
        other files are hashed again: moved ones, restored ones, planted ones, and another user's.

        Args:
            key: The `tree_key` of `files`.
            files: The files that the tree must have.

        Returns:
            The tree; None if it is missing or damaged, which `publish` will repair.

        Raises:
            UsageError: A folder of the store is a link, or others can write it.
        """
        files = tuple(files)
        for folder in self._system:
            _refuse_to_lend(folder, SYSTEM_VARIABLE)
            lent = find_matching(folder, key, files)
            # Its author is unknown, so all of it is hashed, each time.
            checked = None if lent is None else check_tree(lent, is_own=False, strictly=True)
            if checked is not None:
                return checked
        is_own = self._folder.is_own()
        tree = find_matching(self._folder, key, files)
        if tree is None:
            return None
        checked = check_tree(tree, is_own, strictly=not self._verified_at_use)
        if checked is None or not is_own:
            return checked
        if checked != tree:
            with suppress(OSError):  # a read-only store is hashed again each time
                write_record(checked)
        with suppress(OSError):
            mark_used(tree.folder / USED)
        return checked

    def record_links(self, tree: Tree, records: Mapping[str, FileRecord]) -> None:
        """Record that files were only linked since they were verified.

        Args:
            tree: The tree.
            records: Their new records from `materialize`, by path.
        """
        if records and tree.is_own:
            with suppress(OSError):  # without the record, they are hashed again
                write_record(replace(tree, records={**tree.records, **records}))

    def refuse_to_lend(self) -> None:
        """Refuse to return paths in another user's store, since that user could change the files.

        Root's store is trusted like the system's libraries.

        Raises:
            UsageError: The tree is in such a store.
        """
        _refuse_to_lend(self._folder, VARIABLE)

    def exclusive(
        self, key: str, on_wait: Callable[[], None] | None = None
    ) -> AbstractContextManager[bool]:
        """Lock a tree's key, so that several processes make one download.

        Args:
            key: The tree's key.
            on_wait: Called once if another process holds the lock.

        Returns:
            A context manager that yields whether it holds a lock. Correctness does not depend on it.

        Raises:
            UsageError: The store belongs to another user, or others can write it.
        """
        return self._locks.hold(key, on_wait=on_wait)

    def shared(self, key: str) -> AbstractContextManager[bool]:
        """Lock a tree against `prune` while it is read; see `exclusive`.

        Another user's store is never written, so it has no lock.
        """
        if not self._folder.is_own():
            return nullcontext(False)
        return self._locks.hold(key, shared=True)

    @contextmanager
    def staging(self, key: str, size: int | None = None) -> Iterator[Path]:
        """Create a folder for a tree's files, on the store's file system.

        It is removed after the block unless published. Data of the tree other than its files go into its
        parent folder.

        Args:
            key: The tree's.
            size: The bytes that it will take, for the error about a full disk.

        Raises:
            UsageError: The store cannot be written, or the disk is full, now or in the block.
        """
        folder = self._folder.staging / f"{temporary_name()}-{key[:16]}"
        try:
            with self._folder.explaining(size):
                self._folder.make()
                remove_abandoned(self._folder.staging)
                folder.mkdir(mode=0o700)
                (folder / FILES).mkdir(mode=0o700)
            with self._folder.explaining(size, only_full=True):
                yield folder / FILES
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(
        self, staging: Path, key: str, files: Iterable[LockedFile], label: str = ""
    ) -> Tree:
        """Rename a staged tree to its key, atomically.

        Args:
            staging: From `staging`, with exactly `files` in it, their hashes verified.
            key: The `tree_key` of `files`.
            files: The tree's files.
            label: A description for a person.

        Returns:
            The tree; if another process was faster, that one's.

        Raises:
            IntegrityError: The folder does not hold exactly `files`.
            UsageError: The store cannot be written, or the disk is full.
        """
        files = tuple(files)
        with self._folder.explaining(sum(file.size for file in files)):
            boot = boot_id()
            records = seal(staging, files, sync=boot is None)
            sealed = staging.lstat().st_ctime_ns
            staged = Tree(key, staging.parent, records, boot, label, sealed)
            (staged.folder / USED).touch()
            write_record(staged)
            target = self._folder.trees / key
            while not _rename_if_free(staged.folder, target):
                winner = self.find(key, files)
                if winner is not None:
                    return winner
                self._set_aside(target)
        return replace(staged, folder=target)

    def verify(self, key: str) -> tuple[str, ...]:
        """Hash all of a tree's files, and sync them to disk.

        Args:
            key: The tree's.

        Returns:
            The paths of damaged and missing files; `tree.json` stands for the record itself. If there are
            any, the tree is set aside.

        Raises:
            UsageError: The store has no such tree, or cannot be written.
        """
        target = self._folder.trees / key
        with self.exclusive(key), self._folder.explaining():
            if not os.path.lexists(target):
                raise UsageError(
                    f"the store has no tree {key}",
                    where=str(self.root),
                    remedy="see `cgo-prebuilt cache list`",
                )
            damaged = verify_tree(self._folder, key)
            if damaged:
                self._set_aside(target)
        return damaged

    def verify_results(self) -> tuple[str, ...]:
        """Remove results whose tree is missing or has changed.

        Returns:
            The names of removed results that are unreadable, or name a restored or planted tree.

        Raises:
            UsageError: The store belongs to another user, or cannot be written.
        """
        from cgo_prebuilt.storage.results import Results

        unproven = []
        with self._folder.explaining():
            self._folder.refuse_other_user()
            for path, result in Results(self.results).all():
                if result is not None and result.sealed == -1:
                    continue
                tree = None if result is None else read_tree(self._folder, tree_key(result.files))
                if result is not None and tree is not None and result.is_of(sealed_now(tree)):
                    continue
                if result is None or tree is not None:
                    unproven.append(f"{self.results.name}/{path.name}")
                path.unlink(missing_ok=True)
        return tuple(unproven)

    def list(self) -> tuple[StoredTree, ...]:
        """Return the store's trees, the least recently used first.

        Raises:
            UsageError: A folder of the store is a link, or others can write it.
        """
        self._folder.check_folders()
        keys: Iterable[str] = ()
        with suppress(OSError):
            keys = [path.name for path in self._folder.trees.iterdir()]
        return tuple(sorted(map(self._describe, keys), key=lambda tree: (tree.last_used, tree.key)))

    def prune(
        self,
        older_than: timedelta | None = None,
        max_size: int | None = None,
        *,
        now: float,
        label: str = "",
    ) -> Pruned:
        """Remove unused trees and leftovers of killed processes.

        Args:
            older_than: Remove the trees and the unfinished downloads that were not used for this long.
            max_size: Then remove the least recently used ones until the rest fits into this size.
            now: Seconds since the epoch.
            label: Consider only trees whose label has this prefix.

        Raises:
            UsageError: The store cannot be written.
        """
        from cgo_prebuilt.storage.pruning import Pruned, prune

        with self._folder.explaining():
            if not self._folder.trees.is_dir():
                return Pruned((), (), (), 0)
            trees = [tree for tree in self.list() if tree.label.startswith(label)]
            return prune(self._folder, trees, older_than, max_size, now)

    def _describe(self, key: str) -> StoredTree:
        from cgo_prebuilt.storage.pruning import StoredTree

        tree = read_tree(self._folder, key)
        last_used = 0.0
        for path in (self._folder.trees / key / USED, self._folder.trees / key):
            with suppress(OSError):
                last_used = path.lstat().st_mtime
                break
        if tree is None:
            return StoredTree(key, "", 0, 0, last_used)
        return StoredTree(key, tree.label, tree.size, len(tree.records), last_used)

    def _set_aside(self, target: Path) -> None:
        """Move a damaged tree aside for inspection, until the next one or `prune`."""
        for earlier in self._folder.damaged.glob(f"{target.name}-*"):
            delete(earlier)
        with suppress(FileNotFoundError):  # another process was faster
            rename(target, self._folder.damaged / f"{target.name}-{os.urandom(4).hex()}")


def _refuse_to_lend(folder: StoreFolder, variable: str) -> None:
    others = sorted(folder.owners() - {this_user(), _ROOT})
    if others:
        raise UsageError(
            f"the store is another user's (uid {others[0]}), who could change what you link",
            where=str(folder.root),
            remedy=f"set {variable} to a folder of your own, or copy the files out of it"
            " with `cgo-prebuilt fetch`",
        )


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
