"""Publish to a GitHub release: fill a draft, then make it public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.network.api import Api, FilePart
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.publishing.publish import (
    ReleaseFile,
    Request,
    conflict,
    not_uploaded,
    overtaken,
)
from cgo_prebuilt.releases.github_api import Asset, GitHubApi, Release
from cgo_prebuilt.url import Url

_UPLOADED = "uploaded"


class GitHubRelease:
    """The release of a tag; see `publish.Destination`.

    Args:
        api: The repository's releases.
        tag: The tag.
        session: Sends the files.
        progress: Receives the progress.
    """

    def __init__(
        self,
        api: GitHubApi,
        tag: str,
        session: Api,
        progress: Progress,
    ) -> None:
        self._api = api
        self._tag = tag
        self._session = session
        self._progress = progress
        self._release: Release | None = None
        self._remains: list[Asset] = []  # incomplete files of interrupted uploads

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `Destination.existing`. What an interrupted upload left does not count."""
        release = self._api.find(self._tag)
        self._release = release
        if release is None:
            return {}
        assets = self._api.assets(release)
        ours = [assets[name] for name in names if name in assets]
        self._remains = [asset for asset in ours if asset.state != _UPLOADED]
        return {one.name: self._sha256_of(one) for one in ours if one.state == _UPLOADED}

    def text(self, name: str) -> str | None:
        """See `Destination.text`."""
        release = self._api.find(self._tag)
        asset = None if release is None else self._api.assets(release).get(name)
        return None if asset is None else self._api.text(asset)

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """See `Destination.plan`."""
        release, url = self._release, str(self._api.url)
        planned = [Request("DELETE", f"{url}/assets/{asset.id}", 0) for asset in self._remains]
        if release is None:
            planned.append(Request("POST", url, 0))
        at = str(release.upload_url) if release is not None else f"{url}/RELEASE/assets"
        planned += [Request("POST", f"{at}?name={file.name}", file.size) for file in files]
        if release is None or release.draft:
            planned.append(Request("PATCH", f"{url}/{release.id if release else 'RELEASE'}", 0))
        return planned

    def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
        """See `Destination.send`. The file is sent again if the connection breaks."""
        while self._remains:
            self._api.delete(self._remains.pop())
        if self._release is None:
            self._release = self._draft()
        elif replaces is not None:
            asset = self._api.assets(self._release).get(file.name)
            if asset is None or self._sha256_of(asset) != replaces:
                raise overtaken(file.name, self._release.page)
            self._api.delete(asset)
        url = Url(f"{self._release.upload_url.raw}?{urlencode({'name': file.name})}")
        progress = self._progress.start(file.name, file.size)
        try:
            self._session.retrying(lambda: self._upload(file, url, progress), url)
        except Failure as failure:
            progress.done("failed")
            raise not_uploaded(file, failure, url) from None
        progress.done("done")

    def _upload(self, file: ReleaseFile, url: Url, progress: FileProgress) -> None:
        try:
            reply = self._session.send_file("POST", url, FilePart(file.path), progress)
        except Failure:
            if self._arrived(file):  # the file arrived, only the answer was lost
                return
            raise
        if reply.status != 422 or b"already_exists" not in reply.content:
            self._check(file, reply)
        elif not self._arrived(file):
            raise Failure(Kind.TRUNCATED, "an incomplete file of an earlier upload was in the way")

    def finish(self) -> str:
        """See `Destination.finish`."""
        if self._release is None:
            self._release = self._draft()
        if self._release.draft:
            self._release = self._api.make_public(self._release)
        return str(self._release.page)

    def _draft(self) -> Release:
        """Create the draft, or find it if only the response was lost."""
        sent = False

        def make() -> Release:
            nonlocal sent
            found = self._api.find(self._tag) if sent else None
            sent = True
            return found or self._api.create_draft(self._tag)

        try:
            return self._session.retrying(make, self._api.url)
        except Failure as failure:
            raise failure.error(f"the draft of {self._tag} cannot be made", self._api.url) from None

    def _arrived(self, file: ReleaseFile) -> bool:
        """Return whether a file arrived after all; delete an incomplete one.

        Raises:
            IntegrityError: A different one is there, from a concurrent publisher.
        """
        assert self._release is not None
        asset = self._api.assets(self._release).get(file.name)
        if asset is None:
            return False
        if asset.state != _UPLOADED:
            self._api.delete(asset)
            return False
        if self._sha256_of(asset) != file.sha256:
            raise conflict([file.name])
        return True

    def _check(self, file: ReleaseFile, reply: Reply) -> None:
        """Compare GitHub's size and digest with those of the sent file."""
        asset = self._api.uploaded(reply)
        if asset.name != file.name:
            self._api.delete(asset)
            raise UsageError(
                f"GitHub changes the name {file.name} to {asset.name}",
                where=file.name,
                remedy="use letters, digits, dots, dashes and underscores in 'archives'",
            )
        if asset.sha256 is not None and asset.sha256 != file.sha256:
            self._api.delete(asset)
            raise IntegrityError(
                f"{file.name} arrived damaged: GitHub has the SHA-256 {asset.sha256},"
                f" it is {file.sha256}",
                where=asset.url,
                remedy="run it again; the damaged file was deleted",
            )

    def _sha256_of(self, asset: Asset) -> str:
        if asset.sha256 is not None:
            return asset.sha256
        # A file that was just deleted does not count as another's.
        return self._session.sha256_of(asset.url, {"Accept": "application/octet-stream"}) or ""
