"""Read a release's own texts, over the network or from a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cgo_prebuilt.bounded_read import open_file
from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.failure import CHECK_NETWORK, Failure, status_failure
from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite
from cgo_prebuilt.releases.registry_reader import RegistryReader
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS

# The statuses for a missing file; S3 without the right to list answers 403.
_ABSENT = (401, 403, 404, 410)
_LARGEST_TEXT = 1 << 20
"""The largest text; a `SHA256SUMS` of ten thousand files fits."""


class ReleaseReader:
    """A reader of small texts beside archives, and of GitHub's digests.

    Args:
        site: The GitHub site.
        session: Sends requests for texts.
        github: Sends requests to GitHub's API, with its headers.
        registry: Finds the blobs of registries; None if no registry is used.

    Attributes:
        days: The publication days of the requested GitHub releases.
    """

    def __init__(
        self,
        site: GitHubSite,
        session: Api,
        github: Api,
        registry: RegistryReader | None = None,
    ) -> None:
        self._registry = registry
        self._site = site
        self._session = session
        self._github = github
        self.days: set[str] = set()

    def text(self, url: Url) -> str | None:
        """Return a small text; None if it does not exist.

        Raises:
            UnavailableError: It cannot be read.
            IntegrityError: It is not UTF-8.
        """
        place = url if self._registry is None else self._registry.file_beside(url)
        content = None if place is None else self._content(place)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError:
            raise IntegrityError(
                "it is not a text in UTF-8",
                where=url,
                remedy="ask the publisher to publish that file again",
            ) from None

    def guess(self, url: Url) -> str | None:
        """Return a text that may not exist, without retries; a failure means it does not."""
        place = url if self._registry is None else self._registry.file_beside(url)
        if place is None or place.scheme == "file":
            return None if place is None else self.text(url)
        try:
            reply = self._session.send_once("GET", place, most=_LARGEST_TEXT)
        except Failure:
            return None
        return reply.content.decode("utf-8", "replace") if reply.status == 200 else None

    def assets(self, url: Url) -> tuple[Url, Mapping[str, str]] | None:
        """Return the digests of a URL's release; None outside of GitHub.

        Raises:
            CgoPrebuiltError: GitHub cannot be reached.
        """
        address = self._site.asset_of(url)
        if address is None:
            return None
        api = GitHubApi(self._site, address.repository, self._github)
        release = api.published(address.tag)
        if release is None:
            return None
        if release.day:
            self.days.add(release.day)
        assets = api.assets(release)
        return release.page, {name: one.sha256 for name, one in assets.items() if one.sha256}

    def _content(self, url: Url) -> bytes | None:
        try:
            path = url.file()
            if path is not None:
                with open_file(Path(path)) as file:
                    content = file.read(_LARGEST_TEXT + 1)
                if len(content) > _LARGEST_TEXT:
                    raise ValueError(f"more than {_LARGEST_TEXT} bytes")
                return content
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"it cannot be read: {getattr(error, 'strerror', None) or error}",
                where=url,
                remedy="check that the file can be read, and is a short text",
            ) from None
        reply = self._session.ask(url, _LARGEST_TEXT)
        if reply.status in _ABSENT:
            return None
        if reply.status != 200:
            failure = status_failure(reply.status, reply.reason, None)
            raise failure.error("it cannot be read", url, CHECK_NETWORK)
        return reply.content


def read_signature(
    public_key: str, urls: Iterable[Url], read_text: Callable[[Url], str | None]
) -> Signature:
    """Return a release's signature from beside its archives.

    Args:
        public_key: The expected signer.
        urls: The URLs of the archives.
        read_text: Reads a small text; returns None if it does not exist.

    Raises:
        IntegrityError: It does not exist.
    """
    places = list(dict.fromkeys(url.sibling(SUMS) for url in urls))
    for place in places:
        sums, signature = read_text(place), read_text(place.sibling(SIGNATURE))
        if sums is not None and signature is not None:
            return Signature(public_key, sums, signature)
    raise IntegrityError(
        f"the manifest has a public key, but there is no {SIGNATURE} beside the archives",
        where=", ".join(map(str, places)),
        remedy="publish the release with `cgo-prebuilt pack --sign KEY`, or do not trust it",
    )
