"""The crates of a mirror: those that the locks' sources name, once the sources are fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.fetching.mirror_folder import MirrorFile
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.source.crates import Crates, folder_with_locks
from cgo_prebuilt.source.source_tree import SourceOf
from cgo_prebuilt.template import fill, values_for
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.storage.store import Store


def mirror_crates(
    locks: Mapping[Path, Lock],
    platforms: Sequence[str],
    settings_for: Callable[[str], Settings],
    layout: str,
    files: Iterable[MirrorFile],
    root: Path,
    *,
    store: Store,
    open_transport: Callable[[], Transport],
    environ: Mapping[str, str],
) -> tuple[MirrorFile, ...]:
    """Return the crates that a mirror holds, sorted by path.

    Args:
        locks: The locks by their files.
        platforms: Those to mirror; empty for all.
        settings_for: The settings for a library; their mirror is where its crates come from.
        layout: The template of a path below the root.
        files: What is in the mirror, sources among it.
        root: The mirror's folder.
        store: Where the crates of Git repositories are kept.
        open_transport: Makes the transport.
        environ: The caller's environment, for git.

    Raises:
        BuildError: See `Crates.archives`.
        UnavailableError: Git cannot fetch what only it can.
    """
    there = {file.sha256: root / file.path for file in files}
    found: dict[str, MirrorFile] = {}
    for path, lock in locks.items():
        settings = replace(settings_for(lock.name), version=None)
        for version, locked in lock.versions.items():
            source = locked.source
            if source is None or not source.vendor:
                continue
            names = dict.fromkeys(name for held in locked.flavors.values() for name in held)
            # Without a prebuilt, a layout by platform says nothing; any will do.
            for name in platforms or names or [str(SUPPORTED[0])]:
                platform = lock.known_platform(name)
                wanted = SourceOf(
                    source.of_platform(name), lock.name, version, platform, path.parent
                )
                values = values_for(lock.name, version, platform)
                crates = Crates(wanted, settings, store, open_transport, environ)
                archive = partial(there.__getitem__, source.sha256 or "")
                with folder_with_locks(wanted, archive) as folder:
                    archives = crates.archives(folder)
                for stored in archives:
                    target = fill(
                        layout, {**values, "file": stored.file}, where="--layout", error=UsageError
                    )
                    urls = stored.urls
                    if stored.make is not None and not urls:
                        urls = (Url(stored.obtain(open_transport).as_uri()),)
                    found[target] = MirrorFile(target, stored.sha256, None, urls, stored.label)
    return tuple(found[path] for path in sorted(found))
