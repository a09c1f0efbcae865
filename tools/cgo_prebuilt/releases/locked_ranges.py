"""Find the ranges of a lock's archives while the lock is made; keep the ones found before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cgo_prebuilt.locks.archive_ranges import FORMATS_WITH_ENTRY_POINTS
from cgo_prebuilt.locks.lock import Lock, LockedArchive, LockedPlatform, LockedVersion
from cgo_prebuilt.locks.ranges_file import format_section, format_sections
from cgo_prebuilt.releases.entry_points import SMALLEST, Layout, find_ranges, is_missed

_MemberSets = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class RangesFinder:
    """Finds ranges.

    Attributes:
        layouts: The layouts of archives, by their SHA-256.
        open_archive: Returns an archive's path on this machine; None if it is gone.
        old: The previous lock.
        sections: The sections of its ranges file, by their hashes; new ones are added.
        missed: The archives whose ranges only `indexed_gzip` could find.
    """

    layouts: Mapping[str, Layout]
    open_archive: Callable[[LockedArchive], Path | None]
    old: Lock | None
    sections: dict[str, bytes]
    missed: list[str] = field(default_factory=list)

    def with_ranges(self, version: LockedVersion) -> LockedVersion:
        """Return the version with the ranges of its archives.

        The old lock's ranges of the same archive and members stay, even if this machine could not find
        them, so that the lock does not depend on the machine.
        """
        known: dict[tuple[str, _MemberSets], str] = {}
        for before in self.old.versions.values() if self.old is not None else ():
            for archive, member_sets in _member_sets(before).values():
                known[archive.sha256, member_sets] = archive.ranges
        hashes = {
            archive.sha256: self._section(
                archive, member_sets, known.get((archive.sha256, member_sets), "")
            )
            for archive, member_sets in _member_sets(version).values()
        }

        return with_ranges(version, hashes)

    def _section(self, archive: LockedArchive, member_sets: _MemberSets, known: str) -> str:
        """Return the hash of an archive's new section; without one, the known hash or an empty string."""
        layout = self.layouts.get(archive.sha256)
        if known in self.sections or layout is None:
            return known
        path = self.open_archive(archive)
        if path is None:
            return known
        with path.open("rb") as file:
            ranges = find_ranges(file, archive.size, archive.format, layout, member_sets)
        if ranges is None:
            if is_missed(archive.format, layout, member_sets):
                self.missed.append(archive.file)
            return known
        section = format_section(ranges)
        sha256 = hashlib.sha256(section).hexdigest()
        self.sections[sha256] = section
        return sha256


def with_ranges(version: LockedVersion, hashes: Mapping[str, str]) -> LockedVersion:
    """Return a version with these sections, by the archives' SHA-256; other archives get none."""

    def ranged(platform: LockedPlatform) -> LockedPlatform:
        archives = tuple(
            replace(archive, ranges=hashes.get(archive.sha256, "")) for archive in platform.archives
        )
        return replace(platform, archives=archives)

    flavors = {
        flavor: {name: ranged(platform) for name, platform in platforms.items()}
        for flavor, platforms in version.flavors.items()
    }
    return replace(version, flavors=flavors)


def named_sections(lock: Lock) -> set[str]:
    """Return the hashes of all sections that a lock names."""
    return {
        archive.ranges
        for version in lock.versions.values()
        for _, _, prebuilt in version.prebuilts()
        for archive in prebuilt.archives
        if archive.ranges
    }


def ranges_of(lock: Lock, sections: Mapping[str, bytes]) -> bytes | None:
    """Return the bytes of a ranges file with the sections that the lock names; None without any."""
    named = named_sections(lock)
    kept = {sha256: section for sha256, section in sections.items() if sha256 in named}
    return format_sections(kept) if kept else None


def _member_sets(
    version: LockedVersion,
) -> dict[str, tuple[LockedArchive, _MemberSets]]:
    """Return each archive that may have ranges, by SHA-256, with the members of each platform."""
    archives: dict[str, LockedArchive] = {}
    member_sets: dict[str, dict[frozenset[str], None]] = {}
    for _, _, prebuilt in version.prebuilts():
        for archive in prebuilt.archives:
            if archive.format in FORMATS_WITH_ENTRY_POINTS and archive.size >= SMALLEST:
                members = frozenset(archive.member_of(file) for file in archive.files)
                archives[archive.sha256] = archive
                member_sets.setdefault(archive.sha256, {})[members] = None
    # Sorted, since a manifest may name its platforms in any order.
    return {
        sha256: (archive, tuple(sorted(member_sets[sha256], key=sorted)))
        for sha256, archive in archives.items()
    }
