"""A library's source: the folder or the archive that the lock names, put where it is built."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import (
    BuildError,
    IntegrityError,
    LockError,
    UnavailableError,
    UsageError,
)
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.members import FILE, check_member_name, check_member_names, normalize
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.releases.vouching import vouchers
from cgo_prebuilt.source.command_lines import TABLES, is_source
from cgo_prebuilt.storage.materialize import OutputFolders
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.tree import tree_key

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import Lock, Source
    from cgo_prebuilt.manifests.manifest import Manifest
    from cgo_prebuilt.members import Member
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.settings import Settings
    from cgo_prebuilt.storage.store import Store, Tree
    from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class SourceOf:
    """Which source of which library.

    Attributes:
        source: The lock's, with a `path` or a `url`.
        name: The library.
        version: Its release.
        platform: The platform that it is for; a mirror's URL may depend on it.
        folder: The folder that `source.path` is relative to.
    """

    source: Source
    name: str
    version: str
    platform: Platform
    folder: Path


def archive_name(source: Source) -> str:
    """The file name of a source's archive."""
    return (source.url.name if source.url is not None else "") or "source"


def source_sums(manifest: Manifest) -> dict[str, str]:
    """The SHA-256 of a manifest's source, by its file name, if it is an archive."""
    source = manifest.source
    if source is None or source.url is None:
        return {}
    return {archive_name(source): source.sha256 or ""}


class SourceFolder:
    """A source that is a folder."""

    def __init__(self, wanted: SourceOf) -> None:
        self._root = wanted.folder / (wanted.source.path or ".")
        if not self._root.is_dir():
            raise BuildError(
                f"the source of {wanted.name} {wanted.version} is not there",
                where=str(self._root),
                remedy="correct 'path' under 'source' in the manifest, and lock it again",
            )
        tools = [step.tool for step in wanted.source.steps]
        self._files = sorted(_walk(self._root, tools))

    @property
    def root(self) -> Path | None:
        """The folder, for what a tool reads there before anything is built."""
        return self._root

    def place(self) -> str:
        """Where the source comes from, whatever it is today."""
        return str(self._root.resolve())

    def digest(self) -> str:
        """What the source is: a SHA-256 over the names, modes and contents of its files."""
        digest = hashlib.sha256()
        for path in self._files:
            name = path.relative_to(self._root).as_posix()
            is_program = os.access(path, os.X_OK)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{is_program:d}{content}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def copy(self, target: Path) -> list[str]:
        """Copies the source into a folder; gives the names of the files."""
        names = [path.relative_to(self._root).as_posix() for path in self._files]
        with _explaining(target):
            folders = _output_folders(target)
            for path, name in zip(self._files, names, strict=True):
                _replace(folders.entry(name), partial(shutil.copy, path))
        return names


class SourceArchive:
    """A source that is an archive, fetched and verified like any other, and kept in the store.

    Attributes:
        file: Its file name.
        sha256: Of the whole, 64 lower-case hex digits.
    """

    def __init__(
        self,
        wanted: SourceOf,
        settings: Settings,
        store: Store,
        open_transport: Callable[[], Transport],
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self._wanted = wanted
        self._settings = settings
        self._store = store
        self._open_transport = open_transport
        self._on_wait = on_wait
        self.file = archive_name(wanted.source)
        self.sha256 = wanted.source.sha256 or ""
        self._key = result_key("source archive", [wanted.source.sha256, self.file])
        check_member_name(self.file, where="source")

    @property
    def root(self) -> Path | None:
        """None: an archive is no folder."""
        return None

    def place(self) -> str:
        """Where the source comes from."""
        return self.digest()

    def digest(self) -> str:
        """What the source is."""
        return f"{self._wanted.source.sha256} {self._wanted.source.strip_prefix}"

    def urls(self) -> tuple[Url, ...]:
        """Where it is to be taken from, in the order to try; nowhere where that is offline."""
        wanted = self._wanted
        return urls_to_try(
            [] if wanted.source.url is None else [wanted.source.url],
            self.file,
            name=wanted.name,
            version=wanted.version,
            platform=wanted.platform,
            settings=self._settings,
        )

    def is_stored(self) -> bool:
        """Whether the store has it already."""
        return self._find() is not None

    def copy(self, target: Path) -> list[str]:
        """Extracts the source into a folder; gives the names of the files.

        Raises:
            UnavailableError: The archive cannot be had.
            IntegrityError: It is not the one that the lock names, or is malformed.
        """
        from cgo_prebuilt.manifests.archive_section import format_of

        return _extract(
            self._obtain(), format_of(self.file), self._wanted.source.strip_prefix, target
        )

    def _find(self) -> Tree | None:
        files = Results(self._store.results).get(self._key)
        return self._store.find(tree_key(files), files) if files else None

    def _obtain(self) -> Path:
        """The archive's file in the store."""
        with self._store.exclusive(self._key, on_wait=self._on_wait):
            tree = self._find()
            if tree is None:
                with self._store.staging(self._key) as staging:
                    size = self._download(staging / self.file)
                    files = (LockedFile(self.file, self.sha256, size),)
                    label = f"the source of {self._wanted.name} {self._wanted.version}"
                    tree = self._store.publish(staging, tree_key(files), files, label)
                Results(self._store.results).put(self._key, files)
        return tree.files / self.file

    def _download(self, target: Path) -> int:
        from cgo_prebuilt.archives.bytestream import save
        from cgo_prebuilt.network.transport import Download

        urls = self.urls()
        if not urls:
            wanted = self._wanted
            raise UnavailableError(
                f"offline, and the source of {wanted.name} {wanted.version} is not in the store",
                where=self.file,
                remedy="fetch it once with a network, or set CGO_PREBUILT_MIRROR to a file:// folder"
                " that has it",
            )

        download = Download(self.file, urls, self.sha256, None)
        transport = self._open_transport()
        return transport.run(download, lambda stream: save(stream, target, self.sha256)).size


def _walk(root: Path, tools: Iterable[str]) -> Iterator[Path]:
    for entry in root.iterdir():
        if all(is_source(entry.name, tool) for tool in tools):
            yield from _files_of(entry)


def _files_of(entry: Path) -> Iterator[Path]:
    if entry.is_dir():
        if entry.is_symlink() and entry.parent.resolve().is_relative_to(entry.resolve()):
            return  # a link to a folder that it is in has no end
        for below in entry.iterdir():
            if below.name not in TABLES["NOT_SOURCE"]:
                yield from _files_of(below)
    elif entry.is_file():
        yield entry


def _output_folders(target: Path) -> OutputFolders:
    target.mkdir(parents=True, exist_ok=True)
    return OutputFolders(target)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file whole, in place of one or of a link that an earlier run left."""
    unfinished = path.parent / temporary_name()
    try:
        write(unfinished)
        if not _is_same(unfinished, path):
            rename(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _is_same(one: Path, other: Path) -> bool:
    """Whether two files are alike; a file that stays keeps its time, by which tools know it."""
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
            first = first or bytes(chunk[:2])
            file.write(chunk)
    if first == b"#!":
        path.chmod(0o755)


@contextmanager
def _explaining(target: Path) -> Iterator[None]:
    """Says what a refusal of the file system means."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            "something else is where a file of the source belongs",
            where=str(error.filename2 or error.filename or target),
            remedy="remove it, or choose another output",
        ) from None


def _extract(archive: Path, archive_format: str, strip_prefix: str, target: Path) -> list[str]:
    """Writes an archive's files; links and the like are left out.

    The archive is the one that the lock names, but its files are not named there: their names are
    checked here. A script is made a program, whose mode an archive need not tell.
    """
    from cgo_prebuilt.archives.archive import read_members
    from cgo_prebuilt.archives.bytestream import FileStream

    where = archive.name
    prefix = f"{normalize(strip_prefix)}/" if strip_prefix else ""
    names: dict[str, None] = {}
    folders: set[str] = set()
    with (
        _explaining(target),
        closing(FileStream(archive)) as stream,
        closing(read_members(stream, format=archive_format, where=where, loose=where)) as members,
    ):
        entries = _output_folders(target)
        for member in members:
            if member.kind != FILE or not member.name.startswith(prefix):
                continue
            name = member.name.removeprefix(prefix)
            check_member_name(name, where=where)
            above = {parent.as_posix() for parent in PurePosixPath(name).parents}
            if name in names or name in folders or not above.isdisjoint(names):
                raise IntegrityError(
                    f"two files of the source collide: {member.name!r}",
                    where=where,
                    remedy="do not use this archive",
                )
            names[name] = None
            folders |= above
            _replace(entries.entry(name), partial(_write, member))
    check_member_names(names, where=where)
    if not names:
        raise IntegrityError(
            f"the source has no file below {strip_prefix!r}",
            where=where,
            remedy="correct 'strip_prefix' under 'source' in the manifest, and lock it again",
        )
    return list(names)


def source_origin(
    lock: Lock,
    lock_folder: Path,
    platform: Platform,
    settings: Settings,
    store: Store,
    open_transport: Callable[[], Transport],
    on_wait: Callable[[], None] | None = None,
) -> tuple[SourceOf, SourceFolder | SourceArchive]:
    """The source of the version that the settings choose.

    Raises:
        LockError: The lock has no such version, or that has no source.
        BuildError: The source's folder is not there.
        TrustError: The version is not vouched for as the settings require, or its source is not.
    """
    version, locked = lock.version(settings.version)
    if locked.source is None:
        raise LockError(
            f"{lock.name} {version} has no source",
            remedy="give the manifest a 'source', and lock it again",
        )
    for voucher in vouchers(settings.trust, f"{lock.name} {version}", locked):
        if locked.source.url is not None:  # a folder beside the lock is the consumer's own
            voucher.check([(archive_name(locked.source), locked.source.sha256 or "")])
    source = locked.source.of_platform(str(platform))
    wanted = SourceOf(source, lock.name, version, platform, lock_folder)
    if locked.source.path is not None:
        return wanted, SourceFolder(wanted)
    return wanted, SourceArchive(wanted, settings, store, open_transport, on_wait)
