"""Prune the store: old trees, and files of killed processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from cgo_prebuilt.files.file_lock import LockIsHeldError, hold, try_to_lock
from cgo_prebuilt.files.leftovers import delete, remove_abandoned
from cgo_prebuilt.files.own_files import mark_used, open_plain
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.storage.store_folder import StoreFolder
from cgo_prebuilt.storage.tree import USED

_STALE_PARTIAL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredTree:
    """A tree in a listing of the store.

    Attributes:
        key: Its name in the store.
        label: Its description for a person; empty if its record cannot be read.
        size: The total size of its files in bytes.
        files: The number of its files.
        last_used: Seconds since the epoch.
    """

    key: str
    label: str
    size: int
    files: int
    last_used: float


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of pruning.

    Attributes:
        removed: The removed trees.
        kept: The remaining trees.
        in_use: The keys of remaining trees that were chosen, but are in use.
        leftovers: The number of removed abandoned folders and files.
    """

    removed: tuple[StoredTree, ...]
    kept: tuple[StoredTree, ...]
    in_use: tuple[str, ...]
    leftovers: int

    def __add__(self, more: Pruned) -> Pruned:
        """Return the result of pruning two stores."""
        return Pruned(
            self.removed + more.removed,
            self.kept + more.kept,
            self.in_use + more.in_use,
            self.leftovers + more.leftovers,
        )


def choose(
    trees: Sequence[StoredTree], older_than: timedelta | None, max_size: int | None, now: float
) -> tuple[StoredTree, ...]:
    """Choose the trees to remove: old ones, then the least recently used until the rest fits.

    Args:
        trees: All of them.
        older_than: Remove trees that were not used for longer; None keeps them.
        max_size: The most bytes for the rest; None for no limit.
        now: Seconds since the epoch.
    """
    doomed = []
    left = sum(tree.size for tree in trees)
    for tree in sorted(trees, key=lambda tree: tree.last_used):
        too_old = older_than is not None and now - tree.last_used > older_than.total_seconds()
        if too_old or (max_size is not None and left > max_size):
            doomed.append(tree)
            left -= tree.size
    return tuple(doomed)


def prune(
    folder: StoreFolder,
    trees: Sequence[StoredTree],
    older_than: timedelta | None,
    max_size: int | None,
    now: float,
) -> Pruned:
    """Remove chosen trees that are not in use, and leftovers.

    An unfinished download that no fetch uses counts as a leftover after a day, or after
    `older_than` if that is less.

    Args:
        folder: The store's.
        trees: All its trees.
        older_than: See `choose`.
        max_size: See `choose`.
        now: Seconds since the epoch.

    Raises:
        OSError: The file system refuses.
    """
    folder.make()
    leftovers = remove_abandoned(folder.staging) + _remove_leftovers(folder, older_than, now)
    trees = [_with_past_use(folder, tree, now) for tree in trees]
    doomed = choose(trees, older_than, max_size, now)
    removed = [tree for tree in doomed if _remove(folder, tree.key)]
    return Pruned(
        removed=tuple(removed),
        kept=tuple(tree for tree in trees if tree not in removed),
        in_use=tuple(tree.key for tree in doomed if tree not in removed),
        leftovers=leftovers,
    )


def _remove_leftovers(folder: StoreFolder, older_than: timedelta | None, now: float) -> int:
    age = min(_STALE_PARTIAL, _STALE_PARTIAL if older_than is None else older_than)
    leftovers = list(folder.damaged.iterdir())
    for path in folder.partials.iterdir():
        with suppress(FileNotFoundError):
            # The absolute distance, since the clock may have gone backwards.
            if abs(now - path.lstat().st_mtime) > age.total_seconds() and not _is_used(path):
                leftovers.append(path)
    for path in leftovers:
        delete(path)
    return len(leftovers)


def _is_used(path: Path) -> bool:
    """Return whether a fetch has locked an unfinished download, or that of a sidecar."""
    download = path.with_suffix("") if path.suffix == ".json" else path
    with suppress(OSError), open_plain(download) as file:  # a file system may have no locks
        return not try_to_lock(file.fileno())
    return False


def _with_past_use(folder: StoreFolder, tree: StoredTree, now: float) -> StoredTree:
    """Reset a last use in the future, which would keep the tree for ever."""
    if tree.last_used <= now:
        return tree
    with suppress(OSError):
        mark_used(folder.trees / tree.key / USED, (now, now))
    return replace(tree, last_used=now)


def _remove(folder: StoreFolder, key: str) -> bool:
    try:
        with hold(folder.lock_file(key), None):
            doomed = folder.staging / temporary_name()
            rename(folder.trees / key, doomed)  # at once, even if killed later
            delete(doomed)
    except LockIsHeldError:
        return False
    except FileNotFoundError:  # another process was faster
        pass
    return True
