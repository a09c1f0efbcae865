"""Publish to a folder, or to a server that takes PUT."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from cgo_prebuilt.bounded_read import bytes_of_file
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, reporting
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.renames import atomic_file
from cgo_prebuilt.network.api import Api, FilePart
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.publishing.publish import (
    ReleaseFile,
    Request,
    conflict,
    not_uploaded,
    overtaken,
    refusal,
)
from cgo_prebuilt.url import Url


class FolderPlace:
    """A folder, perhaps one that a file server or an object store's client serves.

    Args:
        folder: The folder; created if missing.
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
        return bytes_of_file(path).decode(errors="replace") if path.exists() else None

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """See `publish.Destination`."""
        return [Request("copy", str(self._folder / file.name), file.size) for file in files]

    def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
        """See `publish.Destination`. The file gets its name only when complete."""
        with reporting(
            "the file cannot be written",
            where=self._folder / file.name,
            remedy="check the folder's permissions and the space that is left",
        ):
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self._folder)
            with atomic_file(self._folder / file.name) as partial:
                shutil.copyfile(file.path, partial)
                there = self.existing([file.name]).get(file.name)
                if there not in (replaces, file.sha256):
                    raise _taken(file.name, self._folder / file.name, replaces)

    def finish(self) -> str:
        """See `publish.Destination`."""
        return str(self._folder)


class PutPlace:
    """A server that takes a file by PUT (RFC 9110 9.3.4): WebDAV, Artifactory, GitLab, S3 behind a proxy.

    Args:
        base: A base URL, or a template with `{file}` in it.
        session: Sends the requests.
        progress: Receives the progress of the files.
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
        """Return a file's destination URL."""
        return self._template.map(lambda text: text.replace("{file}", quote(name)))

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `publish.Destination`. A server's ETag is not a hash, so the bytes are read."""
        found = {name: self._session.sha256_of(self.url_of(name)) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    def text(self, name: str) -> str | None:
        """See `publish.Destination`. If the server has ETags, only the text just read can be replaced."""
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

    def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
        """See `publish.Destination`. `If-None-Match: *` keeps a server from replacing a file.

        Most servers ignore that, so each try checks first; a race remains during the PUT itself.
        """
        url = self.url_of(file.name)
        etag = self._etags.get(file.name, "")
        condition = {"If-None-Match": "*"}
        if replaces is not None:
            condition = {"If-Match": etag} if etag else {}
        attempt = _Put(self._session, file, url, condition, replaces)
        progress = self._progress.start(file.name, file.size)
        try:
            self._session.retrying(lambda: attempt.run(progress), url)
        except Failure as failure:
            progress.done("failed")
            raise not_uploaded(file, failure, url) from None
        progress.done("done")

    def finish(self) -> str:
        """See `publish.Destination`."""
        return str(self.url_of(""))


class _Put:
    """An upload by PUT, with retries.

    Args:
        session: Sends the requests.
        file: The file.
        url: Its URL.
        condition: Conditional headers, with which a server that supports them replaces nothing else.
        replaces: The SHA-256 of the file that it replaces.
    """

    def __init__(
        self,
        session: Api,
        file: ReleaseFile,
        url: Url,
        condition: Mapping[str, str],
        replaces: str | None,
    ) -> None:
        self._session = session
        self._file = file
        self._url = url
        self._condition = condition
        self._replaces = replaces
        self._is_lost = False

    def run(self, progress: FileProgress) -> None:
        """Send it, unless it is there.

        Raises:
            Failure: It failed; a retry may succeed.
            IntegrityError: A different file is there.
        """
        if self._has_arrived(self._replaces):
            return
        try:
            part = FilePart(self._file.path)
            reply = self._session.send_file("PUT", self._url, part, progress, self._condition)
        except Failure:
            if self._has_arrived(self._replaces):  # the file arrived, only the answer was lost
                return
            raise
        # 412, or 409 from some servers: another publisher was first, perhaps with the same bytes.
        if not (200 <= reply.status < 300 or reply.status in (409, 412)):
            raise refusal(reply)
        if self._has_arrived(None):
            return
        failure = refusal(reply)
        said, remedy = failure.reason, failure.remedy
        if 200 <= reply.status < 300:
            said = f"the server answered HTTP {reply.status} {reply.reason}"
            remedy = "check that a GET at the URL gives what a PUT there stored"
        # Check a second time, in case the server was only slow.
        kind = Kind.STATUS if self._is_lost else Kind.TRUNCATED
        self._is_lost = True
        raise Failure(
            kind,
            f"{said}; the file is not there afterwards",
            remedy=remedy,
            status=reply.status,
        )

    def _has_arrived(self, otherwise: str | None) -> bool:
        """Return whether the file arrived; refuse contents other than its own or `otherwise`."""
        there = self._session.sha256_of(self._url)
        if there not in (self._file.sha256, otherwise, None):
            raise _taken(self._file.name, self._url, self._replaces)
        return there == self._file.sha256


def _taken(name: str, where: Url | Path, replaces: str | None) -> IntegrityError:
    if replaces is not None:
        return overtaken(name, where if isinstance(where, Url) else str(where))
    return conflict([name])
