"""A library in the store: its files, its interface, and its origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cgo_prebuilt.network.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from cgo_prebuilt.locks.lock import Interface, LockedFile
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.storage.tree import Tree

CACHED, DOWNLOADED, BUILT = "cached", "downloaded", "built"


@dataclass(frozen=True, slots=True)
class StoredLibrary:
    """A library in the store, wherever it came from.

    Attributes:
        tree: Its files.
        files: The files with their hashes, sorted by path.
        interface: How they are compiled and linked.
        version: The library's release.
        platform: Its platform.
        status: `CACHED`, `DOWNLOADED` or `BUILT`.
        tally: The requests and bytes that it took, including failed attempts.
        reason: Why the fetch fell back to a source build, or None.
    """

    tree: Tree
    files: tuple[LockedFile, ...]
    interface: Interface
    version: str
    platform: Platform
    status: str
    tally: Tally = field(default_factory=Tally)
    reason: str | None = None

    def report(self, output: Path) -> dict[str, object]:
        """Return the answer of `cgo-prebuilt fetch --json`.

        Args:
            output: The folder with the files.

        Returns:
            `files` are relative to `output`; `bytes_resumed` counts bytes of an earlier, interrupted run.
        """
        return {
            "status": self.status,
            "platform": str(self.platform),
            "version": self.version,
            "output": str(output),
            "files": [file.path for file in self.files],
            "requests": self.tally.requests,
            "bytes_downloaded": self.tally.downloaded,
            "bytes_resumed": self.tally.resumed,
            "reason": self.reason,
        }
