"""Extract exactly the files that the lock names.

The lock decides which files are written, and where. Members that it does not name are not written,
whatever they are: a link, a device or a name with `..` is skipped. A member that conflicts with a locked
file is refused. It is a duplicate, or a link or device of the same name. Or it is a file or link in
place of a parent folder, or lies below the file. What only some readers would place there counts,
too. If a file is a link in the archive, the lock names the member with its contents. No link is
followed.

Reading stops at the last locked member of a tar. The rest cannot change the verified files, and the
transport still hashes it as a part of the archive. So a bomb there costs nothing, and neither do the
other platforms' files in an archive of all platforms. `lock` reads an archive to its end (see `index`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

from cgo_prebuilt.amounts import format_names
from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.archives.member import FILE, FOLDER, Member
from cgo_prebuilt.archives.sink import Sink, wrong_size
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
from cgo_prebuilt.members import check_member_names, normalize, possible_paths

_NAMES_SHOWN = 5


def extract(archive: LockedArchive, stream: ByteStream, staging: Path) -> None:
    """Write the files that the lock names, and verify each size and SHA-256.

    Args:
        archive: The lock's entry of the archive.
        stream: The archive's bytes.
        staging: An empty folder that only the caller uses. After an error, its contents are invalid.

    Raises:
        IntegrityError: The archive lacks a file, has a different one in its place, or is malformed.
        UsageError: A file cannot be written, or this machine has no decoder for the format.
        CgoPrebuiltError: The stream's own errors.
    """
    where = archive.file
    check_member_names((file.path for file in archive.files), where=where)
    wanted: dict[str, list[LockedFile]] = {}
    for file in archive.files:
        wanted.setdefault(normalize(archive.member_of(file)), []).append(file)
    folders = {folder for name in wanted for folder in _folders(name)}
    lengths = sorted({len(name) for name in wanted})
    missing = dict(wanted)
    expected = sum(file.size for file in archive.files)
    work = Work(where, promised=archive.size, expected=expected)
    members = read_members(stream, archive.format, work, next(iter(wanted), ""))
    with closing(members), Sink(staging, where) as sink:
        for member in members:
            _refuse_obstacle(member, wanted, folders, lengths, where)
            if member.name not in wanted:
                continue
            files = _take(missing, member, where)
            for file in files:
                if member.size not in (None, file.size):
                    raise wrong_size(file, member.size, where)
            sink.write(files, member.chunks())
            # A zip's directory is in memory, so looking for later duplicates is free.
            if not missing and archive.format != "zip":
                break
        if missing:
            raise _lacks(list(missing), where)


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _refuse_obstacle(
    member: Member,
    wanted: Collection[str],
    folders: Collection[str],
    lengths: Iterable[int],
    where: str,
) -> None:
    """Refuse a member that other readers would place over, above or below a locked file.

    Args:
        member: The member.
        wanted: The names of the locked files.
        folders: Their parent folders.
        lengths: The lengths of the names. Only prefixes of these lengths are looked up, since a
            hostile member may be below half a million folders.
        where: The name of the archive in errors.
    """
    for place in possible_paths(member.name):
        what = None
        if place in folders and member.kind != FOLDER:
            what = f"{member.name!r} is a {member.kind} and the folder of a locked file"
        elif place in wanted and place != member.name:
            what = f"duplicate member {place!r}, as {member.name!r}"
        else:
            for length in lengths:
                if place[length : length + 1] == "/" and place[:length] in wanted:
                    what = f"{place[:length]!r} is a locked file and the folder of {member.name!r}"
        if what is not None:
            raise IntegrityError(what, where=where, remedy="do not use this archive")


def _take(missing: dict[str, list[LockedFile]], member: Member, where: str) -> list[LockedFile]:
    """Return the locked files of a member; it must be the first of its name and a regular file."""
    if member.kind != FILE:
        raise IntegrityError(
            f"{member.name!r} is a {member.kind}, the lock says that it is a file",
            where=where,
            remedy="do not use this archive",
        )
    files = missing.pop(member.name, None)
    if files is None:
        raise IntegrityError(
            f"duplicate member {member.name!r}", where=where, remedy="do not use this archive"
        )
    return files


def _lacks(names: list[str], where: str) -> IntegrityError:
    return IntegrityError(
        f"the archive lacks {format_names([*map(repr, names)], _NAMES_SHOWN)}",
        where=where,
        remedy="make the lock again",
    )
