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
        platforms: What each platform's files are, of the default flavor: the go command selects no other.
        put: Puts a platform's files into a folder, verified.
        as_locked: Whether they then have the sizes that they are locked with.
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
        IntegrityError: An archive is not what `SHA256SUMS` says, or lacks what the manifest says.
        UnavailableError: An archive is not there.
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
        manifest: The manifest, whose version is taken.
        lock: The lock.
        settings: From where to fetch, and who must vouch for it.
        store: Where what is fetched stays.
        open_transport: Makes the transport, where something must be downloaded.

    Raises:
        LockError: The lock is another library's, or lacks the version.
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
        say: Told what that saves.
    """

    def put(platform: Platform, folder: Path) -> None:
        release.put(platform, folder)
        if platform.os in ("darwin", "windows"):
            say(f"{platform}: not slimmed, its libraries are none of ELF")
            return
        slim = folder.with_name(f"{folder.name}.slim")
        for name in slim_libraries(
            platform, release.platforms[platform].interface, folder, slim, say
        ):
            # Not into the file, which may be the store's own.
            (slim / name).replace(folder / name)

    return GoRelease(release.platforms, put, as_locked=False)


def _exposed(platforms: Mapping[str, LockedPlatform]) -> dict[Platform, LockedPlatform]:
    return {parse_platform(name): without_link_names(one) for name, one in platforms.items()}


def _indexer(dist: Path) -> Indexer:
    """Return an indexer that takes an archive from the folder if its `SHA256SUMS` lists it."""
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
