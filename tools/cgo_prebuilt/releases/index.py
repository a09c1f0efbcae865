"""Index an archive's files with their hashes, to lock them.

The archive is read twice. The first pass reads all names to the end, so that a broken archive is refused
and links can refer to later members. The second pass reads the wanted files.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.archive_magic import HEAD_SIZE, recognize_archive
from cgo_prebuilt.archives.bytestream import ByteStream, SeekableStream
from cgo_prebuilt.archives.member import Member
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError, ManifestError
from cgo_prebuilt.inspection.object_files import ObjectFile, objects_in
from cgo_prebuilt.locks.archive_ranges import FORMATS_WITH_ENTRY_POINTS
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.locks.lock_keys import SINGLE
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.members import check_member_name, check_member_names
from cgo_prebuilt.patterns import compile_pattern, is_pattern
from cgo_prebuilt.releases.catalog import Catalog, read_catalog
from cgo_prebuilt.releases.entry_points import Layout
from cgo_prebuilt.releases.prefix import advice_on, find_prefix
from cgo_prebuilt.soname import read_soname


class WantedFiles:
    """The files to lock.

    Args:
        promises: Paths and globs. Globs do not match the files that macOS' tar adds (`._x.h`).
        shared: The paths of shared libraries, whose SONAMEs are read.
        inspected: The paths of libraries whose objects are read.
        everything: Take every file, whatever its name.
    """

    def __init__(
        self,
        promises: Iterable[str],
        shared: Iterable[str] = (),
        inspected: Iterable[str] = (),
        *,
        everything: bool = False,
    ) -> None:
        promises = set(promises)
        self.paths = frozenset(path for path in promises if not is_pattern(path))
        self.shared = frozenset(shared)
        self.inspected = frozenset(inspected)
        self._globs = [compile_pattern(glob) for glob in promises - self.paths]
        self._everything = everything

    def matches(self, path: str) -> bool:
        """Return whether a file is to be locked."""
        if self._everything or path in self.paths:
            return True
        if path.rpartition("/")[2].startswith("._"):
            return False
        return any(glob.fullmatch(path) for glob in self._globs)


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of an archive.

    Attributes:
        files: The wanted files, sorted by path.
        strip_prefix: The folder in the archive to which their paths are relative.
        names: The names of all members except folders.
        sonames: The SONAMEs of shared libraries, by path.
        objects: The objects of inspected libraries, by path.
        layout: The layout, if parts of such an archive can be read.
    """

    files: tuple[LockedFile, ...]
    strip_prefix: str = ""
    names: tuple[str, ...] = ()
    sonames: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, Sequence[ObjectFile]] = field(default_factory=dict)
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A member's SHA-256, size, and facts about a library."""

    sha256: str
    size: int
    soname: str | None = None
    objects: Sequence[ObjectFile] | None = None


def index(stream: ByteStream, spec: ArchiveSpec, wanted: WantedFiles, *, where: str) -> Contents:
    """Find the wanted files in an archive.

    Args:
        stream: The archive.
        spec: The archive in the manifest.
        wanted: The files to lock.
        where: The name of the archive in errors.

    Raises:
        IntegrityError: The archive is malformed, truncated or a bomb; or a wanted member has an unsafe
            name, is a link to no file of the archive, is not a file, or appears twice.
        ManifestError: The manifest does not fit the archive's layout.
        UsageError: This machine has no decoder for the format.
        CgoPrebuiltError: The stream's own errors.
    """
    if spec.format in SINGLE:
        if spec.is_loose_by_name:
            stream = _refuse_archive(stream, where)
        members = read_members(stream, spec.format, Work(where), spec.path)
        found = {
            member.name: _read(
                member, where, member.name in wanted.shared, member.name in wanted.inspected
            )
            for member in members
            if wanted.matches(member.name)
        }
        return _contents(found, {name: [name] for name in found}, "", ())
    file = stream.whole()
    layout = Layout()
    work = Work(where, borders=layout.borders)
    members = read_members(SeekableStream(file), spec.format, work)
    catalog = read_catalog(layout.watch(members), where=where)
    prefix = find_prefix(spec, catalog)
    places = _places(catalog, prefix, spec, wanted)
    needed = {member for members in places.values() for member in members}

    def holding(paths: Iterable[str]) -> set[str]:
        return {member for path in paths for member in places.get(path, ())}

    shared, inspected = holding(wanted.shared), holding(wanted.inspected)
    found = {}
    for member in read_members(SeekableStream(file), spec.format, Work(where)):
        if len(found) == len(needed):
            break
        if member.name in needed:
            name = member.name
            found[name] = _read(member, where, name in shared, name in inspected)
    check_member_names(sorted(places), where=where)
    contents = _contents(found, places, prefix, tuple(catalog.kinds))
    return (
        replace(contents, layout=layout) if spec.format in FORMATS_WITH_ENTRY_POINTS else contents
    )


def _refuse_archive(stream: ByteStream, where: str) -> ByteStream:
    """Return the stream, unless a loose file turns out to be an archive."""
    file = stream.whole()
    found = recognize_archive(file.read(HEAD_SIZE))
    if found is not None:
        raise ManifestError(
            f"its contents are {found}, but its name is that of a loose file",
            where=where,
            remedy="write its 'format'; `format: file` keeps it unchanged",
        )
    return SeekableStream(file)


def _places(
    catalog: Catalog, prefix: str, spec: ArchiveSpec, wanted: WantedFiles
) -> dict[str, list[str]]:
    """Return the candidate members of each wanted file, by path."""
    below = f"{prefix}/" if prefix else ""
    renamed = dict(spec.members)
    places: dict[str, list[str]] = {}
    for path in sorted(wanted.paths):
        member = catalog.member_of(below + renamed.get(path, path))
        if member is not None:
            places[path] = [member]
        elif path in renamed:
            raise ManifestError(
                f"'members' names {renamed[path]!r}, which the archive lacks",
                where=catalog.where,
                remedy=advice_on(renamed[path], prefix, catalog.kinds)
                or "look into the archive, and correct it",
            )
        elif path in wanted.shared:
            places[path] = _versioned(catalog, below + path)
    for name in catalog.files():
        path = name[len(below) :]
        if name.startswith(below) and path not in places and wanted.matches(path):
            check_member_name(path, where=catalog.where)
            member = catalog.member_of(name)
            if member is not None:
                places[path] = [member]
    return {path: members for path, members in places.items() if members}


def _versioned(catalog: Catalog, name: str) -> list[str]:
    """Return a shared library's versioned members: `x.so.1.2` or `x.1.2.dylib`."""
    stem, _, ending = name.rpartition(".")
    version = r"(\.[0-9]+)+"
    pattern = re.compile(
        re.escape(stem)
        + (rf"{version}\.dylib" if ending == "dylib" else rf"\.{re.escape(ending)}{version}")
    )
    members = [catalog.member_of(other) for other in catalog.kinds if pattern.fullmatch(other)]
    return sorted({member for member in members if member is not None})


def _contents(
    found: Mapping[str, _Found],
    places: Mapping[str, list[str]],
    prefix: str,
    names: tuple[str, ...],
) -> Contents:
    files, sonames, objects = [], {}, {}
    below = f"{prefix}/" if prefix else ""
    for path, members in sorted(places.items()):
        member = _chosen(path, members, found)
        one = found[member]
        files.append(
            LockedFile(path, one.sha256, one.size, "" if member == below + path else member)
        )
        if one.soname is not None:
            sonames[path] = one.soname
        if one.objects is not None:
            objects[path] = one.objects
    return Contents(tuple(files), prefix, names, sonames, objects)


def _chosen(path: str, members: list[str], found: Mapping[str, _Found]) -> str:
    """Return a path's member; among copies, the one that programs load."""
    named = [member for member in members if member.rpartition("/")[2] == found[member].soname]
    if len({found[member].sha256 for member in members}) > 1:
        raise ManifestError(
            f"{path!r} may be any of {', '.join(members)}",
            where=path,
            remedy="name the right one in the manifest",
        )
    return (named or members)[0]


def _read(member: Member, where: str, is_shared: bool, is_inspected: bool) -> _Found:
    """Hash a member; for a library, also read its SONAME and objects, which need all its bytes."""
    if not is_shared and not is_inspected:
        return _hashed(member, where, None)
    with tempfile.TemporaryFile() as copy:
        hashed = _hashed(member, where, copy)
        soname = read_soname(copy) if is_shared else None
        objects = objects_in(copy) if is_inspected else None
        return replace(hashed, soname=soname, objects=objects)


def _hashed(member: Member, where: str, copy: BinaryIO | None) -> _Found:
    digest = hashlib.sha256()
    size = crc = 0
    for chunk in member.chunks():
        digest.update(chunk)
        size += len(chunk)
        if member.crc32 is not None:
            crc = zlib.crc32(chunk, crc)
        if copy is not None:
            copy.write(chunk)
    if member.crc32 not in (None, crc):
        raise IntegrityError(
            f"{member.name!r} does not have the CRC that the archive states",
            where=where,
            remedy="ask its publisher to pack it again",
        )
    return _Found(digest.hexdigest(), size)
