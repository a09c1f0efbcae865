"""What a fetch has to do, decided from the lock and the settings before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.lock import Interface, Lock, LockedArchive, LockedFile, Source
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import Settings, environment_name
from cgo_prebuilt.template import url_below, values_for


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
            PlannedArchive(archive, _urls(archive, lock.name, version, platform, settings))
            for archive in prebuilt.archives
        ),
        files=prebuilt.files(),
        interface=prebuilt.interface,
    )


def source_of(lock: Lock, settings: Settings) -> Source | None:
    """The source of the version that the settings choose, if the lock has one."""
    return lock.version(settings.version)[1].source


def _urls(
    archive: LockedArchive, name: str, version: str, platform: Platform, settings: Settings
) -> tuple[str, ...]:
    values = {**values_for(name, version, platform), "file": archive.file}
    urls = archive.urls
    if settings.mirror is not None:
        urls = (url_below(settings.mirror, values, where="CGO_PREBUILT_MIRROR"),)
    elif settings.release_url is not None:
        variable = f"{environment_name(name)}_RELEASE_URL"
        urls = (url_below(settings.release_url, values, where=variable),)
    return tuple(url for url in urls if not settings.offline or url.startswith("file:"))
