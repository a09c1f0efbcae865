"""The release that becomes Go modules: packed archives, or those of a lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.archives.bytestream import FileStream
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, LockError, UnavailableError
from cgo_prebuilt.fetching.fetch import obtain
from cgo_prebuilt.fetching.plan import plan_fetch
from cgo_prebuilt.locks.choice import choose
from cgo_prebuilt.locks.lock import Lock, LockedPlatform
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.network.transport import Transport
from cgo_prebuilt.platforms import Platform, parse_platform
from cgo_prebuilt.publishing.slim_library import slim_libraries
from cgo_prebuilt.releases.exposing import without_link_names
from cgo_prebuilt.releases.index import WantedFiles, index
from cgo_prebuilt.releases.locking import IndexedArchive, Indexer, lock_version
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.storage.materialize import materialize
from cgo_prebuilt.storage.store import Store
from cgo_prebuilt.vouching.sums import SUMS, read_sums


@dataclass(frozen=True, slots=True)
class GoRelease:
    """A release: each platform's files, and how to fetch them.

    Attributes:
        platforms: The platforms of the default flavor, since the go command cannot select one.
        put: Writes a platform's verified files into a folder.
        as_locked: Whether the written files have their locked sizes.
    """

    platforms: Mapping[Platform, LockedPlatform]
    put: Callable[[Platform, Path], None]
    as_locked: bool = True


def packed_release(manifest: Manifest, dist: Path) -> GoRelease:
    """Return a release that `pack` wrote.

    Args:
        manifest: The manifest.
        dist: The archives and their `SHA256SUMS`.

    Raises:
        IntegrityError: An archive does not match `SHA256SUMS`, or lacks a file of the manifest.
        UnavailableError: An archive is missing.
    """
    manifest = manifest.of_flavor(None)
    platforms = _exposed(lock_version(manifest, _indexer(dist), manifest.folder).platforms)

    def put(platform: Platform, folder: Path) -> None:
        _extract(platforms[platform], dist, folder)

    return GoRelease(platforms, put)


def locked_release(
    manifest: Manifest,
    lock: Lock,
    settings: Settings,
    store: Store,
    open_transport: Callable[[], Transport],
) -> GoRelease:
    """Return a release that a lock names, whoever publishes it.

    Args:
        manifest: The manifest, which names the version.
        lock: The lock.
        settings: The mirror, and who must vouch for the release.
        store: The store for the files.
        open_transport: Creates the transport; called only if something must be downloaded.

    Raises:
        LockError: The lock is for a different library, or lacks the version.
        UnavailableError: A platform cannot be fetched.
    """
    if lock.name != manifest.name:
        raise LockError(
            f"the lock is for {lock.name}, the manifest for {manifest.name}",
            where=manifest.where,
            remedy="name the lock of this library",
        )
    names = choose(lock, settings.version, settings.flavor).prebuilts
    plans = {
        platform: plan_fetch(lock, platform, settings) for platform in map(parse_platform, names)
    }
    platforms = _exposed(names)

    def put(platform: Platform, folder: Path) -> None:
        library = obtain(plans[platform], store, open_transport)
        materialize(library.tree, platforms[platform].files(), folder)

    return GoRelease(platforms, put)


def slimmed(release: GoRelease, say: Callable[[str], None]) -> GoRelease:
    """Return the release with slim static libraries; see `slim_library`.

    Args:
        release: The release.
        say: Prints the savings.
    """

    def put(platform: Platform, folder: Path) -> None:
        release.put(platform, folder)
        if platform.os in ("darwin", "windows"):
            say(f"{platform}: not slimmed, because its libraries are not ELF")
            return
        slim = folder.with_name(f"{folder.name}.slim")
        for name in slim_libraries(
            platform, release.platforms[platform].interface, folder, slim, say
        ):
            # Do not overwrite the file, which may be a link to the store's file.
            (slim / name).replace(folder / name)

    return GoRelease(release.platforms, put, as_locked=False)


def _exposed(platforms: Mapping[str, LockedPlatform]) -> dict[Platform, LockedPlatform]:
    return {parse_platform(name): without_link_names(one) for name, one in platforms.items()}


def _indexer(dist: Path) -> Indexer:
    """Return an indexer that reads an archive in the folder if its `SHA256SUMS` lists it."""
    sums = read_sums(dist / SUMS)

    def get(spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
        path = dist / spec.file
        if not path.is_file():
            raise UnavailableError(
                f"{spec.file} is not in the folder",
                where=str(dist),
                remedy="pack it, or take its platform out of the manifest",
            )
        digest, size = sha256_of(path)
        if sums.get(spec.file) != digest:
            said = sums.get(spec.file, "does not name it")
            raise IntegrityError(
                f"{spec.file} has the SHA-256 {digest}; {SUMS}: {said}",
                where=str(dist),
                remedy="pack it again",
            )
        with closing(FileStream(path)) as stream:
            contents = index(stream, spec, wanted, where=str(path))
        return IndexedArchive(digest, size, contents)

    return get


def _extract(platform: LockedPlatform, dist: Path, folder: Path) -> None:
    for number, archive in enumerate(platform.archives):
        target = folder if number == 0 else folder.with_name(f"{folder.name}.{number}")
        target.mkdir()
        with closing(FileStream(dist / archive.file)) as stream:
            extract(archive, stream, target)
        for file in archive.files if number else ():
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (target / file.path).replace(folder / file.path)
