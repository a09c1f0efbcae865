"""GitHub's REST API of releases, version 2022-11-28; of other servers, what behaves as it does.

https://docs.github.com/en/rest/releases/releases and .../releases/assets
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.locks.lock import DAY
from cgo_prebuilt.network.api_session import ApiSession, Reply
from cgo_prebuilt.network.credentials import github_token
from cgo_prebuilt.url import Url

_PAGE = 100
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_PRERELEASE = re.compile(
    r"(?<![0-9.])(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}-[0-9A-Za-z.-]+(?:\+[0-9A-Za-z.-]+)?\Z"
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class GitHubSite:
    """Where a GitHub is, as GitHub Actions tells it in the environment.

    Attributes:
        api: `GITHUB_API_URL`, without a slash at its end.
        server: `GITHUB_SERVER_URL`, likewise.
        token: `GITHUB_TOKEN` or `GH_TOKEN`, or None.
    """

    api: str
    server: str
    token: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> GitHubSite:
        """The site that an environment names; github.com where it names none.

        Raises:
            UsageError: The token cannot be sent.
        """
        return cls(
            (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
            (environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
            github_token(environ),
        )

    def headers(self) -> dict[str, str]:
        """Those of every request to the API."""
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def asset_of(self, url: Url) -> AssetAddress | None:
        """What a URL says where it is that of a release's asset, else None."""
        base = f"{self.server}/"
        parts = re.split(r"[?#]", url.raw, maxsplit=1)[0].removeprefix(base).split("/")
        if not url.raw.startswith(base) or len(parts) < 6 or parts[2:4] != ["releases", "download"]:
            return None
        owner, name, _, _, *tag, file = (unquote(part) for part in parts)
        return AssetAddress(f"{owner}/{name}", "/".join(tag), file)


@dataclass(frozen=True, slots=True)
class AssetAddress:
    """A file of a release: `OWNER/NAME`, the tag, and the file's name."""

    repository: str
    tag: str
    file: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release.

    Attributes:
        id: The API's number for it.
        name: The file's name.
        state: `uploaded`, or `starter` where an upload was cut off.
        size: In bytes.
        sha256: What GitHub says it is; None for a file from before June 2025.
        url: The API's address of it.
    """

    id: int
    name: str
    state: str
    size: int
    sha256: str | None
    url: Url


@dataclass(frozen=True, slots=True)
class Release:
    """A release.

    Attributes:
        id: The API's number for it.
        tag: Its tag.
        draft: Whether only the repository's owners see it.
        upload_url: Where to send a file, without the `{?name,label}` at its end.
        page: Where people see it.
        day: When it was published, such as `2026-11-28`; empty for a draft.
    """

    id: int
    tag: str
    draft: bool
    upload_url: Url
    page: Url
    day: str = ""


class GitHubApi:
    """The releases of one repository.

    Args:
        site: Where GitHub is.
        repository: `OWNER/NAME`.
        session: Sends the requests, with `site.headers()`.
    """

    def __init__(self, site: GitHubSite, repository: str, session: ApiSession) -> None:
        self._api = site.api
        self._base = f"{site.api}/repos/{repository}/releases"
        self._repository = repository
        self._session = session

    def published(self, tag: str) -> Release | None:
        """The release of a tag that everybody sees."""
        reply = self._session.ask(Url(f"{self._base}/tags/{quote(tag)}"))
        return None if reply.status == 404 else _release(self._good(reply))

    def find(self, tag: str) -> Release | None:
        """The release of a tag; a draft, too, which only the list of all of them has."""
        published = self.published(tag)
        if published is not None:
            return published
        drafts = map(_release, self._pages(Url(f"{self._base}?per_page={_PAGE}")))
        return next((release for release in drafts if release.tag == tag), None)

    def create_draft(self, tag: str) -> Release:
        """Makes a draft for a tag; the tag is made when the draft is published, if there is none.

        Raises:
            LostError: It may be there or not. Look before asking again: a tag can have two drafts.
        """
        document = {
            "tag_name": tag,
            "name": tag,
            "draft": True,
            "prerelease": is_prerelease(tag),
            "generate_release_notes": True,
        }
        return _release(self._good(self._session.send_once("POST", Url(self._base), document)))

    def make_public(self, release: Release) -> Release:
        """Publishes a draft."""
        url = Url(f"{self._base}/{release.id}")
        return _release(self._good(self._session.send("PATCH", url, {"draft": False})))

    def assets(self, release: Release) -> dict[str, Asset]:
        """A release's files, by name."""
        url = Url(f"{self._base}/{release.id}/assets?per_page={_PAGE}")
        return {asset.name: asset for asset in map(_asset, self._pages(url))}

    def uploaded(self, reply: Reply) -> Asset:
        """The file that the answer to an upload tells of."""
        return _asset(self._good(reply))

    def delete(self, asset: Asset) -> None:
        """Deletes a file; one that is not there any more is no error."""
        reply = self._session.send("DELETE", Url(f"{self._base}/assets/{asset.id}"))
        if reply.status != 404:
            self._good(reply)

    def _refusal(self, reply: Reply) -> UsageError | UnavailableError:
        """The error that an answer stands for that is no success."""
        said = reply.message()
        what = f"GitHub refused: HTTP {reply.status}" + (f" {said}" if said else "")
        where = reply.url
        if reply.status in (401, 403):
            return UsageError(
                what,
                where=where,
                remedy=f"give GITHUB_TOKEN or GH_TOKEN a token that may write to the contents of"
                f" {self._repository}",
            )
        if reply.status == 404:
            return UsageError(
                what,
                where=where,
                remedy=f"check --repo {self._repository}: a token that may not see a private"
                " repository gets this answer, too",
            )
        if reply.status == 422:
            return UsageError(what, where=where, remedy="check --tag, and the release's state")
        return UnavailableError(what, where=where, remedy="try again later")

    def _pages(self, url: Url) -> list[Any]:
        """The items of a list, whatever the number of its pages (RFC 8288 links)."""
        items: list[Any] = []
        while True:
            reply = self._session.ask(url)
            items += self._good(reply)
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None:
                return items
            url = Url(following[1])
            if not url.raw.startswith(f"{self._api}/"):  # it would get the token
                raise UnavailableError(
                    "GitHub's next page is on another server",
                    where=url,
                    remedy="check GITHUB_API_URL",
                )

    def _good(self, reply: Reply) -> Any:
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        return reply.json() if reply.content else None


def is_prerelease(tag: str) -> bool:
    """Whether a tag ends in a pre-release of semver.org, such as `v1.2.0-rc.1`: it is not the latest."""
    return _PRERELEASE.search(tag) is not None


def _release(item: Any) -> Release:
    with _expected_form():
        return Release(
            item["id"],
            item["tag_name"],
            item["draft"],
            Url(item["upload_url"].split("{", 1)[0]),
            Url(item["html_url"]),
            found[0] if (found := DAY.match(item.get("published_at") or "")) else "",
        )


def _asset(item: Any) -> Asset:
    with _expected_form():
        digest = _DIGEST.fullmatch(item.get("digest") or "")
        return Asset(
            item["id"],
            item["name"],
            item["state"],
            item["size"],
            digest[1] if digest else None,
            Url(item["url"]),
        )


@contextmanager
def _expected_form() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError):
        raise UnavailableError(
            "the answer is not what GitHub's API gives",
            remedy="check GITHUB_API_URL; it is set by GitHub Actions, and unset elsewhere",
        ) from None
