"""Downloads of `lock`, kept in the store so that nothing is downloaded twice.

Each is a tree of one file, named by its hash. A record keeps the URL that it came from and the server's
validator: if the server confirms that the file is unchanged, it is not downloaded again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.archives.bytestream import ByteStream, SeekableStream, save
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.files.renames import named_in_errors, write_atomically
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.storage.results import result_key
from cgo_prebuilt.storage.tree import tree_key
from cgo_prebuilt.strict_json import parse_json

if TYPE_CHECKING:
    from cgo_prebuilt.download import Download
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.storage.store import Store
    from cgo_prebuilt.url import Url

_SUFFIX = ".url"
LABEL = "archive "
"""The prefix of these trees' labels."""
MOST_BYTES = 5_000_000_000
"""The most bytes to keep: two releases of a large library, for eight platforms each."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A stored download: path, SHA-256 and size."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class _Record:
    """A URL's last response: file name, SHA-256, size and validator."""

    file: str
    sha256: str
    size: int
    validator: str

    def as_file(self) -> LockedFile:
        return LockedFile(self.file, self.sha256, self.size)


def find_download(store: Store, file: str, sha256: str, size: int) -> Path | None:
    """Find a stored download by a lock's entry; None if missing."""
    files = (LockedFile(file, sha256, size),)
    tree = store.find(tree_key(files), files)
    return None if tree is None else tree.files / file


class KeptDownloads:
    """A downloader that keeps its files in a store.

    Args:
        store: The store.
        transport: Downloads the files.
        is_unchanged: Asks a server whether a validator's file is unchanged; raises any exception if it
            cannot tell.
        say: Called with a message for each file that need not be downloaded.
    """

    def __init__(
        self,
        store: Store,
        transport: Transport,
        is_unchanged: Callable[[Url, str], bool],
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._transport = transport
        self._is_unchanged = is_unchanged
        self._say = say

    def run(self, download: Download, consume: Callable[[ByteStream], object]) -> tuple[str, int]:
        """Fetch a download, or reuse the stored one if the server's is unchanged.

        Args:
            download: The file, whose hash is unknown. Files of `file://` URLs are not kept.
            consume: Reads it from its first byte.

        Returns:
            Its SHA-256 and size.

        Raises:
            UnavailableError: It cannot be fetched from any URL.
            IntegrityError: It changed while it was written.
            UsageError: The store cannot be written.
            Exception: Whatever `consume` raises.
        """
        if any(url.scheme == "file" for url in download.urls):
            got = self._transport.run(download, consume)
            return got.sha256, got.size
        key = result_key("download", [url.raw for url in download.urls])
        with self._store.exclusive(key):
            found = (self._still_there(download.file, url) for url in download.urls)
            kept = next(filter(None, found), None)
            if kept is None:
                kept = self._download(download, key)
            else:
                self._say(f"{download.file} has not changed, and is in the store")
        with kept.path.open("rb") as file:
            consume(SeekableStream(file))
        return kept.sha256, kept.size

    def trim(self) -> None:
        """Remove the least recently used downloads, and their records, beyond a limit."""
        self._store.prune(max_size=MOST_BYTES, now=time.time(), label=LABEL)
        there = {tree.key for tree in self._store.list()}
        with suppress(OSError):
            for place in self._store.results.glob(f"*{_SUFFIX}"):
                record = _read(place)
                if record is None or tree_key((record.as_file(),)) not in there:
                    place.unlink(missing_ok=True)

    def _still_there(self, file: str, url: Url) -> _Kept | None:
        record = _read(self._place(url))
        if record is None:
            return None
        tree = self._store.find(tree_key((record.as_file(),)), (record.as_file(),))
        if (
            record.file != file or tree is None or not tree.is_own
        ):  # ignore another user's record of a URL
            return None
        try:
            if not self._is_unchanged(url, record.validator):
                return None
        except Exception:  # if the problem persists, the download reports it
            return None
        return _Kept(tree.files / file, record.sha256, record.size)

    def _download(self, download: Download, key: str) -> _Kept:
        file = download.file
        with self._store.staging(key) as staging:
            saved = ""

            def consume(stream: ByteStream) -> None:
                nonlocal saved
                saved = save(stream, staging / file)

            with named_in_errors(staging / file):
                got = self._transport.run(download, consume)
            if saved != got.sha256:
                raise IntegrityError(
                    "it changed while it was downloaded", where=got.url, remedy="lock it again"
                )
            files = (LockedFile(file, got.sha256, got.size),)
            tree = self._store.publish(staging, tree_key(files), files, LABEL + file)
        if got.validator is not None:
            with suppress(OSError):
                place = self._place(got.url)
                place.parent.mkdir(mode=0o700, exist_ok=True)
                record = _Record(file, got.sha256, got.size, got.validator)
                write_atomically(place, json.dumps(asdict(record)).encode())
        return _Kept(tree.files / file, got.sha256, got.size)

    def _place(self, url: Url) -> Path:
        return self._store.results / f"{result_key('url', url.raw)}{_SUFFIX}"


def _read(place: Path) -> _Record | None:
    try:
        raw = parse_json(place.read_bytes())
        record = _Record(raw["file"], raw["sha256"], raw["size"], raw["validator"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    texts = (record.file, record.sha256, record.validator)
    is_sound = all(isinstance(text, str) for text in texts) and type(record.size) is int
    return record if is_sound else None
