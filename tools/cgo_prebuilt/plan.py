"""What a fetch has to do, decided from the lock and the settings before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.lock import Interface, Lock, LockedArchive, LockedFile, Source
from cgo_prebuilt.mirror import urls_to_try
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import Settings


@dataclass(frozen=True, slots=True)
class PlannedArchive:
    """An archive of the lock, and the URLs to take it from in this fetch; none where it is offline."""

    archive: LockedArchive
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One library, version and platform.

    Attributes:
        name: The library.
        version: The release.
        platform: The platform.
        archives: What to download.
        files: What they yield, sorted by path.
        interface: How the files are compiled and linked.
    """

    name: str
    version: str
    platform: Platform
    archives: tuple[PlannedArchive, ...]
    files: tuple[LockedFile, ...]
    interface: Interface


def plan_fetch(lock: Lock, platform: Platform, settings: Settings) -> Plan:
    """Decides what to fetch, and from where.

    Raises:
        LockError: The lock has no such version.
        UnavailableError: The version has no prebuilt for the platform.
    """
    version, locked = lock.version(settings.version)
    prebuilt = locked.platforms.get(str(platform))
    if prebuilt is None:
        raise UnavailableError(
            f"{lock.name} {version} has no prebuilt for {platform}",
            remedy=f"it has {', '.join(locked.platforms) or 'none'}; choose one with --platform, add"
            f" {platform} to the manifest and lock it, or build from source",
        )
    return Plan(
        name=lock.name,
        version=version,
        platform=platform,
        archives=tuple(
            PlannedArchive(
                archive,
                urls_to_try(
                    archive.urls,
                    archive.file,
                    name=lock.name,
                    version=version,
                    platform=platform,
                    settings=settings,
                ),
            )
            for archive in prebuilt.archives
        ),
        files=prebuilt.files(),
        interface=prebuilt.interface,
    )


def source_of(lock: Lock, settings: Settings) -> Source | None:
    """The source of the version that the settings choose, if the lock has one."""
    return lock.version(settings.version)[1].source
