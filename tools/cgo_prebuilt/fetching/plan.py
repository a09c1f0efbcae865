"""Decide what to fetch, from the lock and the settings alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import LockError, UnavailableError
from cgo_prebuilt.locks.choice import Choice, choose
from cgo_prebuilt.locks.link_options import ALLOW, refused_linkopt
from cgo_prebuilt.locks.lock import (
    Interface,
    Lock,
    LockedArchive,
    LockedFile,
)
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.requirements import unmet
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.template import values_for
from cgo_prebuilt.trust import NO_REQUIREMENTS

if TYPE_CHECKING:
    from cgo_prebuilt.this_machine import Machine
    from cgo_prebuilt.vouching.vouchers import Voucher


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan to fetch one platform of one version of a library.

    Attributes:
        name: The library.
        version: The release.
        platform: The platform.
        archives: The archives to download, with the URLs to try; offline, without URLs.
        files: The files in them, sorted by path.
        interface: How the files are compiled and linked.
        is_vouched: Whether a signer required by the consumer vouches for the archives. Nobody vouches
            for the lock's hashes of single files, so each archive must be hashed as a whole.
        ranges_file: The file that says how to read parts of the archives.
    """

    name: str
    version: str
    platform: Platform
    archives: tuple[LockedArchive, ...]
    files: tuple[LockedFile, ...]
    interface: Interface
    is_vouched: bool = False
    ranges_file: Path | None = None


def plan_fetch(
    lock: Lock, platform: Platform, settings: Settings, machine: Machine | None = None
) -> Plan:
    """Decide what to fetch, and from which URLs.

    Args:
        lock: The lock.
        platform: The platform.
        settings: The settings.
        machine: The machine that the library will run on; None if unknown, as for another machine or a
            container.

    Raises:
        LockError: The lock has no such version, or the version no such flavor.
        UnavailableError: The version has no prebuilt for the platform, none for that machine, or one
            that only a newer program can use.
        TrustError: It is not vouched for as the settings require.
    """
    choice = choose(lock, settings.version, settings.flavor)
    trusted: tuple[Voucher, ...] = ()
    if settings.trust != NO_REQUIREMENTS:
        from cgo_prebuilt.vouching.vouchers import vouchers

        trusted = vouchers(settings.trust, str(choice), choice.locked)
    prebuilt = choice.prebuilts.get(str(platform))
    if prebuilt is None:
        raise _no_prebuilt(choice, platform)
    prebuilt.check_usable(f"{choice} for {platform}")
    check_linkopts(prebuilt.interface.linkopts, settings, f"{choice} for {platform}")
    lack = unmet(prebuilt.interface.requires, machine) if machine is not None else None
    if lack is not None:
        raise UnavailableError(
            lack,
            where=f"{choice} for {platform}",
            remedy="use a newer system or a container of one, or build from source; to fetch it for"
            f" another machine, say so: --platform {platform}",
        )
    for voucher in trusted:
        voucher.check((archive.file, archive.sha256) for archive in prebuilt.archives)
    values = values_for(lock.name, choice.version, platform)
    return Plan(
        name=lock.name,
        version=choice.version,
        platform=platform,
        archives=tuple(
            replace(archive, urls=urls_to_try(archive, values, settings))
            for archive in prebuilt.archives
        ),
        files=prebuilt.files(),
        interface=prebuilt.interface,
        is_vouched=bool(trusted),
        ranges_file=lock.ranges_file if any(one.ranges for one in prebuilt.archives) else None,
    )


def check_linkopts(linkopts: Iterable[str], settings: Settings, where: str) -> None:
    """Refuse link options that could run a program, unless the settings allow them.

    Raises:
        LockError: An option is refused.
    """
    refused = refused_linkopt(linkopts, settings.allowed_linkopts)
    if refused is not None:
        import shlex

        raise LockError(
            f"the lock has the link option {refused!r}, which could run a program",
            where=where,
            remedy=f"if you trust it, allow its words: {ALLOW}={shlex.quote(refused)}",
        )


def _no_prebuilt(choice: Choice, platform: Platform) -> UnavailableError:
    """Return the error for a platform without a prebuilt, with the platforms that have one."""
    flavors = choice.locked.flavors
    others = [name for name, platforms in flavors.items() if str(platform) in platforms]
    of_flavor = f" of the flavor {choice.flavor}" if choice.flavor else ""
    other = f"choose another flavor with --flavor, of {', '.join(others)}, or " if others else ""
    there = ", ".join(choice.prebuilts)
    one = "choose one with --platform, " if there else ""
    return UnavailableError(
        f"{choice} has no prebuilt for {platform}{of_flavor}",
        where=f"the lock of {choice.name}: {choice.prebuilts_key}",
        remedy=f"it has {there or 'none'}; {other}{one}add {platform} to the manifest and lock it, or"
        " build from source",
    )
