"""The index of an archive: its files with their hashes, for making a lock.

Where extraction may stop early, this reads to the end: a lock is only made of an archive that is
sound as a whole.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable

from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.members import FILE, FOLDER, Member, check_member_names, normalize


def index(
    stream: ByteStream,
    *,
    format: str,
    strip_prefix: str,
    select: Callable[[str], bool],
    where: str,
    loose: str = "",
) -> tuple[LockedFile, ...]:
    """Lists the files of an archive.

    Args:
        stream: The archive.
        format: One of `lock_keys.FORMATS`.
        strip_prefix: The folder inside the archive that paths are relative to; empty for its root.
        select: Whether a path, relative to that folder, is to be locked.
        where: What the archive is called in an error.
        loose: The path of the loose file, where the format is `file`.

    Returns:
        The selected files, sorted by path.

    Raises:
        IntegrityError: The archive is malformed, truncated or a bomb; or a selected member has an
            unsafe name, is a link or anything else but a file, or is there twice.
        UsageError: This machine has no decoder for the format.
        CgoPrebuiltError: The stream's own errors.
    """
    prefix = normalize(strip_prefix)
    files: list[LockedFile] = []
    for member in read_members(stream, format=format, where=where, loose=loose):
        path = _below(prefix, member.name) if format != "file" else member.name
        if path is None or member.kind == FOLDER or not select(path):
            continue
        if member.kind != FILE:
            raise IntegrityError(
                f"{member.name!r} is a {member.kind}",
                where=where,
                remedy="pack the archive without links, or select other files",
            )
        files.append(_digest(member, path, where))
    files.sort(key=lambda file: file.path)
    check_member_names((file.path for file in files), where=where)
    return tuple(files)


def _below(prefix: str, name: str) -> str | None:
    """A member's path relative to the prefix, or None where it is not below it."""
    if not prefix:
        return name
    return name[len(prefix) + 1 :] if name.startswith(f"{prefix}/") else None


def _digest(member: Member, path: str, where: str) -> LockedFile:
    digest = hashlib.sha256()
    size = crc = 0
    for chunk in member.chunks():
        digest.update(chunk)
        size += len(chunk)
        if member.crc32 is not None:
            crc = zlib.crc32(chunk, crc)
    if member.crc32 not in (None, crc):
        raise IntegrityError(
            f"{member.name!r} has another CRC than the archive says",
            where=where,
            remedy="its publisher has to pack it again",
        )
    return LockedFile(path, digest.hexdigest(), size)
