"""Fetch a source's crates by the hashes in `Cargo.lock` and in the lock, so that cargo needs no network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.bounded_run import ending_programs
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import BuildError, LockError, UnavailableError
from cgo_prebuilt.locks.lock import LockedCrates
from cgo_prebuilt.source.build_plan import VENDOR_GIT
from cgo_prebuilt.source.cargo_lock import (
    CARGO_LOCK,
    Crate,
    GitCrates,
    NamedCrates,
    cargo_locks,
    git_archive,
    parse_cargo_lock,
)
from cgo_prebuilt.source.source_files import copy_files, extract_source
from cgo_prebuilt.source.source_tree import LibrarySource, archive_name
from cgo_prebuilt.source.stored_archive import Downloads, StoredArchive
from cgo_prebuilt.vouching.sums import SUMS, write_sums

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import Source
    from cgo_prebuilt.storage.store import Store

_AT_ONCE = 8
_CHECKSUM = ".cargo-checksum.json"


@dataclass(frozen=True, slots=True)
class Crates:
    """A fetcher of a source's crates.

    Attributes:
        wanted: The source.
        downloads: Fetches the archives and keeps them.
    """

    wanted: LibrarySource
    downloads: Downloads

    def archives(self, source: Path) -> list[StoredArchive]:
        """Return the archives of the source's crates.

        Args:
            source: Its folder.

        Raises:
            BuildError: It has no `Cargo.lock`, or one with crates of another registry.
            LockError: `Cargo.lock` has other commits of Git repositories than the lock.
        """
        named = crates_of([self.wanted.source], self.wanted, source)
        return [*map(self._of_registry, named.registry), *self._of_git(named)]

    def unpack(self, source: Path, target: Path) -> None:
        """Unpack a source's crates into folders that cargo uses instead of a registry.

        Args:
            source: Its folder.
            target: The output, a "directory source" of cargo. Crates of Git repositories go beside it, into
                `VENDOR_GIT`.

        Raises:
            BuildError: See `archives`.
            UnavailableError: A crate cannot be fetched.
            IntegrityError: A crate does not match `Cargo.lock`.
        """
        named = crates_of([self.wanted.source], self.wanted, source)
        count = len(named.registry)
        archives = self._fetch(self.archives(source))
        for crate, archive in zip(named.registry, archives[:count], strict=True):
            folder = target / crate.folder
            if not (folder / _CHECKSUM).is_file():
                extract_source(archive, "tar.gz", crate.folder, folder)
                # The archive is verified; cargo compares `package` with Cargo.lock.
                content = json.dumps({"files": {}, "package": crate.sha256})
                (folder / _CHECKSUM).write_text(content)
        for archive in archives[count:]:
            extract_source(archive, "tar", "", target.parent / VENDOR_GIT / archive.stem)

    def put(self, source: Path, target: Path) -> list[str]:
        """Copy a source's crate archives into a folder, with their sums.

        Args:
            source: The source's folder.
            target: The output folder.

        Returns:
            The archives' names.
        """
        stored = self.archives(source)
        files = {path.name: path for path in self._fetch(stored)}
        copy_files(files, target)
        write_sums(target / SUMS, {archive.file: archive.sha256 for archive in stored})
        return list(files)

    def _fetch(self, stored: Sequence[StoredArchive]) -> list[Path]:
        """Return the archives in the store, in the same order."""
        from concurrent.futures import ThreadPoolExecutor

        if all(archive.find() is not None for archive in stored):
            return [archive.obtain(self.downloads.open_transport) for archive in stored]
        transport = self.downloads.open_transport()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                pending = [pool.submit(archive.obtain, lambda: transport) for archive in stored]
                return [one.result() for one in pending]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                transport.stop()
                with ending_programs():
                    pool.shutdown()
                raise

    def _of_registry(self, crate: Crate) -> StoredArchive:
        download = Download(crate.file, (crate.url,), crate.sha256)
        return self.wanted.stored(download, self.downloads, crate.label)

    def _of_git(self, named: NamedCrates) -> Iterator[StoredArchive]:
        known = {git.source: git for git in named.git}
        locked = {crates.source: crates for crates in self.wanted.source.git}
        if known.keys() != locked.keys():
            # Neither URL has a secret, see `GIT_SOURCE`.
            own, locks = (
                ", ".join(sorted(some.keys() - others.keys())) or "nothing"
                for some, others in ((known, locked), (locked, known))
            )
            raise LockError(
                f"the lock of {self.wanted.name} is stale: of Git repositories, Cargo.lock also names {own},"
                f" and the lock {locks}",
                where=CARGO_LOCK,
                remedy="lock it again: `cgo-prebuilt lock MANIFEST`",
            )
        for source, crates in locked.items():
            git, file = known[source], git_archive(crates)
            make = None if self.downloads.settings.offline else partial(self._make, git)
            download = Download(file, (), crates.sha256)
            yield self.wanted.stored(download, self.downloads, git.label, make)

    def _make(self, git: GitCrates, target: Path) -> None:
        from cgo_prebuilt.source.git_crates import write_git_crates

        try:
            write_git_crates(git, target, self.downloads.environ)
        except UnavailableError as error:
            remedy = f"{error.remedy}; or set CGO_PREBUILT_MIRROR to a mirror that has them"
            raise UnavailableError(error.what, where=error.where, remedy=remedy) from None


@contextmanager
def folder_with_locks(wanted: LibrarySource, archive: Callable[[], Path]) -> Iterator[Path]:
    """Open a folder with each `Cargo.lock` of a source: its own, or a temporary one.

    Args:
        wanted: The source.
        archive: Returns the source's archive, for a source that is not a folder.
    """
    from cgo_prebuilt.archive_names import format_of

    source = wanted.source
    if source.path is not None:
        yield wanted.folder / source.path
        return
    with tempfile.TemporaryDirectory() as temporary:
        kind = format_of(archive_name(source))
        folder = Path(temporary)
        extract_source(archive(), kind, source.strip_prefix, folder, only=CARGO_LOCK)
        yield folder


def lock_git_crates(
    wanted: LibrarySource, source: Path, store: Store, environ: Mapping[str, str]
) -> tuple[LockedCrates, ...]:
    """Lock the source's crates from Git, and keep them in the store.

    Args:
        wanted: The source.
        source: Its folder; only its `Cargo.lock` files are read.
        store: The store.
        environ: The caller's environment, for git.

    Raises:
        BuildError: See `Crates.archives` and `write_git_crates`.
        UnavailableError: See `write_git_crates`.
    """
    from cgo_prebuilt.source.git_crates import write_git_crates

    locked = []
    for git in crates_of([wanted.source, *wanted.source.platforms.values()], wanted, source).git:
        with tempfile.TemporaryDirectory() as temporary:
            archive = Path(temporary, "crates.tar")
            write_git_crates(git, archive, environ)
            crates = LockedCrates(git.source, sha256_of(archive)[0])
            StoredArchive(
                git_archive(crates), (), sha256=crates.sha256, label=git.label, store=store
            ).put(archive)
        locked.append(crates)
    return tuple(locked)


def find_cargo_locks(sources: Iterable[Source], wanted: LibrarySource, folder: Path) -> list[str]:
    """Return the paths of a source's `Cargo.lock` files, one for each cargo step.

    Args:
        sources: The source's variants for the platforms.
        wanted: The source, for errors.
        folder: Its folder.

    Raises:
        BuildError: A step has none.
    """
    found = []
    for candidates in cargo_locks([step for source in sources for step in source.steps]):
        there = next((path for path in candidates if (folder / path).is_file()), None)
        if there is None:
            if wanted.source.path is None:
                where = archive_name(wanted.source)  # it was extracted into a temporary folder
                advice = "commit a copy with it, and name that in 'path'"
            else:
                where = str(wanted.folder / wanted.source.path / candidates[0])
                advice = "commit it"
            raise BuildError(
                f"the source of {wanted.name} {wanted.version} has no {CARGO_LOCK}, which 'vendor'"
                " takes the crates from",
                where=where,
                remedy=f"{advice}, or name the manifest in 'args': --manifest-path",
            )
        found.append(there)
    return list(dict.fromkeys(found))


def crates_of(sources: Iterable[Source], wanted: LibrarySource, folder: Path) -> NamedCrates:
    """Return the crates that a source's `Cargo.lock` names, sorted; see `find_cargo_locks`.

    Raises:
        BuildError: There is no `Cargo.lock`, or it has crates of another registry.
    """
    registry: dict[str, Crate] = {}
    git: dict[str, set[tuple[str, str]]] = {}
    for path in find_cargo_locks(sources, wanted, folder):
        text = text_of_file(folder / path, errors="replace")
        named = parse_cargo_lock(text, path)
        registry |= {crate.file: crate for crate in named.registry}
        for crates in named.git:
            git.setdefault(crates.source, set()).update(crates.crates)
    return NamedCrates(
        tuple(registry[file] for file in sorted(registry)),
        tuple(GitCrates(source, tuple(sorted(git[source]))) for source in sorted(git)),
    )
