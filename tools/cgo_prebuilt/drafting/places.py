"""Parse the place of a release, as a person writes it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from cgo_prebuilt.archive_names import SUFFIXES
from cgo_prebuilt.drafting.survey import ListedAsset
from cgo_prebuilt.url import Url

_REPOSITORY = re.compile(r"([A-Za-z0-9][\w.-]*)/([A-Za-z0-9][\w.-]*?)(?:@(.+))?")
_NO_PASSWORD = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*@[\w.+/@~-]*")
_LIBRARY = re.compile(r"(?i).+\.(a|lib|dll|h|hpp)|.+\.(so|dylib)(\.\d\w*)*")
_MOST_LINKS = 5000


@dataclass(frozen=True, slots=True)
class GitHubPlace:
    """A release on GitHub: `OWNER/NAME`, and a tag; empty for the newest."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class PagePlace:
    """A web page that links to the files."""

    url: Url


Place = GitHubPlace | PagePlace | ListedAsset


def parse_place(text: str, server: Url) -> Place | None:
    """Parse the place of a release that is not on disk.

    Args:
        text: A URL, or `OWNER/NAME` or `OWNER/NAME@TAG`.
        server: The URL of GitHub.

    Returns:
        The place; None if it has none of these forms.
    """
    host = server.raw.partition("://")[2]
    if text.startswith(f"{host}/"):  # without a scheme, as people and Go write it
        text = f"{server.raw}/{text[len(host) + 1 :]}"
        path, at, tag = text.rpartition("@")
        text = f"{path}/releases/tag/{tag}" if at else text
    if re.match(r"(?i)https?://", text):
        return _url_place(text, server)
    match = _REPOSITORY.fullmatch(text)
    return None if match is None else GitHubPlace(f"{match[1]}/{match[2]}", match[3] or "")


def shown_place(text: str) -> str:
    """Return a place without secrets; `OWNER/NAME@TAG` has none."""
    return text if _NO_PASSWORD.fullmatch(text) else str(Url(text))


def _url_place(text: str, server: Url) -> Place:
    url = Url(text.partition("#")[0])
    base = f"{server.raw}/"
    if url.raw.lower().startswith(base.lower()):
        parts = [unquote(part) for part in urlsplit(url.raw).path.strip("/").split("/")]
        is_asset = parts[2:4] == ["releases", "download"] and len(parts) > 5
        if (
            len(parts) >= 2
            and not is_asset
            and (len(parts) == 2 or parts[2] in ("releases", "tree"))
        ):
            named = parts[3:4] in (["tag"], ["expanded_assets"], ["download"])
            tag = "/".join(parts[4:]) if named else ""
            return GitHubPlace(f"{parts[0]}/{parts[1].removesuffix('.git')}", tag)
    return ListedAsset(url.name, url) if is_file_name(url.name) else PagePlace(url)


def is_file_name(name: str) -> bool:
    """Return whether a name is an archive's or a library part's, not a page's."""
    return name.lower().endswith(tuple(SUFFIXES)) or _LIBRARY.fullmatch(name) is not None


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the target of a link."""
        if tag == "a" and len(self.found) < _MOST_LINKS:
            self.found += [value for name, value in attrs if name == "href" and value]


def links_of(page: str, url: Url) -> list[ListedAsset]:
    """Return the files that an index page links to, each once, without folders and pages.

    Args:
        page: Its HTML.
        url: Its URL.
    """
    parser = _Links()
    parser.feed(page)
    assets: dict[str, ListedAsset] = {}
    for link in parser.found:
        try:
            target = urlsplit(urljoin(url.raw, link))._replace(fragment="")
        except ValueError:
            continue
        name = unquote(target.path.rpartition("/")[2])
        if target.scheme in ("http", "https") and name and "/" not in name:
            assets.setdefault(name, ListedAsset(name, Url(target.geturl())))
    return list(assets.values())


def tag_in(url: Url, server: Url) -> tuple[str, str]:
    """Return the repository's name and tag in the URL of a GitHub release's file; else empty texts."""
    parts = urlsplit(url.raw).path.strip("/").split("/")
    if (
        url.raw.startswith(f"{server.raw}/")
        and parts[2:4] == ["releases", "download"]
        and len(parts) > 5
    ):
        return parts[1], unquote("/".join(parts[4:-1]))
    return "", ""
