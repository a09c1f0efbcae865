"""Reads what a release says of itself, over the network or from a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.network.address import file_of
from cgo_prebuilt.network.api_session import ApiSession
from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite
from cgo_prebuilt.releases.release_digests import sums_url
from cgo_prebuilt.releases.sums import SIGNATURE, SUMS

# What servers answer for a file that is not there; an S3 that may not be listed says 403.
_ABSENT = (401, 403, 404, 410)


class ReleaseReader:
    """Reads small texts beside archives, and asks GitHub for its digests.

    Args:
        site: Where GitHub is.
        session: For everything but GitHub; may use netrc.
        github: For GitHub, with the site's headers.
    """

    def __init__(self, site: GitHubSite, session: ApiSession, github: ApiSession) -> None:
        self._site = site
        self._session = session
        self._github = github

    def text(self, url: str) -> str | None:
        """A small text; None where there is none.

        Raises:
            UnavailableError: It cannot be read.
            IntegrityError: It is not UTF-8.
        """
        content = self._content(url)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError:
            raise IntegrityError("it is not a text in UTF-8", where=url) from None

    def assets(self, url: str) -> tuple[str, Mapping[str, str]] | None:
        """The digests of the release that a URL is of; None where it is of no release on GitHub.

        Raises:
            CgoPrebuiltError: GitHub cannot be asked.
        """
        address = self._site.asset_of(url)
        if address is None:
            return None
        api = GitHubApi(self._site, address.repository, self._github)
        release = api.published(address.tag)
        if release is None:
            return None
        assets = api.assets(release)
        return release.page, {name: one.sha256 for name, one in assets.items() if one.sha256}

    def _content(self, url: str) -> bytes | None:
        try:
            path = file_of(url)
            if path is not None:
                return Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnavailableError(f"it cannot be read: {error}", where=url) from None
        reply = self._session.ask(url)
        if reply.status in _ABSENT:
            return None
        if reply.status != 200:
            raise UnavailableError(f"HTTP {reply.status}", where=url)
        return reply.content


def read_signature(
    public_key: str, urls: Iterable[str], read_text: Callable[[str], str | None]
) -> Signature:
    """The signature of a release, from beside its archives.

    Args:
        public_key: Whose it is to be.
        urls: Where the archives are.
        read_text: Reads a small text; None where there is none.

    Raises:
        IntegrityError: There is none.
    """
    places = list(dict.fromkeys(map(sums_url, urls)))
    for place in places:
        sums, signature = read_text(place), read_text(f"{place.removesuffix(SUMS)}{SIGNATURE}")
        if sums is not None and signature is not None:
            return Signature(public_key, sums, signature)
    raise IntegrityError(
        f"the manifest has a public key, but there is no {SIGNATURE} beside the archives",
        where=", ".join(places),
        remedy="publish the release with `cgo-prebuilt pack --sign KEY`, or do not trust it",
    )
