"""Make a lock: find what a manifest names in a release's archives.

`lock_version` decides; it gets a function that downloads and reads an archive.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError, LockError, ManifestError, UnavailableError
from cgo_prebuilt.inspection.object_files import ObjectFile
from cgo_prebuilt.locks.lock import (
    Interface,
    Lock,
    LockedArchive,
    LockedPlatform,
    LockedVersion,
)
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.manifests.library_names import check_library_names
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.patterns import matches
from cgo_prebuilt.releases.exposing import expose
from cgo_prebuilt.releases.index import Contents, WantedFiles, index
from cgo_prebuilt.releases.prefix import advice_on, listed
from cgo_prebuilt.releases.registry_reader import blob_of, digest_in
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.template import values_for
from cgo_prebuilt.url import Url

_PARALLEL_DOWNLOADS = 4
_MOST_MISSING = 8


@dataclass(frozen=True, slots=True)
class IndexedArchive:
    """An indexed archive: its hash, size in bytes and contents."""

    sha256: str
    size: int
    contents: Contents


Indexer = Callable[[ArchiveSpec, WantedFiles], IndexedArchive]
"""Fetches an archive and indexes the wanted files."""

InspectLibraries = Callable[[PlatformSpec, Interface, Mapping[str, Sequence[ObjectFile]]], None]
"""Called with the objects of a platform's libraries, by their paths in the interface."""


def lock_version(
    manifest: Manifest, index: Indexer, lock_folder: Path, inspect: InspectLibraries | None = None
) -> LockedVersion:
    """Lock every platform of a manifest, in every flavor.

    Args:
        manifest: The manifest.
        index: Downloads and indexes an archive; called once for each, several at a time.
        lock_folder: The folder of the lock, to which a source's `path` is relative.
        inspect: Inspects the libraries of each platform; None to skip that.

    Raises:
        IntegrityError: Two archives hold the same file.
        ManifestError: An archive lacks a required file or has none of them, or a library has a name that
            cannot be linked.
        UnavailableError: An archive cannot be fetched.
    """
    wanted: dict[ArchiveSpec, list[PlatformSpec]] = {}
    for spec in manifest.specs():
        check_library_names(spec.interface, where=f"{manifest.where}: platforms.{spec.platform}")
        for archive in spec.archives:
            wanted.setdefault(archive, []).append(spec)
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        try:
            pending = {
                archive: pool.submit(index, archive, _wanted(specs, inspects=inspect is not None))
                for archive, specs in wanted.items()
            }
            indexed = _results(pending)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after an error, start no more
    source = manifest.source
    if source is not None and source.path is not None:
        folder = os.path.relpath(manifest.folder / source.path, lock_folder)
        source = replace(source, path=Path(folder).as_posix())

    def locked(specs: Iterable[PlatformSpec]) -> dict[str, LockedPlatform]:
        return {
            str(spec.platform): _lock_platform(spec, manifest.version, indexed, inspect)
            for spec in specs
        }

    return LockedVersion(
        {flavor: locked(specs) for flavor, specs in manifest.flavors.items()},
        source,
        default_flavor=manifest.default_flavor,
    )


def _results(
    pending: Mapping[ArchiveSpec, Future[IndexedArchive]],
) -> dict[ArchiveSpec, IndexedArchive]:
    """Collect the archives' results; report unavailable ones in one error, a line each."""
    indexed: dict[ArchiveSpec, IndexedArchive] = {}
    missing: list[UnavailableError] = []
    for archive, future in pending.items():
        try:
            indexed[archive] = future.result()
        except UnavailableError as error:
            missing.append(error)
        if len(missing) == _MOST_MISSING:  # probably there is no network, and each error takes long
            break
    if len(missing) == 1:
        raise missing[0]
    if missing:
        raise UnavailableError(
            f"{len(missing)} archives cannot be downloaded",
            where="\n      ".join(f"{error.where}: {error.what}" for error in missing),
            remedy=missing[0].remedy,
        )
    return indexed


def merge(old: Lock | None, manifest: Manifest, version: LockedVersion) -> Lock:
    """Add or replace a version of a lock, and make it the default.

    The manifest's withdrawn versions are marked in all versions. A known release day stays if it cannot be
    determined again.

    Raises:
        LockError: The lock is for a different library.
    """
    if old is not None and old.name != manifest.name:
        raise LockError(
            f"the lock is for {old.name}, the manifest for {manifest.name}",
            where=manifest.where,
            remedy="give each library a separate lock with --output",
        )
    versions = dict(old.versions) if old is not None else {}
    before = versions.get(manifest.version, version)
    if not version.attestations and _hashes(before) == _hashes(version):
        # Attestations are about hashes, so locking the same archives again keeps them.
        version = replace(version, attestations=before.attestations)
    versions[manifest.version] = replace(version, published=version.published or before.published)
    return Lock(
        manifest.name,
        manifest.version,
        {
            name: replace(held, withdrawn=manifest.withdrawn.get(name, ""))
            for name, held in versions.items()
        },
    )


def _hashes(version: LockedVersion) -> set[str]:
    return {a.sha256 for _, _, prebuilt in version.prebuilts() for a in prebuilt.archives}


def indexer(
    manifest: Manifest,
    settings: Settings,
    run: Callable[[Download, Callable[[ByteStream], object]], tuple[str, int]],
) -> Indexer:
    """Return an indexer that downloads archives from their URLs, or from the mirror.

    Args:
        manifest: The manifest.
        settings: The settings.
        run: Fetches and consumes an archive, as `Transport.run` does; returns its SHA-256 and size.
    """

    def get(spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
        contents = Contents(())

        def consume(stream: ByteStream) -> None:
            nonlocal contents
            contents = index(stream, spec, wanted, where=spec.file)

        urls = archive_urls(spec, manifest, settings)
        # The hash of a registry's blob is known, so other bytes are wrong.
        sha256, size = run(Download(spec.file, urls, digest_in(urls)), consume)
        return IndexedArchive(sha256, size, contents)

    return get


def archive_urls(spec: ArchiveSpec, manifest: Manifest, settings: Settings) -> tuple[Url, ...]:
    """Return an archive's URLs by preference, or the mirror's.

    Raises:
        ManifestError: It has no URL.
        UnavailableError: The settings are offline, and it has no `file://` URL.
    """
    if not spec.urls:
        raise ManifestError(
            f"{spec.file} has no URL",
            where=manifest.where,
            remedy="set 'urls' to where the release is published",
        )
    platform = next(one.platform for one in manifest.specs() if spec in one.archives)
    values = values_for(manifest.name, manifest.version, platform)
    urls = urls_to_try(Download(spec.file, spec.urls), values, settings)
    if not urls:
        raise UnavailableError(
            "offline, and a lock is made from the archives themselves",
            where=spec.file,
            remedy="go online, or set CGO_PREBUILT_MIRROR to a file:// folder that has them",
        )
    return urls


def released_archives(
    manifest: Manifest, version: LockedVersion, settings: Settings
) -> list[Download]:
    """Return every archive of a version once, with the URLs that were tried.

    Args:
        manifest: The manifest that the version was locked from.
        version: The version, its platforms in the manifest's order.
        settings: The settings that it was locked with.
    """
    prebuilts = [prebuilt for _, _, prebuilt in version.prebuilts()]
    return list(
        dict.fromkeys(
            Download(locked.file, archive_urls(archive, manifest, settings), locked.sha256)
            for spec, prebuilt in zip(manifest.specs(), prebuilts, strict=True)
            for archive, locked in zip(spec.archives, prebuilt.archives, strict=True)
        )
    )


def _wanted(specs: Iterable[PlatformSpec], *, inspects: bool = False) -> WantedFiles:
    interfaces = [spec.interface for spec in specs]
    return WantedFiles(
        (promise for interface in interfaces for promise in interface.required_files()),
        (path for interface in interfaces for path in interface.shared_library),
        (path for interface in interfaces for path in interface.libraries() if inspects),
    )


def _lock_platform(
    spec: PlatformSpec,
    version: str,
    indexed: dict[ArchiveSpec, IndexedArchive],
    inspect: InspectLibraries | None,
) -> LockedPlatform:
    wanted = _wanted([spec])
    archives = tuple(
        LockedArchive(
            file=archive.file,
            urls=tuple(blob_of(url, version, found.sha256) for url in archive.urls),
            sha256=found.sha256,
            size=found.size,
            format=archive.format,
            strip_prefix=found.contents.strip_prefix,
            files=tuple(file for file in found.contents.files if wanted.matches(file.path)),
        )
        for archive, found in ((archive, indexed[archive]) for archive in spec.archives)
    )
    contents = [indexed[archive].contents for archive in spec.archives]
    interface = _found_interface(spec, archives, contents)
    _check_disjoint(spec, archives)
    sonames = {path: name for one in contents for path, name in one.sonames.items()}
    if inspect is not None:
        objects = {path: found for one in contents for path, found in one.objects.items()}
        libraries = spec.interface.libraries()
        inspect(spec, interface, {path: objects[path] for path in libraries if path in objects})
    return expose(LockedPlatform(archives, interface), sonames)


def _check_disjoint(spec: PlatformSpec, archives: tuple[LockedArchive, ...]) -> None:
    """Check that each archive contributes files, and that no two share one."""
    holders: dict[str, str] = {}
    for archive in archives:
        if not archive.files:
            raise ManifestError(
                f"{archive.file} has none of the files that the manifest names for {spec}",
                where=archive.file,
                remedy="name its files in 'static_library', 'headers' and the like, or remove it",
            )
        for path in (file.path for file in archive.files):
            if path in holders:
                raise IntegrityError(
                    f"{path!r} for {spec} is in two archives",
                    where=f"{holders[path]}, {archive.file}",
                    remedy="name it so that only one has it ('strip_prefix' and narrower globs help)",
                )
            holders[path] = archive.file
    check_member_names(holders, where=", ".join(archive.file for archive in archives))


def _found_interface(
    spec: PlatformSpec, archives: tuple[LockedArchive, ...], contents: Sequence[Contents]
) -> Interface:
    """Return the interface with its globs replaced by files."""
    paths = sorted(file.path for archive in archives for file in archive.files)
    for promise in spec.interface.required_files():
        if not any(matches(path, [promise]) for path in paths):
            near = (advice_on(promise, one.strip_prefix, one.names) for one in contents)
            some = listed([name for one in contents for name in one.names])
            raise ManifestError(
                f"the archive lacks {promise!r}, which the manifest promises for {spec}",
                where=", ".join(archive.file for archive in archives),
                remedy=next(filter(None, near), None)
                or "correct the path in the manifest ('strip_prefix' included), or pack it again; the"
                f" archive has {some or 'no files'}",
            )
    libraries = set(spec.interface.libraries())
    headers = tuple(
        path for path in paths if path not in libraries and matches(path, spec.interface.headers)
    )
    licenses = tuple(path for path in paths if matches(path, spec.interface.licenses))
    runtime = tuple(
        path
        for path in paths
        if path not in libraries and matches(path, spec.interface.runtime_files)
    )
    return replace(spec.interface, headers=headers, licenses=licenses, runtime_files=runtime)
