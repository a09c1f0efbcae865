"""A library's source, from the folder or archive that the lock names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import BuildError, LockError
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.source.source_files import copy_files, extract_source, walk_source
from cgo_prebuilt.source.stored_archive import Downloads, Make, StoredArchive
from cgo_prebuilt.template import values_for
from cgo_prebuilt.vouching.vouchers import vouchers

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import Lock, Source
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.settings import Settings


@dataclass(frozen=True, slots=True)
class LibrarySource:
    """A source, with the library that it belongs to.

    Attributes:
        source: The source in the lock, with a `path` or a `url`.
        name: The library.
        version: Its release.
        platform: The platform to build for; a mirror's URL may depend on it.
        folder: The folder to which `source.path` is relative.
    """

    source: Source
    name: str
    version: str
    platform: Platform
    folder: Path

    def stored(
        self, download: Download, downloads: Downloads, label: str, make: Make | None = None
    ) -> StoredArchive:
        """Return the `StoredArchive` of one of its downloads, with the URLs to try.

        Args:
            download: The archive, of a known hash.
            downloads: Where it comes from.
            label: What it is, for people.
            make: See `StoredArchive`.
        """
        values = values_for(self.name, self.version, self.platform)
        return StoredArchive(
            download.file,
            urls_to_try(download, values, downloads.settings),
            sha256=download.sha256 or "",
            label=label,
            store=downloads.store,
            make=make,
        )


def archive_name(source: Source) -> str:
    """Return a source archive's file name."""
    return (source.url.name if source.url is not None else "") or "source"


class SourceFolder:
    """A source that is a folder."""

    def __init__(self, wanted: LibrarySource) -> None:
        self._root = wanted.folder / (wanted.source.path or ".")
        if not self._root.is_dir():
            raise BuildError(
                f"the source of {wanted.name} {wanted.version} does not exist",
                where=str(self._root),
                remedy="correct 'path' under 'source' in the manifest, and lock it again",
            )
        tools = [step.tool for step in wanted.source.steps]
        self._files = sorted(walk_source(self._root, tools))

    @property
    def root(self) -> Path | None:
        """The folder, where a tool may read its settings before the build."""
        return self._root

    def place(self) -> str:
        """Return the source's path, regardless of its present contents."""
        return str(self._root.resolve())

    def digest(self) -> str:
        """Return a SHA-256 over the files' names, modes and contents."""
        digest = hashlib.sha256()
        for path in self._files:
            name = path.relative_to(self._root).as_posix()
            is_program = os.access(path, os.X_OK)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{is_program:d}{content}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def copy(self, target: Path) -> list[str]:
        """Copy the source into a folder, and return the files' names."""
        names = {path.relative_to(self._root).as_posix(): path for path in self._files}
        copy_files(names, target)
        return list(names)


class SourceArchive:
    """A source archive, which is fetched, verified and kept in the store.

    Attributes:
        archive: The archive.
    """

    def __init__(self, wanted: LibrarySource, downloads: Downloads) -> None:
        self._wanted = wanted
        self._downloads = downloads
        file = archive_name(wanted.source)
        check_member_name(file, where="source")
        urls = () if wanted.source.url is None else (wanted.source.url,)
        download = Download(file, urls, wanted.source.sha256)
        label = f"the source of {wanted.name} {wanted.version}"
        self.archive = wanted.stored(download, downloads, label)

    @property
    def root(self) -> Path | None:
        """None, since an archive is not a folder."""
        return None

    def place(self) -> str:
        """Return the archive's digest, which identifies its place."""
        return self.digest()

    def digest(self) -> str:
        """Return the source's digest."""
        return f"{self._wanted.source.sha256} {self._wanted.source.strip_prefix}"

    def copy(self, target: Path) -> list[str]:
        """Extract the source into a folder; return the names of the files.

        Raises:
            UnavailableError: The archive is unavailable.
            IntegrityError: It does not match the lock, or is malformed.
        """
        from cgo_prebuilt.archive_names import format_of

        archive = self.archive.obtain(self._downloads.open_transport, self._downloads.on_wait)
        prefix = self._wanted.source.strip_prefix
        return extract_source(archive, format_of(archive.name), prefix, target)


def source_of(
    lock: Lock, lock_folder: Path, platform: Platform, settings: Settings
) -> LibrarySource:
    """Return the source that the settings select.

    Raises:
        LockError: The lock has no such version, or the version has no source.
        TrustError: The version or its source is not vouched for as the settings require.
    """
    version, locked = lock.version(settings.version)
    if locked.source is None:
        raise LockError(
            f"{lock.name} {version} has no source",
            where=f"the lock of {lock.name}: versions.{version}",
            remedy="give the manifest a 'source', and lock it again",
        )
    for voucher in vouchers(settings.trust, f"{lock.name} {version}", locked):
        if locked.source.url is not None:  # a folder beside the lock belongs to the consumer
            voucher.check([(archive_name(locked.source), locked.source.sha256 or "")])
    source = locked.source.of_platform(str(platform))
    return LibrarySource(source, lock.name, version, platform, lock_folder)


def open_source(wanted: LibrarySource, downloads: Downloads) -> SourceFolder | SourceArchive:
    """Return the source's folder or archive.

    Raises:
        BuildError: Its folder does not exist.
    """
    if wanted.source.path is not None:
        return SourceFolder(wanted)
    return SourceArchive(wanted, downloads)
