"""List the files of a GitHub release, an index page or a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cgo_prebuilt.drafting.places import (
    GitHubPlace,
    PagePlace,
    is_file_name,
    links_of,
    parse_place,
    shown_place,
    tag_in,
)
from cgo_prebuilt.drafting.survey import ListedAsset
from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.failure import status_failure
from cgo_prebuilt.printable import one_line
from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite
from cgo_prebuilt.url import Url

_MOST_FILES = 5000
_LARGEST_PAGE = 8 << 20
_PAGE = re.compile(r"(?i)text/.*|application/xhtml\+xml|application/vnd\.pypi\.simple\.v1\+html")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a release, with the name of its repository and its tag, if known."""

    assets: tuple[ListedAsset, ...]
    repository: str = ""
    tag: str = ""


class Lister:
    """Lists the files of releases.

    Args:
        site: The GitHub site.
        session: Sends requests for pages.
        github: Sends requests to GitHub's API, with its headers.
        is_offline: Whether requests are forbidden.
    """

    def __init__(self, site: GitHubSite, session: Api, github: Api, *, is_offline: bool) -> None:
        self._site = site
        self._session = session
        self._github = github
        self._is_offline = is_offline

    def list_all(self, places: Sequence[str]) -> Listing:
        """List the files of one release, which may be in several places.

        Args:
            places: The places on the command line: paths, URLs, `OWNER/NAME@TAG`.

        Raises:
            UsageError: One of them cannot be listed.
            UnavailableError: One of them cannot be reached, or there is no such release.
            IntegrityError: A file's name is invalid in a manifest.
        """
        assets: dict[str, ListedAsset] = {}
        repository = tag = ""
        for place in places:
            listing = self._list(place)
            for asset in listing.assets:
                check_member_name(asset.file, where=shown_place(place))
                assets.setdefault(asset.file, asset)
            repository, tag = repository or listing.repository, tag or listing.tag
        return Listing(tuple(assets.values()), repository, tag)

    def _list(self, text: str) -> Listing:
        local = Url(text).file() if text.lower().startswith("file:") else text
        if local is not None and Path(local).exists():
            return _local(Path(local))
        place = parse_place(text, self._site.server)
        if place is None or local != text:
            raise UsageError(
                "this release cannot be listed",
                where=shown_place(text),
                remedy="give a URL, OWNER/NAME@TAG of GitHub, or the path of a folder or a file",
            )
        if self._is_offline:
            raise UnavailableError(
                "offline or limited to a mirror, but the release must be listed over the network",
                where=shown_place(text),
                remedy="download the files, and give the folder that they are in",
            )
        if isinstance(place, GitHubPlace):
            return self._github_release(place)
        credential = place.url.credential()
        if credential is not None:
            raise UsageError(
                f"the URL has {credential}, which the manifest would publish",
                where=place.url,
                remedy="leave it out; ~/.netrc is read",
            )
        if isinstance(place, PagePlace):
            return self._page(place)
        return Listing((place,), *tag_in(place.url, self._site.server))

    def _github_release(self, place: GitHubPlace) -> Listing:
        api = GitHubApi(self._site, place.repository, self._github)
        release = api.published(place.tag) if place.tag else api.latest()
        if release is None:
            raise UnavailableError(
                f"{place.repository} has no release {place.tag}".rstrip(),
                where=api.url,
                remedy="check the name and the tag; for a private repository, set GITHUB_TOKEN",
            )
        place_of = f"{self._site.server.raw}/{place.repository}/releases/download"
        folder = f"{place_of}/{quote(release.tag, safe='/+')}"
        assets = [
            ListedAsset(name, Url(f"{folder}/{quote(name, safe='+')}"))
            for name, one in api.assets(release).items()
            if one.state == "uploaded"
        ]
        return Listing(tuple(assets), place.repository.partition("/")[2], release.tag)

    def _page(self, place: PagePlace) -> Listing:
        reply = self._session.ask(place.url, _LARGEST_PAGE)
        if reply.status != 200:
            failure = status_failure(reply.status, reply.reason, None)
            raise failure.error("the page cannot be read", place.url, remedy="open it in a browser")
        assets = links_of(reply.content.decode("utf-8", "replace"), reply.final)
        assets = [asset for asset in assets if asset.url.credential() is None]
        if not any(is_file_name(asset.file) for asset in assets):
            kind = reply.headers.get("content-type", "").partition(";")[0].strip()
            if kind and not _PAGE.fullmatch(kind):
                raise UnavailableError(
                    f"this is no page with links but {one_line(kind[:60])}",
                    where=place.url,
                    remedy="give the URL of a page in HTML, or URLs that end in the names of the files",
                )
            raise UnavailableError(
                "the page links to no archive and no library",
                where=place.url,
                remedy="give the URLs of the files themselves",
            )
        return Listing(tuple(assets))


def is_unpacked(path: Path) -> bool:
    """Return whether a path is an unpacked library, not a folder of release files."""
    if not path.is_dir():
        return False
    there = list(path.iterdir())
    has_files = any(is_file_name(file.name) for file in there if file.is_file())
    return not has_files and any(file.is_dir() for file in there)


def _local(path: Path) -> Listing:
    whole = path.resolve()
    if whole.is_file():
        return Listing((_local_asset(whole),))
    if not whole.is_dir():
        raise UsageError(
            "this is neither a regular file nor a folder",
            where=str(path),
            remedy="give the path of a release's file, or of the folder that it is in",
        )
    if is_unpacked(whole):
        raise UsageError(
            "the folder has no archive and no library, only folders",
            where=str(path),
            remedy="give only this folder if it is an unpacked library, else the folder with the archives",
        )
    files = sorted(file for file in whole.iterdir() if file.is_file())
    if not any(is_file_name(file.name) for file in files):
        raise UsageError(
            "the folder has no archive and no library",
            where=str(path),
            remedy="download the release's files into it, or give their URL",
        )
    return Listing(tuple(_local_asset(file) for file in files[:_MOST_FILES]))


def _local_asset(file: Path) -> ListedAsset:
    return ListedAsset(file.name, Url(file.as_uri()), file.stat().st_size)
