"""An archive that is kept in the store as it is: of a source, or of a crate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.tree import tree_key

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.storage.store import Store, Tree
    from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """An archive, by its hash.

    Attributes:
        file: Its file name.
        sha256: Of the whole, 64 lower-case hex digits.
        urls: Where it is to be taken from, in the order to try.
        label: What it is, for people.
        store: Where it is kept.
    """

    file: str
    sha256: str
    urls: tuple[Url, ...]
    label: str
    store: Store

    def find(self) -> Tree | None:
        """The tree of the store that has it, and nothing else; or None."""
        result = Results(self.store.results).get(self._key)
        # The result says only what its size is: the rest is the lock's.
        known = [(file.path, file.sha256) for file in result.files] if result else []
        if result is None or known != [(self.file, self.sha256)]:
            return None
        tree = self.store.find(tree_key(result.files), result.files)
        return tree if tree is not None and tree.is_own else None

    def obtain(
        self, open_transport: Callable[[], Transport], on_wait: Callable[[], None] | None = None
    ) -> Path:
        """The file in the store, downloaded first where it is not there.

        Args:
            open_transport: Makes the transport, where something must be downloaded.
            on_wait: Called where another process is at the same.

        Raises:
            UnavailableError: It cannot be fetched, or may not be.
            IntegrityError: What comes is something else.
        """
        with self.store.exclusive(self._key, on_wait=on_wait):
            tree = self.find()
            if tree is None:
                with self.store.staging(self._key) as staging:
                    size = self._download(staging / self.file, open_transport)
                    files = (LockedFile(self.file, self.sha256, size),)
                    tree = self.store.publish(staging, tree_key(files), files, self.label)
                Results(self.store.results).put(self._key, None, files)
        return tree.files / self.file

    @property
    def _key(self) -> str:
        return result_key("source archive", [self.sha256, self.file])

    def _download(self, target: Path, open_transport: Callable[[], Transport]) -> int:
        from cgo_prebuilt.archives.bytestream import save
        from cgo_prebuilt.network.transport import Download

        if not self.urls:
            raise UnavailableError(
                f"offline, and {self.label} is not in the store",
                where=self.file,
                remedy="fetch it once with a network, or set CGO_PREBUILT_MIRROR to a file:// folder"
                " that has it",
            )
        download = Download(self.file, self.urls, self.sha256, None)
        return open_transport().run(download, lambda stream: save(stream, target, self.sha256)).size
