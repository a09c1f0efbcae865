"""Places without releases of their own to publish to: a folder, and a server that takes a PUT."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.renames import whole
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.publishing.publish import KEPT, ReleaseFile, conflict
from cgo_prebuilt.url import Url


class FolderPlace:
    """A folder, such as one that a file server or an object store's own client serves from.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `publish.Destination`."""
        return {
            name: sha256_of(self._folder / name)[0]
            for name in names
            if (self._folder / name).exists()
        }

    def send(self, file: ReleaseFile) -> None:
        """See `publish.Destination`. The file has its name only when it is whole."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self._folder)
            with whole(self._folder / file.name) as partial:
                shutil.copyfile(file.path, partial)
        except OSError as error:
            raise UsageError(
                f"the file cannot be written: {error.strerror}",
                where=str(self._folder / file.name),
                remedy="check the folder's permissions and the space that is left",
            ) from None

    def finish(self) -> str:
        """See `publish.Destination`."""
        return str(self._folder)


class PutPlace:
    """A server that takes a file by PUT (RFC 9110 9.3.4): WebDAV, Artifactory, GitLab, S3 behind a proxy.

    Args:
        base: A base URL, or a template with `{file}` in it.
        session: Sends the requests.
        progress: Says how far the files are.
    """

    def __init__(
        self,
        base: Url,
        session: Api,
        progress: Progress,
    ) -> None:
        self._template = base.below("{file}")
        self._session = session
        self._progress = progress

    def url_of(self, name: str) -> Url:
        """Where a file goes."""
        return self._template.map(lambda text: text.replace("{file}", quote(name)))

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `publish.Destination`. A server's ETag says nothing of a hash, so the bytes are read."""
        found = {name: self._sha256_at(self.url_of(name)) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    def send(self, file: ReleaseFile) -> None:
        """See `publish.Destination`. `If-None-Match: *` keeps a server from replacing a file."""
        url = self.url_of(file.name)
        progress = self._progress.start(file.name, file.size)
        try:
            self._session.retrying(lambda: self._put(file, url, progress), url)
        except Failure as failure:
            progress.done("failed")
            raise failure.error(f"{file.name} cannot be uploaded", url, KEPT) from None
        progress.done("done")

    def _put(self, file: ReleaseFile, url: Url, progress: FileProgress) -> None:
        lost: Failure | None = None
        try:
            headers = {"If-None-Match": "*"}
            status = self._session.send_file("PUT", url, file.path, progress, headers).status
        except Failure as failure:
            lost, status = failure, 412  # it may have arrived, as when somebody else was first
        if not (200 <= status < 300 or status in (409, 412)):
            raise _refused(url, status)
        arrived = self._sha256_at(url)
        if arrived is None:
            raise lost or Failure(Kind.TRUNCATED, "it is not there afterwards")
        if arrived != file.sha256:
            raise conflict([file.name])

    def finish(self) -> str:
        """See `publish.Destination`."""
        return str(self.url_of(""))

    def _sha256_at(self, url: Url) -> str | None:
        if self._session.send("HEAD", url).status in (404, 410):
            return None
        return self._session.sha256_of(url)


def _refused(url: Url, status: int) -> UsageError:
    return UsageError(
        f"the server refused: HTTP {status}",
        where=url,
        remedy="give credentials in netrc (NETRC), and check that the URL takes a PUT",
    )
