"""Compare a prebuilt with a build of its source, by file and archive member."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cgo_prebuilt.amounts import format_names
from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.digest import sha256_of_open
from cgo_prebuilt.inspection.ar_members import ar_members
from cgo_prebuilt.locks.lock import Interface

# The name of the symbol index in archives of BSD and Apple.
_INDEXES = ("__.SYMDEF", "__.SYMDEF SORTED")
_CHUNK = 1 << 20
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of a file.

    Attributes:
        file: Its path in the lock.
        what: A description.
        members: The members of an archive that differ, or are in only one of the two, sorted.
    """

    file: str
    what: str
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f": {format_names(self.members, _SHOWN)}" if self.members else ""
        more = "; --json lists them" if len(self.members) > _SHOWN else ""
        return f"{self.file}: {self.what}{named}{more}"


def compare_builds(
    prebuilt: Path, locked: Interface, build: Path, built: Interface
) -> list[Difference]:
    """Compare the libraries and headers of a prebuilt with those of a build of its source.

    Args:
        prebuilt: The folder of the prebuilt's files.
        locked: The interface of the prebuilt.
        build: The folder of the build's files.
        built: The interface of the build. Headers are compared by the names in `#include`, so their
            folders may differ.

    Returns:
        The differences, libraries first; none if both have the same bytes.
    """
    pairs = [(path, path) for path in locked.libraries()]
    headers, others = _by_include(locked), _by_include(built)
    pairs += [(path, others.get(name, "")) for name, path in headers.items()]
    found = []
    for path, other in pairs:
        if not other or not (build / other).is_file():
            found.append(Difference(path, "the build has no such file"))
            continue
        difference = _difference(path, prebuilt / path, build / other)
        if difference is not None:
            found.append(difference)
    missing = sorted({*built.libraries()} - {*locked.libraries()})
    missing += [path for name, path in others.items() if name not in headers]
    return found + [Difference(path, "only the build has it") for path in missing]


def _by_include(interface: Interface) -> dict[str, str]:
    """Return the headers by their names in `#include`."""
    found = {}
    for header in interface.headers:
        folders = [f"{f}/" for f in interface.include_dirs if header.startswith(f"{f}/")]
        found[header.removeprefix(max(folders, key=len, default=""))] = header
    return found


def _difference(path: str, first: Path, second: Path) -> Difference | None:
    with first.open("rb") as one, second.open("rb") as other:
        if sha256_of_open(one) == sha256_of_open(other):
            return None
        members, others = _members(one), _members(other)
    if not members or not others:
        sizes = f"{first.stat().st_size} and {second.stat().st_size} bytes"
        return Difference(path, f"differs ({sizes})")
    different = sorted(
        name for name in {**members, **others} if members.get(name) != others.get(name)
    )
    if not different:
        return Difference(path, "the same members, in another order or with other times")
    return Difference(
        path, f"{len(different)} of {len({**members, **others})} members differ", tuple(different)
    )


def _members(file: BinaryIO) -> dict[str, tuple[str, ...]]:
    """Return the hashes of an archive's members by name; none if it is not an archive."""
    found: dict[str, tuple[str, ...]] = {}
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        return found
    for name, size in ar_members(file):
        if name not in _INDEXES:
            found[name] = (*found.get(name, ()), _hash(file, size))
    return found


def _hash(file: BinaryIO, size: int) -> str:
    """Return the SHA-256 of the next bytes."""
    digest = hashlib.sha256()
    while chunk := file.read(min(_CHUNK, size)):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()
