"""File lists that a lock holds once for several archives. Pure.

Otherwise, a library with a thousand headers for eight platforms would repeat them for each. Files of the
same archives that are headers of the same platforms become one named list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgo_prebuilt.locks.lock import Lock, LockedFile, LockedPlatform

_LEAST = 16
"""The fewest files for a shared list; fewer are easier to read where they are used."""


@dataclass(frozen=True, slots=True)
class SharedLists:
    """The shared lists by name, and each file's list."""

    lists: Mapping[str, tuple[LockedFile, ...]]
    _names: Mapping[LockedFile, str]

    def split(
        self, platform: LockedPlatform, files: Iterable[LockedFile]
    ) -> tuple[list[LockedFile], list[str]]:
        """Return a platform's files outside of the lists, and the names of the lists with the others."""
        if not _is_in_order(platform):
            return list(files), []
        own, names = [], set()
        for file in files:
            if file in self._names:
                names.add(self._names[file])
            else:
                own.append(file)
        return own, sorted(names)


def share(lock: Lock) -> SharedLists:
    """Find the lists that save space.

    Args:
        lock: The lock.

    Returns:
        The lists. A list is named `VERSION/NUMBER`: the oldest version that has it, and its rank by size
        among these. So a new version renames a list only if it splits a larger one.
    """
    uses: dict[LockedFile, list[tuple[int, bool]]] = {}
    versions: list[str] = []
    for version in sorted(lock.versions, key=_age):
        for _, _, platform in lock.versions[version].prebuilts():
            if not _is_in_order(platform):
                continue
            headers = set(platform.interface.headers)
            for archive in platform.archives:
                for file in archive.files:
                    uses.setdefault(file, []).append((len(versions), file.path in headers))
                versions.append(version)
    groups: dict[tuple[tuple[int, bool], ...], list[LockedFile]] = {}
    for file, places in uses.items():
        groups.setdefault(tuple(places), []).append(file)
    lists: dict[str, tuple[LockedFile, ...]] = {}
    numbers: dict[str, int] = {}
    # The largest list first, so that a change of a few files does not rename the large lists.
    for used, files in sorted(groups.items(), key=lambda item: (-len(item[1]), item[1][0].path)):
        if len(files) >= _LEAST and len(used) > 1:
            version = versions[used[0][0]]
            numbers[version] = numbers.get(version, 0) + 1
            lists[f"{version}/{numbers[version]}"] = tuple(sorted(files, key=lambda f: f.path))
    return SharedLists(lists, {file: name for name, files in lists.items() for file in files})


def _is_in_order(platform: LockedPlatform) -> bool:
    """Return whether joining the lists restores the original order."""
    ordered = [platform.interface.headers]
    ordered += [tuple(file.path for file in archive.files) for archive in platform.archives]
    return all(tuple(sorted(set(paths))) == paths for paths in ordered)


def _age(version: str) -> list[tuple[bool, int, str]]:
    """Return a sort key for versions: v1.9 comes before v1.10."""
    parts = re.split(r"(\d+)", version)
    return [(part.isdigit(), int(part) if part.isdecimal() else 0, part) for part in parts]
