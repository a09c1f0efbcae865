"""The crates of a mirror, which the `Cargo.lock` files of fetched sources name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from cgo_prebuilt.fetching.mirror_folder import MirrorFile, mirror_file
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.source.crates import Crates, folder_with_locks
from cgo_prebuilt.source.source_tree import LibrarySource
from cgo_prebuilt.source.stored_archive import Downloads
from cgo_prebuilt.template import values_for
from cgo_prebuilt.url import Url


def mirror_crates(
    locks: Mapping[Path, Lock],
    platforms: Sequence[str],
    downloads_for: Callable[[str], Downloads],
    layout: str,
    files: Iterable[MirrorFile],
    root: Path,
) -> tuple[MirrorFile, ...]:
    """Return the crates that a mirror holds, sorted by path.

    Args:
        locks: The locks by their files.
        platforms: The platforms to mirror; empty for all.
        downloads_for: Returns the `Downloads` for a library's crates.
        layout: The template of a path below the root.
        files: The mirror's files, including sources.
        root: The mirror's folder.

    Raises:
        BuildError: See `Crates.archives`.
        UnavailableError: Git cannot fetch the crates of a repository.
    """
    there = {file.sha256: root / file.path for file in files}
    found: dict[str, MirrorFile] = {}
    for path, lock in locks.items():
        downloads = downloads_for(lock.name)
        settings = replace(downloads.settings, version=None)
        downloads = replace(downloads, settings=settings)
        for version, locked in lock.versions.items():
            source = locked.source
            if source is None or not source.vendor:
                continue
            names = dict.fromkeys(name for held in locked.flavors.values() for name in held)
            # A version without prebuilts names no platform, so the layout uses any.
            for name in platforms or names or [str(SUPPORTED[0])]:
                platform = lock.known_platform(name)
                wanted = LibrarySource(
                    source.of_platform(name), lock.name, version, platform, path.parent
                )
                values = values_for(lock.name, version, platform)
                crates = Crates(wanted, downloads)
                archive = partial(there.__getitem__, source.sha256 or "")
                with folder_with_locks(wanted, archive) as folder:
                    archives = crates.archives(folder)
                for stored in archives:
                    if stored.make is not None and not stored.urls:
                        url = Url(stored.obtain(downloads.open_transport).as_uri())
                        stored = replace(stored, urls=(url,))
                    file = mirror_file(stored, layout, values, stored.label)
                    found[file.path] = file
    return tuple(found[path] for path in sorted(found))
