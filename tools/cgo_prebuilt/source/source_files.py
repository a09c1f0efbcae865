"""A source's files: listed in a folder and copied, or extracted from an archive."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cgo_prebuilt.archives.member import FILE, HARD_LINK, SYMBOLIC_LINK
from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.members import check_member_name, check_member_names, normalize
from cgo_prebuilt.source.command_lines import TABLES, is_source
from cgo_prebuilt.storage.materialize import OutputFolders

if TYPE_CHECKING:
    from cgo_prebuilt.archives.member import Member

# The first bytes of scripts, and of ELF and Mach-O programs.
_PROGRAMS = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LINK_MAX = 4096


def walk_source(root: Path, tools: Iterable[str]) -> Iterator[Path]:
    """Yield the files of a source's folder, without leftovers of its build tools and Git."""
    for entry in root.iterdir():
        if all(is_source(entry.name, tool) for tool in tools):
            yield from _files_of(entry)


def _files_of(entry: Path) -> Iterator[Path]:
    if entry.is_dir():
        if entry.is_symlink() and entry.parent.resolve().is_relative_to(entry.resolve()):
            return  # a link to one of its parent folders would recurse for ever
        for below in entry.iterdir():
            if below.name not in TABLES["NOT_SOURCE"]:
                yield from _files_of(below)
    elif entry.is_file():
        yield entry


def copy_files(files: Mapping[str, Path], target: Path) -> None:
    """Copy files into a folder; leave equal ones alone.

    Raises:
        UsageError: A file's place is taken, or one of its parent folders is a link.
    """
    with _explaining(target):
        output = _Output(target)
        for name, path in files.items():
            output.put(name, partial(shutil.copy, path))


class _Output:
    """A folder that gets a source's files.

    All files written get one time, that of the first. Make regenerates a file that is older than its
    source, and neither archives nor checkouts keep that order.
    """

    def __init__(self, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        self._folders = OutputFolders(target)
        self._time: int | None = None

    def put(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file atomically, in place of a file or link of an earlier run."""
        path = self._folders.entry(name)
        unfinished = path.parent / temporary_name()
        try:
            write(unfinished)
            if not _is_same(unfinished, path):
                if self._time is None:
                    self._time = unfinished.stat().st_mtime_ns
                os.utime(unfinished, ns=(self._time, self._time))
                rename(unfinished, path)
        finally:
            with suppress(OSError):
                unfinished.unlink()


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two files are equal. Equal files keep their times, which build tools compare."""
    try:
        found, there = one.stat(), other.lstat()
    except OSError:
        return False
    return (
        stat.S_ISREG(there.st_mode)
        and (found.st_size, found.st_mode) == (there.st_size, there.st_mode)
        and filecmp.cmp(one, other, shallow=False)
    )


def _write(member: Member, path: Path) -> None:
    first = b""
    with path.open("xb") as file:
        for chunk in member.chunks():
            first += bytes(chunk[: 4 - len(first)])
            file.write(chunk)
    if first.startswith(_PROGRAMS):
        path.chmod(0o755)


@contextmanager
def _explaining(target: Path) -> Iterator[None]:
    """Convert the block's errors to errors for the user."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            "something else is where a file of the source belongs",
            where=str(error.filename2 or error.filename or target),
            remedy="remove it, or choose another output",
        ) from None


def extract_source(
    archive: Path, archive_format: str, strip_prefix: str, target: Path, *, only: str = ""
) -> list[str]:
    """Write an archive's files, with copies of those that links lead to; leave out special files.

    The lock names the archive, but not its files, so their names are checked here. Scripts and binaries
    become executable regardless of their mode in the archive: a crate may bring the compiler that its
    users' build scripts run.

    Args:
        archive: The archive, verified.
        archive_format: Its format.
        strip_prefix: The wanted folder in it.
        target: The output folder.
        only: Write only files of this name; empty for all.

    Returns:
        The names of the files, written or not.

    Raises:
        IntegrityError: It is malformed, has an unsafe name, or no wanted file.
        UsageError: The target cannot be written.
    """
    from cgo_prebuilt.archives.archive import read_members
    from cgo_prebuilt.archives.bytestream import FileStream
    from cgo_prebuilt.archives.work import Work
    from cgo_prebuilt.source.source_links import linked_files

    where = archive.name
    prefix = f"{normalize(strip_prefix)}/" if strip_prefix else ""
    names: dict[str, None] = {}
    folders: set[str] = set()
    links: dict[str, str] = {}
    with (
        _explaining(target),
        closing(FileStream(archive)) as stream,
        closing(read_members(stream, archive_format, Work(where), where)) as members,
    ):
        output = _Output(target)
        for member in members:
            if not member.name.startswith(prefix):
                continue
            name = member.name.removeprefix(prefix)
            if member.kind in (HARD_LINK, SYMBOLIC_LINK):
                links[name] = _target(name, member, prefix)
            if member.kind != FILE:
                continue
            check_member_name(name, where=where)
            above = _above(name)
            if name in names or name in folders or not above.isdisjoint(names):
                raise IntegrityError(
                    f"two files of the source collide: {member.name!r}",
                    where=where,
                    remedy="do not use this archive",
                )
            names[name] = None
            folders |= above
            if not only or PurePosixPath(name).name == only:
                output.put(name, partial(_write, member))
        for name, path in linked_files(names, links, where).items():
            check_member_name(name, where=where)
            above = _above(name)
            if name in folders or not above.isdisjoint(names):
                continue  # it is something else, too
            names[name] = None
            folders |= above
            if not only or PurePosixPath(name).name == PurePosixPath(path).name == only:
                output.put(name, partial(shutil.copy, target / path))
    check_member_names(names, where=where)
    if not names:
        raise IntegrityError(
            f"the source has no file below {strip_prefix!r}",
            where=where,
            remedy="correct 'strip_prefix' under 'source' in the manifest, and lock it again",
        )
    return list(names)


def _above(name: str) -> set[str]:
    return {parent.as_posix() for parent in PurePosixPath(name).parents}


def _target(name: str, member: Member, prefix: str) -> str:
    """Return the path in the source that a link leads to; see `target_of`."""
    from cgo_prebuilt.source.source_links import ELSEWHERE, target_of

    if member.kind == HARD_LINK:
        linked = normalize(member.link)
        return linked.removeprefix(prefix) if linked.startswith(prefix) else ELSEWHERE
    link = member.link.encode("utf-8", "surrogateescape")
    for chunk in () if link else member.chunks():
        link += bytes(chunk)
        if len(link) > _LINK_MAX:
            return ELSEWHERE
    return target_of(name, link.decode("utf-8", "surrogateescape"))
