"""An archive that the store keeps unextracted: a source's, or a crate's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.files.renames import named_in_errors
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.tree import tree_key

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.settings import Settings
    from cgo_prebuilt.storage.store import Store, Tree


@dataclass(frozen=True, slots=True)
class Downloads:
    """Where the archives of sources and crates come from, and the store that keeps them.

    Attributes:
        settings: The settings for the library.
        store: The store.
        open_transport: Creates the transport; called only if something must be downloaded.
        environ: The caller's environment, for git.
        on_wait: Called if another process is fetching the same.
    """

    settings: Settings
    store: Store
    open_transport: Callable[[], Transport]
    environ: Mapping[str, str]
    on_wait: Callable[[], None] | None = None


Make = Callable[[Path], None]
"""Makes an archive at a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArchive(Download):
    """An archive, by its hash.

    Attributes:
        label: Its description, for people.
        store: The store that keeps it.
        make: Creates it at a path if it cannot be downloaded; None if it cannot be created.
    """

    sha256: str
    label: str
    store: Store
    make: Make | None = None

    def find(self) -> Tree | None:
        """Return the store's tree of this archive alone, or None."""
        result = Results(self.store.results).get(self._key)
        # The result adds only the size: the rest is in the lock.
        known = [(file.path, file.sha256) for file in result.files] if result else []
        if result is None or known != [(self.file, self.sha256)]:
            return None
        tree = self.store.find(tree_key(result.files), result.files)
        return tree if tree is not None and tree.is_own else None

    def obtain(
        self, open_transport: Callable[[], Transport], on_wait: Callable[[], None] | None = None
    ) -> Path:
        """Return the file in the store; download it if missing.

        Args:
            open_transport: Creates the transport; called only if something must be downloaded.
            on_wait: Called if another process is fetching the same.

        Raises:
            UnavailableError: It cannot be fetched, or the settings are offline.
            IntegrityError: The received bytes do not match.
        """
        with self.store.exclusive(self._key, on_wait=on_wait):
            tree = self.find()
            if tree is None:
                tree = self._publish(lambda target: self._fetch_or_make(target, open_transport))
        return tree.files / self.file

    def put(self, path: Path) -> None:
        """Keep an existing file as the archive."""

        def copy(target: Path) -> int:
            shutil.copyfile(path, target)
            return target.stat().st_size

        with self.store.exclusive(self._key):
            if self.find() is None:
                self._publish(copy)

    def _publish(self, write: Callable[[Path], int]) -> Tree:
        with self.store.staging(self._key) as staging:
            with named_in_errors(staging / self.file):
                size = write(staging / self.file)
            files = (LockedFile(self.file, self.sha256, size),)
            tree = self.store.publish(staging, tree_key(files), files, self.label)
        Results(self.store.results).put(self._key, None, files)
        return tree

    def _fetch_or_make(self, target: Path, open_transport: Callable[[], Transport]) -> int:
        if self.urls or self.make is None:
            return self._download(target, open_transport)
        self.make(target)
        sha256, size = sha256_of(target)
        if sha256 != self.sha256:
            raise IntegrityError(
                f"{self.label} are not those that the lock names",
                where=self.file,
                remedy="lock it again, if Cargo.lock was changed; otherwise do not use them",
            )
        return size

    @property
    def _key(self) -> str:
        return result_key("source archive", [self.sha256, self.file])

    def _download(self, target: Path, open_transport: Callable[[], Transport]) -> int:
        from cgo_prebuilt.archives.bytestream import save

        if not self.urls:
            raise UnavailableError(
                f"offline, and {self.label} is not in the store",
                where=self.file,
                remedy="fetch it once with a network, or set CGO_PREBUILT_MIRROR to a file:// folder"
                " that has it",
            )
        return open_transport().run(self, lambda stream: save(stream, target, self.sha256)).size
