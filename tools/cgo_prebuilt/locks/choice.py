"""Choose one flavor of one version of a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cgo_prebuilt.errors import LockError
from cgo_prebuilt.locks.lock import Lock, LockedPlatform, LockedVersion, Source


@dataclass(frozen=True, slots=True)
class Choice:
    """One flavor of one version of a lock.

    Attributes:
        name: The library.
        version: The version's name.
        flavor: The flavor's name; empty for a library without flavors.
        locked: The version.
    """

    name: str
    version: str
    flavor: str
    locked: LockedVersion

    @property
    def prebuilts(self) -> Mapping[str, LockedPlatform]:
        """The prebuilts of the flavor, by platform."""
        return self.locked.flavors[self.flavor]

    @property
    def source(self) -> Source | None:
        """The source of this flavor; None if the lock has none for it."""
        return self.locked.source if self.flavor == self.locked.default_flavor else None

    @property
    def prebuilts_key(self) -> str:
        """Return the key of `prebuilts` in the lock."""
        flavor = f"flavors.{self.flavor}" if self.flavor else "platforms"
        return f"versions.{self.version}.{flavor}"

    def warning(self) -> str | None:
        """Return a warning to print before use; None without one."""
        if not self.locked.withdrawn:
            return None
        return (
            f"{self} is withdrawn: {self.locked.withdrawn}\n  next: choose another version of"
            " the lock, or lock a newer one"
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def choose(lock: Lock, version: str | None = None, flavor: str | None = None) -> Choice:
    """Choose a flavor of a version by name; the defaults for None.

    Raises:
        LockError: The lock has no such version, or the version no such flavor.
    """
    name, locked = lock.version(version)
    choice = Choice(lock.name, name, locked.default_flavor if flavor is None else flavor, locked)
    if choice.flavor not in locked.flavors:
        there = ", ".join(locked.flavor_names())
        instead = f"it has {there}; choose one with" if there else "it has none; leave out"
        raise LockError(
            f"{choice} has no flavor {flavor}",
            where=f"the lock of {lock.name}: versions.{name}",
            remedy=f"{instead} --flavor, or add `{flavor}: {{}}` under"
            " 'flavors' in the manifest and lock it",
        )
    return choice
