"""What a request is authorized with. The same for every request, and never part of a message."""

from __future__ import annotations

import netrc
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.url import Url

_NAMES: Final = ("GITHUB_TOKEN", "GH_TOKEN")
_TOKEN: Final = re.compile(r"[!-~]+")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def authorization(hop: Url, first: Url, environ: Mapping[str, str]) -> str | None:
    """The Authorization header of a request; None where it has none.

    A login in the URL is for its own origin. A GitHub token is for the GitHub that the environment
    names. A netrc entry is for its host; where a redirect leads there, over https only.

    Args:
        hop: Where the request goes.
        first: Where the redirects, if there were any, began.
        environ: `GITHUB_TOKEN`, `GH_TOKEN`, `GITHUB_API_URL`, `GITHUB_SERVER_URL`, `NETRC`.

    Raises:
        Failure: The token cannot be sent.
        ValueError: A URL is malformed.
    """
    home = hop.origin() == first.origin()
    login = hop.login() if home else None
    if login is None and is_github(hop, environ):
        try:
            token = github_token(environ)
        except UsageError as error:
            raise Failure(Kind.LOCAL, f"{error.where}: {error.what}", remedy=error.remedy) from None
        if token is not None:
            return f"Bearer {token}"
    if login is None and (home or hop.scheme == "https"):
        login = _netrc_login(hop.host, environ, home=home)
    if login is None:
        return None
    return "Basic " + b64encode(":".join(login).encode()).decode("ascii")


def is_github(url: Url, environ: Mapping[str, str]) -> bool:
    """Whether a URL is on the GitHub that a token is for, and nobody can read along.

    It is github.com unless the environment, such as that of GitHub Actions, names another.
    """
    api = Url(environ.get("GITHUB_API_URL") or "https://api.github.com")
    server = Url(environ.get("GITHUB_SERVER_URL") or "https://github.com")
    if url.scheme != "https" and url.host not in _LOOPBACK:
        return False
    try:
        scheme, host, port = url.origin()
        # Where api.example.com has the API, uploads.example.com takes the files.
        if host.startswith("uploads."):
            host = f"api.{host.removeprefix('uploads.')}"
        return (scheme, host, port) in (api.origin(), server.origin())
    except ValueError:
        return False


def github_token(environ: Mapping[str, str]) -> str | None:
    """The token that an environment names, as a header can carry it; None without one.

    Raises:
        UsageError: It has characters that no header can carry; the token is not shown.
    """
    for name in _NAMES:
        token = environ.get(name, "").strip()
        if token and not _TOKEN.fullmatch(token):
            raise UsageError(
                "the GitHub token has a space, a control character or a letter that is not ASCII",
                where=name,
                remedy=f"set {name} again, to the token alone",
            )
        if token:
            return token
    return None


def _netrc_login(host: str, environ: Mapping[str, str], *, home: bool) -> tuple[str, str] | None:
    names = [environ["NETRC"]] if environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in names:
        try:
            path = Path(name).expanduser()
        except RuntimeError:  # a user without a home
            continue
        try:
            entries = netrc.netrc(str(path)).hosts
        except FileNotFoundError:
            continue
        except (OSError, netrc.NetrcParseError, UnicodeError):
            return None
        # `default` is meant for the host that was asked for, not for where it redirects to.
        entry = entries.get(host) or (entries.get("default") if home else None)
        return (entry[0], entry[2] or "") if entry is not None else None
    return None
