"""A tree and its record: read, matched and renewed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from cgo_prebuilt.files.boot import boot_id
from cgo_prebuilt.files.own_files import is_link, is_of_this_user, read_plain
from cgo_prebuilt.files.renames import write_atomically
from cgo_prebuilt.storage.sealing import fits, hash_again, listing
from cgo_prebuilt.storage.tree import RECORD, Tree, format_record, key_of_records, parse_record

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import LockedFile
    from cgo_prebuilt.storage.store_folder import StoreFolder

_RECORD_MAX = 64 << 20


def read_tree(store: StoreFolder, key: str) -> Tree | None:
    """Return a tree by its record, unverified; None without a readable record."""
    folder = store.trees / key
    try:
        if is_link(folder.lstat()):
            return None
        text = read_plain(folder / RECORD, _RECORD_MAX).decode()
    except (OSError, ValueError):
        return None
    tree = parse_record(text, folder)
    if tree is None or tree.key != key or key_of_records(tree.records) != key:
        return None
    return tree


def find_matching(store: StoreFolder, key: str, files: Iterable[LockedFile]) -> Tree | None:
    """Return a tree whose record names these files."""
    tree = read_tree(store, key)
    if tree is None:
        return None
    wanted = {file.path: (file.sha256, file.size) for file in files}
    is_same = wanted == {path: (r.sha256, r.size) for path, r in tree.records.items()}
    return tree if is_same else None


def check_tree(tree: Tree, is_own: bool, *, strictly: bool) -> Tree | None:
    """Return the tree with an up-to-date record; None if a file is wrong."""
    boot = boot_id()
    try:
        sealed = tree.files.lstat()
    except OSError:
        return None
    is_known = is_own and sealed.st_ctime_ns == tree.sealed and is_of_this_user(sealed)
    is_synced = tree.unsynced_boot is None or tree.unsynced_boot == boot
    fitting = {
        path
        for path, record in tree.records.items()
        if fits(tree.files / path, record, strictly=strictly)
    }
    is_whole = is_known and len(fitting) == len(tree.records)
    if is_synced and is_whole:
        return tree
    if not is_known and listing(tree.files).keys() != tree.records.keys():
        return None  # a compiler would find an additional header
    records = {}
    for path, record in tree.records.items():
        is_right = is_known and is_synced and path in fitting
        checked = record if is_right else hash_again(tree.files / path, record)
        if checked is None:
            return None
        records[path] = checked
    # Only a tree from an earlier boot has certainly reached the disk. Another one may have just
    # been restored.
    has_survived = is_whole and not is_synced
    return replace(
        tree,
        records=records,
        unsynced_boot=None if has_survived else boot,
        sealed=sealed.st_ctime_ns,
        is_own=is_own,
    )


def sealed_now(tree: Tree) -> Tree:
    """Return the tree, sealed with the present ctime of its folder."""
    try:
        return replace(tree, sealed=tree.files.lstat().st_ctime_ns)
    except OSError:
        return replace(tree, sealed=-1)


def write_record(tree: Tree) -> None:
    """Write the record of a tree beside its files."""
    write_atomically(tree.folder / RECORD, format_record(tree).encode())


def verify_tree(store: StoreFolder, key: str) -> tuple[str, ...]:
    """Hash all of a tree's files.

    Returns:
        The paths of damaged, missing and planted files; `RECORD` stands for the record itself.
    """
    tree = read_tree(store, key)
    if tree is None:
        return (RECORD,)
    hashed = {
        path: hash_again(tree.files / path, record, sync=True)
        for path, record in tree.records.items()
    }
    good = {path: record for path, record in hashed.items() if record is not None}
    if len(good) == len(hashed):
        with suppress(OSError):  # a read-only store can be verified, too
            sealed = tree.files.lstat().st_ctime_ns
            write_record(replace(tree, records=good, unsynced_boot=None, sealed=sealed))
    from cgo_prebuilt.storage.pkg_config_folder import altered_pkg_config

    planted = listing(tree.files).keys() - tree.records.keys()
    return tuple(sorted(hashed.keys() - good.keys() | planted)) + altered_pkg_config(tree)
