"""GitHub's REST API for releases, version 2022-11-28, and compatible servers.

https://docs.github.com/en/rest/releases/releases and .../releases/assets
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.locks.lock_names import DAY
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.credentials import github_servers, github_token, is_github
from cgo_prebuilt.network.github_asset import GitHubFile, release_file
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.url import Url

_ASSETS = 100
_RELEASES = 30
"""The number of releases on a page: small, since each has its notes and all its assets."""
_MOST_PAGES = 100
_MOST_SECONDS = 600.0
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_PRERELEASE = re.compile(
    r"(?<![0-9.])(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}-[0-9A-Za-z.-]+(?:\+[0-9A-Za-z.-]+)?\Z"
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")

_Field = TypeVar("_Field", int, str, bool)


@dataclass(frozen=True, slots=True)
class GitHubSite:
    """A GitHub site, from the variables of GitHub Actions.

    Attributes:
        api: The URL of its API, without a final slash.
        server: The URL of its web pages, without a final slash.
        has_token: Whether there is a `GITHUB_TOKEN` or `GH_TOKEN`.
        environ: The environment.
    """

    api: Url
    server: Url
    has_token: bool
    environ: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> GitHubSite:
        """Return the site that an environment names; github.com by default.

        Raises:
            UsageError: The token cannot be sent.
        """
        server, api = github_servers(environ)
        return cls(api, server, github_token(environ) is not None, environ)

    def checked_url(self, url: Url) -> Url:
        """Return a URL of an API response, if it is GitHub's.

        Raises:
            UnavailableError: It is on another server, which must not get the token.
        """
        if not is_github(url, self.environ):
            raise UnavailableError(
                "GitHub's answer leads to another server",
                where=url,
                remedy="check GITHUB_API_URL and GITHUB_SERVER_URL",
            )
        return url

    def asset_of(self, url: Url) -> GitHubFile | None:
        """Parse the URL of a release's asset; None for other URLs."""
        return release_file(url, self.environ)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release.

    Attributes:
        id: The API's number for it.
        name: The file's name.
        state: `uploaded`, or `starter` after an interrupted upload.
        sha256: The digest that GitHub states; None for a file from before June 2025.
        url: Its URL in the API.
    """

    id: int
    name: str
    state: str
    sha256: str | None
    url: Url


@dataclass(frozen=True, slots=True)
class Release:
    """A release.

    Attributes:
        id: The API's number for it.
        tag: Its tag.
        draft: Whether only the repository's owners see it.
        upload_url: The URL for uploads, without the `{?name,label}` at its end.
        page: The URL of its web page.
        day: The day of its publication, such as `2026-11-28`; empty for a draft.
        published: The time of its publication; None for a draft.
        prerelease: Whether it is marked as a pre-release.
    """

    id: int
    tag: str
    draft: bool
    upload_url: Url
    page: Url
    day: str = ""
    published: datetime | None = None
    prerelease: bool = False


class GitHubApi:
    """The releases of one repository.

    Args:
        site: The GitHub site.
        repository: `OWNER/NAME`.
        session: Sends the requests, with `HEADERS`.
        writes: Whether releases are written; then a refusal asks for the right to write.

    Attributes:
        url: The URL of the releases.
    """

    def __init__(
        self, site: GitHubSite, repository: str, session: Api, *, writes: bool = False
    ) -> None:
        self._writes = writes
        self._site = site
        self._base = f"{site.api.raw}/repos/{repository}/releases"
        self.url = Url(self._base)
        self._repository = repository
        self._session = session

    def published(self, tag: str) -> Release | None:
        """Return the public release of a tag."""
        reply = self._session.ask(Url(f"{self._base}/tags/{quote(tag)}"))
        return None if reply.status == 404 else self._release(self._good(reply))

    def latest(self) -> Release | None:
        """Return the newest release that is not a pre-release; None without one."""
        reply = self._session.ask(Url(f"{self._base}/latest"))
        return None if reply.status == 404 else self._release(self._good(reply))

    def find(self, tag: str) -> Release | None:
        """Return the release of a tag, even a draft, which only the list of all releases has."""
        published = self.published(tag)
        if published is not None:
            return published
        drafts = map(self._release, self._items(Url(f"{self._base}?per_page={_RELEASES}")))
        return next((release for release in drafts if release.tag == tag), None)

    def recent(self, most: int) -> list[Release]:
        """Return the most recent releases, newest first, including drafts.

        Args:
            most: The maximum number.
        """
        items = self._items(Url(f"{self._base}?per_page={_RELEASES}"))
        return [self._release(item) for item in islice(items, most)]

    def create_draft(self, tag: str) -> Release:
        """Create a draft for a tag; publishing it creates the tag if missing.

        Raises:
            Failure: The draft may exist. Check before retrying: a tag can have two drafts.
        """
        document = {
            "tag_name": tag,
            "name": tag,
            "draft": True,
            "prerelease": is_prerelease(tag),
            "generate_release_notes": True,
        }
        return self._release(self._good(self._session.send_once("POST", self.url, document)))

    def make_public(self, release: Release) -> Release:
        """Publish a draft."""
        url = Url(f"{self._base}/{release.id}")
        return self._release(self._good(self._session.send("PATCH", url, {"draft": False})))

    def assets(self, release: Release) -> dict[str, Asset]:
        """Return a release's files by name."""
        url = Url(f"{self._base}/{release.id}/assets?per_page={_ASSETS}")
        return {asset.name: asset for asset in map(self._asset, self._items(url))}

    def text(self, asset: Asset) -> str:
        """Return the contents of a small file."""
        reply = self._session.ask(asset.url, headers={"Accept": "application/octet-stream"})
        if reply.status != 200:
            raise self._refusal(reply)
        return reply.content.decode("utf-8", "replace")

    def uploaded(self, reply: Reply) -> Asset:
        """Return the file that an upload's response describes."""
        return self._asset(self._good(reply))

    def delete(self, asset: Asset) -> None:
        """Delete a file; a missing one is no error."""
        reply = self._session.send("DELETE", Url(f"{self._base}/assets/{asset.id}"))
        if reply.status != 404:
            self._good(reply)

    def _refusal(self, reply: Reply) -> UsageError | UnavailableError:
        """Return the error for an unsuccessful response."""
        said = reply.message()
        what = f"GitHub refused: HTTP {reply.status}" + (f" {said}" if said else "")
        where = reply.url
        if reply.status in (401, 403):
            return UsageError(
                what,
                where=where,
                remedy=f"give GITHUB_TOKEN or GH_TOKEN a token that may"
                f" {'write to' if self._writes else 'read'} the contents of {self._repository}",
            )
        if reply.status == 404:
            return UsageError(
                what,
                where=where,
                remedy=f"check {'--repo' if self._writes else 'the name'} {self._repository}: a token"
                " that may not see a private repository gets this answer, too",
            )
        if reply.status == 422:
            tag = "--tag" if self._writes else "the tag"
            return UsageError(what, where=where, remedy=f"check {tag}, and the release's state")
        return UnavailableError(what, where=where, remedy="try again later")

    def _items(self, url: Url) -> Iterator[object]:
        """Yield a list's items from all of its pages (RFC 8288 links)."""
        deadline = time.monotonic() + _MOST_SECONDS
        for _ in range(_MOST_PAGES):
            reply = self._session.ask(url)
            page = self._good(reply)
            if not isinstance(page, list):
                raise _strange()
            yield from page
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None or not page:
                return
            url = self._site.checked_url(Url(following[1]))
            if time.monotonic() > deadline:
                break
        raise UnavailableError(
            "GitHub's list does not end", where=url, remedy="check GITHUB_API_URL; try again later"
        )

    def _release(self, item: object) -> Release:
        published = item.get("published_at") if isinstance(item, dict) else None
        day = DAY.match(published) if isinstance(published, str) else None
        return Release(
            _field(item, "id", int),
            _field(item, "tag_name", str),
            _field(item, "draft", bool),
            self._site.checked_url(Url(_field(item, "upload_url", str).split("{", 1)[0])),
            Url(_field(item, "html_url", str)),
            day[0] if day else "",
            _time(published) if isinstance(published, str) else None,
            isinstance(item, dict) and item.get("prerelease") is True,
        )

    def _asset(self, item: object) -> Asset:
        digest = item.get("digest") if isinstance(item, dict) else None
        found = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        return Asset(
            _field(item, "id", int),
            _field(item, "name", str),
            _field(item, "state", str),
            found[1] if found else None,
            self._site.checked_url(Url(_field(item, "url", str))),
        )

    def _good(self, reply: Reply) -> Any:
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        return reply.json() if reply.content else None


def is_prerelease(tag: str) -> bool:
    """Return whether a tag is a semver.org pre-release, such as `v1.2.0-rc.1`."""
    return _PRERELEASE.search(tag) is not None


def _time(text: str) -> datetime | None:
    """Parse a time of the API, such as `2026-11-28T10:00:00Z`."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _field(item: object, name: str, kind: type[_Field]) -> _Field:
    """Return a field of an API object.

    Raises:
        UnavailableError: It is missing or has a wrong type.
    """
    value = item.get(name) if isinstance(item, dict) else None
    # In Python, a bool is an int.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _strange()
    return value


def _strange() -> UnavailableError:
    return UnavailableError(
        "the answer is not from GitHub's API",
        where="GITHUB_API_URL",
        remedy="check GITHUB_API_URL; it is set by GitHub Actions, and unset elsewhere",
    )
