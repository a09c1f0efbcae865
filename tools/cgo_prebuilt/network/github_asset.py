"""Release files of private GitHub repositories, which a token opens only through the API.

https://docs.github.com/en/rest/releases/assets: with `Accept: application/octet-stream`, an asset's
API URL redirects to a signed URL on another host. The lock keeps the public download URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.credentials import github_servers, github_token, is_github
from cgo_prebuilt.url import Url

HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
"""The headers of every request to the API."""

BYTES: Final = {"Accept": "application/octet-stream"}
"""The headers of a request for an asset's contents."""

LARGEST_RELEASE: Final = 8 << 20


class GitHubFile(NamedTuple):
    """A file of a release: the repository (`OWNER/NAME`), the tag, and the file's name."""

    repository: str
    tag: str
    file: str


def release_file(url: Url, environ: Mapping[str, str]) -> GitHubFile | None:
    """Parse a URL of a release file on the environment's GitHub; None for other URLs."""
    base = f"{github_servers(environ)[0].raw}/"
    parts = re.split(r"[?#]", url.raw, maxsplit=1)[0].removeprefix(base).split("/")
    if not url.raw.startswith(base) or len(parts) < 6 or parts[2:4] != ["releases", "download"]:
        return None
    owner, name, _, _, *tag, file = (unquote(part) for part in parts)
    return GitHubFile(f"{owner}/{name}", "/".join(tag), file)


def private_file(url: Url, environ: Mapping[str, str]) -> GitHubFile | None:
    """Parse a URL as `release_file` does; None also without a token for its server."""
    try:
        has_token = is_github(url, environ) and github_token(environ) is not None
    except UsageError:  # without a token, the refused request stays refused
        return None
    return release_file(url, environ) if has_token else None


def release_of(wanted: GitHubFile, environ: Mapping[str, str]) -> Url:
    """Return the API's URL of a file's release."""
    api = github_servers(environ)[1].raw
    return Url(f"{api}/repos/{wanted.repository}/releases/tags/{quote(wanted.tag)}")


def asset_in(release: bytes, wanted: GitHubFile, environ: Mapping[str, str]) -> Url | None:
    """Return the API's URL of a file; None if the release lacks it.

    Raises:
        ValueError: The response is not from GitHub's API.
    """
    try:
        assets = json.loads(release)["assets"]
        ids = [int(one["id"]) for one in assets if one["name"] == wanted.file]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(type(error).__name__) from None
    api = github_servers(environ)[1].raw
    return Url(f"{api}/repos/{wanted.repository}/releases/assets/{ids[0]}") if ids else None
