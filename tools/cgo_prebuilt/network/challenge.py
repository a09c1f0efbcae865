"""Answer a 401 that asks for a token or a password, as registries do.

https://distribution.github.io/distribution/spec/auth/token/ (identity tokens: spec/auth/oauth/) and
RFC 7235. A registry names a server that issues its tokens. As with docker, the registry's login is sent to
that server, too: a malicious registry could pass the login on itself. The login is sent over https
only, or within this machine. No other credentials are sent to that server.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from cgo_prebuilt.network.credentials import Credential, basic, is_loopback
from cgo_prebuilt.network.docker_config import IDENTITY, docker_login
from cgo_prebuilt.network.failure import Failure, Kind, status_failure
from cgo_prebuilt.url import Url

_BEARER: Final = re.compile(r"(?i)(?:^|,)[ \t]*bearer[ \t]+")
_BASIC: Final = re.compile(r"(?i)(?:^|,)[ \t]*basic(?:[ \t]|,|$)")
_UNSUPPORTED: Final = re.compile(r"(?i)(?:^|,)[ \t]*(digest|negotiate|ntlm|kerberos)(?=[ \t]|,|$)")
_PARAMETER: Final = re.compile(
    r'([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))[ \t]*(?:,[ \t]*|$)'
)
_REPOSITORY: Final = re.compile(r"(.*/v2/.+?)/(blobs|manifests|tags|referrers)/")
_SENDABLE: Final = re.compile(r"[!-~]+")
_SECONDS: Final = 60.0
"""The lifetime of a token if its server states none, by the specification."""
_MARGIN: Final = 5.0
LARGEST_TOKEN: Final = 1 << 20

_TokenScope = tuple[tuple[str, str, int | None], str, bool]
_known: dict[_TokenScope, tuple[float, Credential]] = {}


class Challenge(NamedTuple):
    """The server that issues a token (`realm`), and its `service` and `scope`."""

    realm: Url
    service: str
    scope: str

    def token_url(self) -> Url:
        """Return the URL that requests a token."""
        pairs = [("service", self.service), *(("scope", one) for one in self.scope.split())]
        query = urlencode([pair for pair in pairs if pair[1]])
        return Url(f"{self.realm.raw}{'&' if '?' in self.realm.raw else '?'}{query}")

    def form(self, identity: str) -> Mapping[str, str]:
        """Return the form that exchanges an identity token for one of this scope."""
        return {
            "client_id": "cgo-prebuilt",
            "grant_type": "refresh_token",
            "refresh_token": identity,
            "scope": self.scope,
            "service": self.service,
        }


def read_challenge(header: str) -> Challenge | None:
    """Parse a `WWW-Authenticate`; None if it asks for no token."""
    start = _BEARER.search(header)
    values: dict[str, str] = {}
    at = start.end() if start else len(header)
    while match := _PARAMETER.match(header, at):
        quoted, plain = match[2], match[3]
        values[match[1].lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()
    if Url(values.get("realm", "")).scheme not in ("http", "https"):
        return None  # only a realm name: any server that accepts tokens may send one (RFC 6750)
    return Challenge(Url(values["realm"]), values.get("service", ""), values.get("scope", ""))


def unsupported_schemes(header: str) -> tuple[str, ...]:
    """Return the schemes of a `WWW-Authenticate` if a login cannot be sent by any of them."""
    if _BASIC.search(header) or _BEARER.search(header):
        return ()
    return tuple(dict.fromkeys(_UNSUPPORTED.findall(header)))


def known_for(hop: Url, method: str) -> Credential | None:
    """Return the last authorization for this repository while it is valid."""
    until, credential = _known.get(_token_scope(hop, method), (0.0, None))
    return credential if time.monotonic() < until else None


def answer_challenge(
    header: str,
    hop: Url,
    method: str,
    sent: Credential,
    environ: Mapping[str, str],
    ask: Callable[[Url, Credential, Mapping[str, str]], tuple[int, bytes]],
) -> Credential | None:
    """Return the headers with which to repeat a refused request.

    Args:
        header: The `WWW-Authenticate` of the 401.
        hop: The requested URL.
        method: The method of the request.
        sent: The credentials of the request.
        environ: The environment, which locates docker's configuration.
        ask: Sends a GET, with a login if there is one, or posts a form if it is not empty; returns the
            status and the body.

    Returns:
        The headers; None if there are no better credentials.

    Raises:
        Failure: The token server must not be asked, or issues no token.
        ValueError: A URL is malformed.
    """
    own = sent.headers.get("Authorization", "").startswith("Basic ")
    is_private = hop.scheme == "https" or is_loopback(hop)
    login = sent if own else Credential({})
    found = None if own or not is_private else docker_login(hop, environ)
    identity = found[1] if found is not None and found[0] == IDENTITY else ""
    if found is not None:
        headers = {} if identity else {"Authorization": basic(found)}
        login = Credential(headers, "docker's configuration")
    challenge = read_challenge(header)
    if challenge is None:
        if found is None or identity or not _BASIC.search(header):
            return None
        _known[_token_scope(hop, method)] = (float("inf"), login)
        return login
    realm = challenge.realm
    is_local = is_loopback(realm) and is_loopback(hop) and hop.scheme == "http"
    if realm.scheme != "https" and not is_local:
        raise Failure(
            Kind.CREDENTIAL,
            f"{hop.host} asks for a token of {realm}, which is not https",
            remedy="have the registry name an https URL as its realm, or use a mirror",
        )
    login = login if is_private else Credential({}, login.source)
    if identity:
        status, body = ask(realm, login, challenge.form(identity))
    else:
        status, body = ask(challenge.token_url(), login, {})
    token, seconds = _token(body) if status == 200 else ("", 0.0)
    if not token:
        raise Failure(
            Kind.CREDENTIAL,
            f"no token for {hop.host} from {realm}: HTTP {status}",
            remedy=status_failure(401, "", None, login.source).remedy,
        )
    credential = Credential({"Authorization": f"Bearer {token}"}, login.source)
    _known[_token_scope(hop, method)] = (time.monotonic() + seconds - _MARGIN, credential)
    return credential


def _token(body: bytes) -> tuple[str, float]:
    """Return a server's token and its lifetime in seconds; no token if there is none."""
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token") or ""
        seconds = float(answer.get("expires_in") or _SECONDS)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return "", 0.0
    is_good = isinstance(token, str) and _SENDABLE.fullmatch(token) is not None
    return (token if is_good else ""), seconds


def _token_scope(hop: Url, method: str) -> _TokenScope:
    """Return the scope of a token: reading from, or writing to, one repository."""
    path = hop.without_login().partition("?")[0]
    match = _REPOSITORY.match(path)
    return hop.origin(), match[1] if match else path, method in ("GET", "HEAD")
