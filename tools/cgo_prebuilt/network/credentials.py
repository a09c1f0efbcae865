"""Choose the credentials of a request; they never appear in a message."""

from __future__ import annotations

import netrc
import os
import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cgo_prebuilt.bounded_read import bytes_read_once
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.credential_helper import ask, helper_for, read_helpers
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.threads import start
from cgo_prebuilt.url import Url

_NAMES: Final = ("GITHUB_TOKEN", "GH_TOKEN")
_TOKEN: Final = re.compile(r"[!-~]+")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """The credentials of a request.

    Attributes:
        headers: The headers with the credentials; empty without any.
        source: Their origin, for a person who must renew them.
        unread: Why none come from netrc, for a person who expects them there; else empty.
    """

    headers: Mapping[str, str]
    source: str = ""
    unread: str = ""


def credential_for(
    hop: Url, first: Url, environ: Mapping[str, str], method: str = "GET"
) -> Credential:
    """Return the credentials of a request.

    The order: a login in the URL, for its own origin; a credential helper; a GitHub token, for the GitHub
    that the environment names; a netrc entry, for its host. After a redirect to another host, that host's
    own credentials are sent over https only, and never beside a signature in the URL.

    Args:
        hop: The URL of the request.
        first: The URL before any redirects.
        environ: `CGO_PREBUILT_CREDENTIAL_HELPER`, `GITHUB_TOKEN`, `GH_TOKEN`, `GITHUB_API_URL`,
            `GITHUB_SERVER_URL`, `NETRC`.
        method: The method of the request.

    Raises:
        Failure: A helper or a token cannot be used.
        ValueError: A URL is malformed.
    """
    is_first_origin = hop.origin() == first.origin()
    login = hop.login() if is_first_origin else None
    if login is not None:
        return Credential({"Authorization": basic(login)}, "the URL")
    try:
        helpers = read_helpers(environ)
        token = github_token(environ) if is_github(hop, environ) else None
    except UsageError as error:
        raise Failure(Kind.LOCAL, f"{error.where}: {error.what}", remedy=error.remedy) from None
    is_private = is_first_origin or (hop.scheme == "https" and hop.credential() is None)
    program = helper_for(hop.host, helpers) if is_private else None
    headers = {} if program is None else ask(program, hop, method, environ)
    if headers:
        return Credential(headers, f"the credential helper {program}")
    if token is not None:
        return Credential({"Authorization": f"Bearer {token}"}, "GITHUB_TOKEN or GH_TOKEN")
    return (
        _netrc(hop.host, environ, is_first_origin=is_first_origin) if is_private else Credential({})
    )


def basic(login: tuple[str, str]) -> str:
    """Return the Authorization header of a user and a password (RFC 7617)."""
    return "Basic " + b64encode(":".join(login).encode()).decode("ascii")


def is_loopback(url: Url) -> bool:
    """Return whether a URL leads to this machine."""
    return url.host in _LOOPBACK


def is_github(url: Url, environ: Mapping[str, str]) -> bool:
    """Return whether a URL is on the token's GitHub, over a private connection.

    It is github.com unless the environment names another one, as in GitHub Actions.

    Raises:
        UsageError: The environment names a malformed URL.
    """
    if url.scheme != "https" and not is_loopback(url):
        return False
    try:
        server, api = github_servers(environ)
        scheme, host, port = url.origin()
        # If the API is at api.example.com, uploads go to uploads.example.com.
        if host.startswith("uploads."):
            host = f"api.{host.removeprefix('uploads.')}"
        return (scheme, host, port) in (api.origin(), server.origin())
    except ValueError:
        return False


def github_servers(environ: Mapping[str, str]) -> tuple[Url, Url]:
    """Return the URLs of an environment's GitHub and of its API, without a final slash.

    If only one of `GITHUB_SERVER_URL` and `GITHUB_API_URL` is set, the other is derived from it, so that
    the token is never sent to github.com.

    Raises:
        UsageError: One of them is not a server's URL.
    """
    for name in ("GITHUB_SERVER_URL", "GITHUB_API_URL"):
        url = Url(environ.get(name, ""))
        if url.raw and not (url.is_fetchable() and url.host):
            raise UsageError(
                f"the URL of a GitHub is malformed: {url}",
                where=name,
                remedy="write https://HOST, or unset it for github.com; GitHub Actions sets it",
            )
    server, api = (
        environ.get(name, "").rstrip("/") for name in ("GITHUB_SERVER_URL", "GITHUB_API_URL")
    )
    if api and not server:
        scheme, _, rest = api.partition("://")
        host = rest.partition("/")[0].rpartition("@")[2]
        server = f"{scheme}://{host.removeprefix('api.')}"
    if server and not api and Url(server).host != "github.com":
        # https://docs.github.com/en/enterprise-server/rest; GHE.com has a host for its API.
        api = f"{server}/api/v3"
        if Url(server).host.endswith(".ghe.com"):
            api = server.replace("://", "://api.", 1)
    return Url(server or "https://github.com"), Url(api or "https://api.github.com")


def github_token(environ: Mapping[str, str]) -> str | None:
    """Return an environment's GitHub token, checked for use in a header; None without one.

    Raises:
        UsageError: It has characters that a header cannot carry; the error does not show the token.
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


def _netrc(host: str, environ: Mapping[str, str], *, is_first_origin: bool) -> Credential:
    named = environ.get("NETRC")
    for name in [named] if named else ["~/.netrc", "~/_netrc"]:
        file = f"NETRC names {name}, which" if named else name
        try:
            entries = _entries(Path(name).expanduser())
        except (FileNotFoundError, RuntimeError):  # or a user without a home folder
            if named:
                return Credential({}, unread=f"{file} does not exist")
            continue
        except netrc.NetrcParseError as error:  # the error may quote a password
            return Credential({}, unread=f"{file} cannot be read: line {error.lineno} is malformed")
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            return Credential({}, unread=f"{file} cannot be read: {why}")
        # `default` is meant for the requested host, not for its redirects.
        entry = entries.get(host) or (entries.get("default") if is_first_origin else None)
        if entry is None:
            machine = next((one for one in entries if one.rpartition(":")[0] == host), None)
            unread = f"{file} has an entry for {machine}; netrc has hosts without ports"
            return Credential({}, unread=unread if machine is not None else "")
        # As in Bazel, a password without a user is a token.
        login = (entry[0], entry[2] or "")
        value = basic(login) if login[0] else f"Bearer {login[1]}"
        return Credential({"Authorization": value}, "netrc (NETRC)")
    return Credential({})


def _entries(path: Path) -> Mapping[str, tuple[str, str | None, str | None]]:
    """Return the entries of a netrc file, by host; netrc alone would read an endless file."""
    content = bytes_read_once(path)
    if not path.is_fifo():
        return netrc.netrc(str(path)).hosts
    # Raise for invalid UTF-8 here: after that error, netrc would use the closed descriptor again.
    content.decode()
    reading, writing = os.pipe()  # since netrc reads only files
    start(threading.Thread(target=_feed, args=(writing, content), daemon=True))
    return netrc.netrc(reading).hosts  # type: ignore[arg-type]


def _feed(writing: int, content: bytes) -> None:
    with suppress(OSError), os.fdopen(writing, "wb") as pipe:  # netrc ends at a malformed line
        pipe.write(content)
