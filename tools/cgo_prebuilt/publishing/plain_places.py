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
from cgo_prebuilt.publishing.publish import KEPT, ReleaseFile, Request, conflict, refusal
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

    def text(self, name: str) -> str | None:
        """See `publish.Destination`."""
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """See `publish.Destination`."""
        return [Request("copy", str(self._folder / file.name), file.size) for file in files]

    def send(self, file: ReleaseFile, *, replaces: bool = False) -> None:
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
        self._etags: dict[str, str] = {}
        self._session = session
        self._progress = progress

    def url_of(self, name: str) -> Url:
        """Where a file goes."""
        return self._template.map(lambda text: text.replace("{file}", quote(name)))

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `publish.Destination`. A server's ETag says nothing of a hash, so the bytes are read."""
        found = {name: self._session.sha256_of(self.url_of(name)) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    def text(self, name: str) -> str | None:
        """See `publish.Destination`. A replacement is for these bytes alone, where the server has ETags."""
        reply = self._session.ask(self.url_of(name))
        if reply.status in (404, 410):
            return None
        if reply.status != 200:
            raise refusal(reply).error(f"{name} cannot be read", reply.url)
        self._etags[name] = reply.headers.get("etag", "")
        return reply.content.decode(errors="replace")

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """See `publish.Destination`."""
        return [Request("PUT", str(self.url_of(file.name)), file.size) for file in files]

    def send(self, file: ReleaseFile, *, replaces: bool = False) -> None:
        """See `publish.Destination`. `If-None-Match: *` keeps a server from replacing a file."""
        url = self.url_of(file.name)
        etag = self._etags.get(file.name, "")
        condition = {"If-None-Match": "*"}
        if replaces:
            condition = {"If-Match": etag} if etag else {}
        progress = self._progress.start(file.name, file.size)
        try:
            self._session.retrying(lambda: self._put(file, url, progress, condition), url)
        except Failure as failure:
            progress.done("failed")
            raise failure.error(f"{file.name} cannot be uploaded", url, KEPT) from None
        progress.done("done")

    def _put(
        self, file: ReleaseFile, url: Url, progress: FileProgress, condition: Mapping[str, str]
    ) -> None:
        lost: Failure | None = None
        try:
            reply = self._session.send_file("PUT", url, file.path, progress, condition)
        except Failure as failure:
            lost = failure  # it may have arrived
        else:
            # 412, or some servers' 409: somebody else was first, perhaps with the same bytes.
            if not (200 <= reply.status < 300 or reply.status in (409, 412)):
                raise refusal(reply)
        arrived = self._session.sha256_of(url)
        if arrived is None:
            raise lost or Failure(Kind.TRUNCATED, "it is not there afterwards")
        if arrived != file.sha256:
            raise conflict([file.name])

    def finish(self) -> str:
        """See `publish.Destination`."""
        return str(self.url_of(""))
