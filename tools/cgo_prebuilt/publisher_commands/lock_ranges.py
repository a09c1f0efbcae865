"""Find the ranges of newly locked archives, and write them with the lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import print_message, print_prefixed
from cgo_prebuilt.errors import LockError, UsageError, reporting
from cgo_prebuilt.locks.lock_file import format_lock, ranges_path, read_lock
from cgo_prebuilt.locks.ranges_file import is_other_file, missing_section_problem, read_sections
from cgo_prebuilt.releases.locked_ranges import RangesFinder, named_sections, ranges_of
from cgo_prebuilt.storage.kept_downloads import find_download

if TYPE_CHECKING:
    from cgo_prebuilt.download import Download
    from cgo_prebuilt.locks.lock import Lock, LockedArchive, LockedVersion
    from cgo_prebuilt.releases.entry_points import Layout
    from cgo_prebuilt.storage.store import Store


def add_ranges(
    version: LockedVersion,
    released: Sequence[Download],
    store: Store,
    layouts: Mapping[str, Layout],
    old: Lock | None,
    sections: dict[str, bytes],
) -> LockedVersion:
    """Add the ranges of its archives to a version.

    Args:
        version: The newly locked version.
        released: Its archives, with the URLs that were tried.
        store: The store with the archives.
        layouts: The layouts of the archives, by their SHA-256.
        old: The previous lock.
        sections: The sections of the file beside it, by their hashes; new ones are added.
    """

    def on_disk(archive: LockedArchive) -> Path | None:
        kept = find_download(store, archive.file, archive.sha256, archive.size)
        urls = [url for one in released if one.sha256 == archive.sha256 for url in one.urls]
        local = (Path(path) for path in (url.file() for url in urls) if path is not None)
        return kept or next((path for path in local if path.is_file()), None)

    finder = RangesFinder(layouts, on_disk, old, sections)
    version = finder.with_ranges(version)
    if finder.missed:
        print_prefixed(
            f"each fetch will read all of {', '.join(finder.missed)}, of which a platform needs only"
            " a part: pip install 'cgo-prebuilt[ranges]', and lock again"
        )
    return version


def has_ranges(lock: Lock, path: Path, command: str) -> bool:
    """Return whether the file beside a lock has the sections that the lock names; warn if not.

    Args:
        lock: The lock.
        path: The path of the file.
        command: The command that makes both.
    """
    if named_sections(lock) <= read_sections(path).keys():
        return True
    wrong, remedy = missing_section_problem(path)
    print_prefixed(
        f"{wrong}, so each fetch reads whole archives: {remedy}, or run `{command}`, with the extra"
        " 'ranges' for a tar.gz"
    )
    return False


def write_lock(target: Path, new: Lock, old: Lock | None, sections: Mapping[str, bytes]) -> None:
    """Write a lock and the ranges file beside it, or neither.

    Args:
        target: The path of the lock.
        new: The lock.
        old: The previous one.
        sections: The sections of its ranges.

    Raises:
        UsageError: One of them cannot be written, or would replace what is not this lock's.
    """
    from cgo_prebuilt.files.renames import atomic_file, write_atomically

    beside, ranges = ranges_path(target), ranges_of(new, sections)
    remedy = "free space, or choose another place with --output"
    # A full disk must leave both as they were, so both are on the disk before one gets its name.
    with (
        reporting("the lock cannot be written", where=target, remedy=remedy),
        atomic_file(target) as partial,
    ):
        with partial.open("xb") as file:
            file.write(format_lock(new).encode())
        if ranges is not None:
            _check_replaceable(beside, target)
            with reporting("the lock's ranges cannot be written", where=beside, remedy=remedy):
                write_atomically(beside, ranges)
    if ranges is not None:
        print_message(f"{beside} says how to read parts of archives: commit it with the lock")
    elif old is not None and named_sections(old):
        with reporting("the old lock's ranges cannot be removed", where=beside, remedy="remove it"):
            beside.unlink(missing_ok=True)


def _check_replaceable(beside: Path, target: Path) -> None:
    """Refuse to replace the ranges of another lock, or a file that holds no ranges."""
    for other in {beside.with_suffix(""), beside.with_suffix(".json")} - {target}:
        if _names_ranges(other):
            raise UsageError(
                f"{other} has its ranges in this file, so {target} cannot",
                where=str(beside),
                remedy="choose another name for the lock with --output",
            )
    if is_other_file(beside):
        raise UsageError(
            "the lock's ranges would replace a file that holds no ranges",
            where=str(beside),
            remedy="move it away, or choose another name for the lock with --output",
        )


def _names_ranges(path: Path) -> bool:
    try:
        return bool(named_sections(read_lock(path)))
    except LockError:
        return False  # missing, or not a lock
