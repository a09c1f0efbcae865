"""The source of a library that `lock` locks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store
from cgo_prebuilt.commands.fetch_cli import downloads_for
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.source.crates import folder_with_locks, lock_git_crates
from cgo_prebuilt.source.source_tree import LibrarySource, SourceArchive

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import Source
    from cgo_prebuilt.manifests.manifest import Manifest
    from cgo_prebuilt.settings import Settings


def source_with_git(source: Source, manifest: Manifest, settings: Settings, folder: Path) -> Source:
    """Return the source with its crates from Git, archived now and kept in the store.

    Args:
        source: The manifest's source.
        manifest: The manifest.
        settings: The settings for the library.
        folder: The manifest's folder.

    Raises:
        IntegrityError: The source is not the file that the manifest names.
        BuildError: It has no `Cargo.lock`, or git cannot fetch the crates.
    """
    store = open_store()
    platform = next((spec.platform for spec in manifest.specs()), SUPPORTED[0])
    wanted = LibrarySource(source, manifest.name, manifest.version, platform, folder)
    downloads = downloads_for(settings, store)
    archive = SourceArchive(wanted, downloads).archive

    def obtain() -> Path:
        try:
            return archive.obtain(downloads.open_transport)
        except IntegrityError as error:
            remedy = "if it is the right file, correct 'sha256' under 'source' in the manifest"
            raise IntegrityError(error.what, where=error.where, remedy=remedy) from None

    with folder_with_locks(wanted, obtain) as sources:
        git = lock_git_crates(wanted, sources, store, os.environ)
    platforms = {name: replace(own, git=git) for name, own in source.platforms.items()}
    return replace(source, git=git, platforms=platforms)
