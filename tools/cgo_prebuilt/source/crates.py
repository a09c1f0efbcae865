"""The crates of a source, fetched by the checksums of its `Cargo.lock`: cargo then needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import BuildError
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.releases.sums import SUMS, write_sums
from cgo_prebuilt.source.cargo_lock import CARGO_LOCK, Crate, cargo_locks, parse_cargo_lock
from cgo_prebuilt.source.source_files import copy_files, extract_source
from cgo_prebuilt.source.source_tree import SourceOf
from cgo_prebuilt.source.stored_archive import StoredArchive

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.settings import Settings
    from cgo_prebuilt.storage.store import Store

_AT_ONCE = 8
_CHECKSUM = ".cargo-checksum.json"


@dataclass(frozen=True, slots=True)
class Crates:
    """What fetches the crates of a source.

    Attributes:
        wanted: The source.
        settings: Where from.
        store: Where to.
        open_transport: Makes the transport, where something must be downloaded.
    """

    wanted: SourceOf
    settings: Settings
    store: Store
    open_transport: Callable[[], Transport]

    def archives(self, source: Path) -> list[StoredArchive]:
        """The archives of the crates that a source names.

        Args:
            source: Its folder.

        Raises:
            BuildError: It has no `Cargo.lock`, or one that names more than crates of crates.io.
        """
        return [self._stored(crate) for crate in crates_of(self.wanted, source)]

    def unpack(self, source: Path, target: Path) -> None:
        """Puts the crates of a source where cargo takes them in place of a registry.

        Args:
            source: Its folder.
            target: Where to: a "directory source" of cargo.

        Raises:
            BuildError: See `archives`.
            UnavailableError: A crate cannot be fetched.
            IntegrityError: A crate is not what `Cargo.lock` names.
        """
        crates = crates_of(self.wanted, source)
        for crate, archive in zip(crates, self._fetch(crates), strict=True):
            folder = target / crate.folder
            if not (folder / _CHECKSUM).is_file():
                extract_source(archive, "tar.gz", crate.folder, folder)
                # The archive was verified; cargo compares `package` with Cargo.lock.
                content = json.dumps({"files": {}, "package": crate.sha256})
                (folder / _CHECKSUM).write_text(content)

    def put(self, source: Path, target: Path) -> list[str]:
        """Puts the archives of a source's crates into a folder, with their sums.

        Args:
            source: The source's folder.
            target: Where to.

        Returns:
            The archives' names.
        """
        crates = crates_of(self.wanted, source)
        archives = self._fetch(crates)
        files = {crate.file: path for crate, path in zip(crates, archives, strict=True)}
        copy_files(files, target)
        write_sums(target / SUMS, {crate.file: crate.sha256 for crate in crates})
        return list(files)

    def _fetch(self, crates: tuple[Crate, ...]) -> list[Path]:
        """The crates' archives in the store, in the same order."""
        from concurrent.futures import ThreadPoolExecutor

        stored = [self._stored(crate) for crate in crates]
        if all(archive.find() is not None for archive in stored):
            return [archive.obtain(self.open_transport) for archive in stored]
        transport = self.open_transport()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            pending = [pool.submit(archive.obtain, lambda: transport) for archive in stored]
            try:
                return [one.result() for one in pending]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                transport.stop()
                raise

    def _stored(self, crate: Crate) -> StoredArchive:
        urls = urls_to_try(
            [crate.url],
            crate.file,
            name=self.wanted.name,
            version=self.wanted.version,
            platform=self.wanted.platform,
            settings=self.settings,
        )
        label = f"the crate {crate.name} {crate.version}"
        return StoredArchive(crate.file, crate.sha256, urls, label, self.store)


def find_cargo_locks(wanted: SourceOf, source: Path) -> list[str]:
    """The paths of a source's `Cargo.lock`, one for each of cargo's steps.

    Raises:
        BuildError: There is none.
    """
    found = []
    for candidates in cargo_locks(wanted.source.steps):
        there = next((path for path in candidates if (source / path).is_file()), None)
        if there is None:
            raise BuildError(
                f"the source of {wanted.name} {wanted.version} has no {CARGO_LOCK}, which 'vendor'"
                " takes the crates from",
                where=str(source / candidates[0]),
                remedy="commit it, or name the manifest in 'args': --manifest-path",
            )
        found.append(there)
    return list(dict.fromkeys(found))


def crates_of(wanted: SourceOf, source: Path) -> tuple[Crate, ...]:
    """The crates that a source's `Cargo.lock` names, sorted; see `Crates.archives`."""
    crates: dict[str, Crate] = {}
    for path in find_cargo_locks(wanted, source):
        text = (source / path).read_text(encoding="utf-8", errors="replace")
        for crate in parse_cargo_lock(text, path):
            crates[crate.file] = crate
    return tuple(crates[file] for file in sorted(crates))
