"""The crates of a mirror: those that the sources of some locks name, once the sources are there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.fetching.mirror_folder import MirrorFile
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.source.cargo_lock import CARGO_LOCK, Crate
from cgo_prebuilt.source.crates import crates_of
from cgo_prebuilt.source.source_files import extract_source
from cgo_prebuilt.source.source_tree import SourceOf, archive_name
from cgo_prebuilt.template import fill, values_for


def mirror_crates(
    locks: Mapping[Path, Lock],
    platforms: Sequence[str],
    settings_for: Callable[[str], Settings],
    layout: str,
    files: Iterable[MirrorFile],
    root: Path,
) -> tuple[MirrorFile, ...]:
    """Decides which crates a mirror holds, sorted by path.

    Args:
        locks: The locks by their files.
        platforms: Those to mirror; empty for all.
        settings_for: The settings for a library; their mirror is where its crates come from.
        layout: The template of a path below the root.
        files: What is in the mirror, sources among it.
        root: The mirror's folder.

    Raises:
        BuildError: A source has no `Cargo.lock`, or one that names more than crates of crates.io.
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
                for crate in _crates(wanted, there):
                    target = fill(
                        layout, {**values, "file": crate.file}, where="--layout", error=UsageError
                    )
                    urls = urls_to_try(
                        [crate.url],
                        crate.file,
                        name=lock.name,
                        version=version,
                        platform=platform,
                        settings=settings,
                    )
                    label = f"the crate {crate.name} {crate.version}"
                    found[target] = MirrorFile(target, crate.sha256, None, urls, label)
    return tuple(found[path] for path in sorted(found))


def _crates(wanted: SourceOf, there: Mapping[str, Path]) -> tuple[Crate, ...]:
    """The crates that a source names, which is a folder, or an archive in the mirror."""
    from cgo_prebuilt.manifests.archive_section import format_of

    source = wanted.source
    if source.path is not None:
        return crates_of(wanted, wanted.folder / source.path)
    with tempfile.TemporaryDirectory() as temporary:
        archive = there[source.sha256 or ""]
        extract_source(
            archive,
            format_of(archive_name(source)),
            source.strip_prefix,
            Path(temporary),
            only=CARGO_LOCK,
        )
        return crates_of(wanted, Path(temporary))
