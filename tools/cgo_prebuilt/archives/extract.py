"""Extract exactly the files that the lock names.

What is written, and where, comes from the lock. A member that the lock does not name is not
written, whatever it is: a link, a device or a name with `..` has nothing to act on, so it is passed
over. One that is in the way of a locked file is refused: a second one of its name, a link or a
device with its name, a file or a link where its folder must be, anything below it, and what some
reader would take for one of these. The lock, not the archive's links, says which member holds a file
that is a link there.

Reading stops at the last locked member of a tar. What follows cannot change what was verified, and
is still part of the hash of the whole archive, which the transport checks; so a bomb there costs
nothing, and neither do the other platforms' files in an archive of all platforms. A lock can only
be made of an archive that is sound to its end (see `index`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.archives.member import FILE, FOLDER, Member
from cgo_prebuilt.archives.sink import Sink, wrong_size
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
from cgo_prebuilt.members import check_member_names, landings, normalize

_NAMES_SHOWN = 5


def extract(archive: LockedArchive, stream: ByteStream, staging: Path) -> None:
    """Write the files that the lock names, and verify each size and SHA-256.

    Args:
        archive: What to extract, from the lock.
        stream: The archive's bytes.
        staging: An empty folder of the caller's own. On an error what is in it means nothing.

    Raises:
        IntegrityError: The archive lacks a file, has another one in its place, or is malformed.
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
    members = read_members(
        stream,
        format=archive.format,
        where=where,
        loose=next(iter(wanted), ""),
        expected=sum(file.size for file in archive.files),
        size=archive.size,
    )
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
            # The directory of a zip is read already, so a later duplicate is seen for nothing.
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
        folders: The folders that they are in.
        lengths: Those of the names: a hostile member may be in half a million folders.
        where: What the archive is called in an error.
    """
    for place in landings(member.name):
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
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return IntegrityError(
        f"the archive lacks {', '.join(map(repr, names[:_NAMES_SHOWN]))}{more}",
        where=where,
        remedy="make the lock again",
    )
