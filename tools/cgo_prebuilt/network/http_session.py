"""HTTP requests: proxies, credentials, certificates and redirects around one requests session.

A session belongs to one thread; only `abort` may be called from another. `requests` is imported
when the first session is made, so that importing this module costs nothing.
"""

from __future__ import annotations

import http.client
import io
import netrc
import os
import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cgo_prebuilt import __version__
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.credentials import github_token
from cgo_prebuilt.network.live_sockets import LiveSockets
from cgo_prebuilt.network.retry import Failure, Kind, fault, parse_retry_after, status_failure
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

_UNSENDABLE: Final = frozenset(
    {"InvalidURL", "InvalidHeader", "InvalidSchema", "MissingSchema", "LocationParseError"}
)
_FORESEEN: Final = frozenset({"OSError", "HTTPException", "HTTPError", "ValueError"})
"""Errors of sockets and requests, of http.client, of urllib3; of what cannot be sent."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Answer:
    """The answer to a GET: status and headers have come, the body is read from here.

    Attributes:
        url: Where the redirects ended.
        status: 200, 206 or 416; any other status is a `Failure`.
        headers: By name, without regard to case.
        length: How many bytes the body has, or None where only its end will tell.
    """

    def __init__(self, response: Any, url: Url, length: int | None) -> None:
        self._response = response
        self._http: http.client.HTTPResponse = response.raw._fp
        self._direct = False
        self.url = url
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.length = length

    def read_into(self, piece: memoryview) -> int:
        """Reads what there is, at least one byte; 0 at the end of the body.

        One system call at most, so that a server that trickles cannot hold the reader.

        Raises:
            Failure: The connection broke.
        """
        try:
            source: Any = self._http
            if self._direct and source.length and source.fp is not None:
                got: int = source.fp.raw.readinto(piece[: source.length])
                source.length -= got
                return got
            data = source.read1(len(piece))
            # Its buffer is empty now: from here on the socket's bytes need no copy in between.
            self._direct = len(piece) >= io.DEFAULT_BUFFER_SIZE and not source.chunked
        except Exception as error:
            raise failure_of(error) from error
        piece[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Ends the answer; the connection is kept where the body was read to its end."""
        if self._http.length == 0 and not self._http.will_close:
            self._http.close()
            self._response.raw.release_conn()
        else:
            self._response.close()


class HttpSession:
    """Opens URLs as the environment says, and counts its requests.

    Args:
        settings: Time-outs, the longest chain of redirects, the hosts for a GitHub token.
        environ: `GITHUB_TOKEN`, `GH_TOKEN`, `NETRC`, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`.
    """

    def __init__(
        self, settings: TransportSettings, environ: Mapping[str, str] = os.environ
    ) -> None:
        import requests

        self.requests = 0
        self._settings = settings
        self._environ = environ
        self._sockets = LiveSockets()
        self._session: Any = requests.Session()
        self._session.headers = {"User-Agent": f"cgo-prebuilt/{__version__}"}
        self._session.mount("http://", self._sockets.adapter())
        self._session.mount("https://", self._sockets.adapter())

    def __enter__(self) -> HttpSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection."""
        self._session.close()

    def abort(self) -> None:
        """Breaks what another thread is waiting for in this session."""
        self._sockets.shut()

    def open(
        self, url: Url, headers: Mapping[str, str] | None = None, *, via: Url | None = None
    ) -> Answer:
        """Sends a GET and follows its redirects from the start (RFC 9110 15.4).

        Args:
            url: An http or https URL.
            headers: More headers, such as Range.
            via: Where the redirects led the last time; tried first, in case it is still good.

        Raises:
            Failure: No answer, or one that cannot be used.
        """
        if via is not None and via != url:
            try:
                return self._follow(via, url, headers or {})
            except Failure:
                # A signed URL has expired, most likely.
                pass
        return self._follow(url, url, headers or {})

    def _follow(self, hop: Url, url: Url, headers: Mapping[str, str]) -> Answer:
        seen = set[Url]()
        while True:
            if hop in seen:
                raise Failure(Kind.REDIRECT, f"a redirect loop at {hop}")
            if len(seen) > self._settings.redirects:
                raise Failure(Kind.REDIRECT, f"more than {self._settings.redirects} redirects")
            seen.add(hop)
            response = self._send(hop, url, headers)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or location is None:
                return self._answer(response, hop)
            response.close()
            try:
                hop = hop.redirect(location)
            except ValueError as error:
                raise Failure(Kind.REDIRECT, str(error)) from error

    def _send(self, hop: Url, url: Url, headers: Mapping[str, str]) -> Any:
        import requests

        settings = self._settings
        wanted = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        timer = threading.Timer(settings.header_seconds, self.abort)
        timer.daemon = True
        self.requests += 1
        try:
            authorization = self._authorization(hop, url)
            if authorization is not None:
                wanted["Authorization"] = authorization
            request = self._session.prepare_request(
                # A callable keeps requests from looking into netrc by its own rules.
                requests.Request("GET", hop.without_login(), wanted, auth=lambda prepared: prepared)
            )
            options = self._session.merge_environment_settings(
                request.url, {}, True, self._authorities(), None
            )
            timer.start()
            # Not the session's own send: it reads the body of a redirect, however long that is.
            return self._session.get_adapter(request.url).send(
                request,
                timeout=(settings.connect_seconds, settings.read_seconds),
                **options,
            )
        except Exception as error:
            raise failure_of(error) from error
        finally:
            timer.cancel()

    def _answer(self, response: Any, url: Url) -> Answer:
        status, headers = response.status_code, response.headers
        try:
            if status not in (200, 206, 416):
                wait = parse_retry_after(headers.get("retry-after"))
                raise status_failure(status, response.reason or "", wait)
            encoding = headers.get("content-encoding", "identity").strip().lower()
            if encoding not in ("identity", "") and status != 416:
                raise Failure(
                    Kind.MALFORMED,
                    f"Content-Encoding {encoding!r}, though only identity was accepted",
                    remedy="have the server send the file as it is, or use another mirror",
                )
            return Answer(response, url, _content_length(response))
        except Failure:
            response.close()
            raise

    def _authorities(self) -> str | bool:
        # requests itself knows REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, but not OpenSSL's own name.
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            path = self._environ.get(name)
            if path and not Path(path).exists():
                raise Failure(
                    Kind.TLS, f"{name} names {path}, which is not there", remedy=f"correct {name}"
                )
            if path:
                return path
        return True

    def _authorization(self, hop: Url, url: Url) -> str | None:
        """The Authorization header for one hop; credentials never follow a redirect elsewhere."""
        home = hop.origin() == url.origin()
        login = hop.login() if home else None
        if login is not None:
            return _basic(*login)
        if hop.scheme == "https" and hop.host in self._settings.token_hosts:
            token = self._github_token()
            if token is not None:
                return f"Bearer {token}"
        login = self._netrc_login(hop.host, home=home)
        return _basic(*login) if login is not None else None

    def _github_token(self) -> str | None:
        try:
            return github_token(self._environ)
        except UsageError as error:
            raise Failure(Kind.LOCAL, f"{error.where}: {error.what}", remedy=error.remedy) from None

    def _netrc_login(self, host: str, *, home: bool) -> tuple[str, str] | None:
        names = [self._environ["NETRC"]] if self._environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
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


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _content_length(response: Any) -> int | None:
    value = response.headers.get("content-length")
    if value is None or "chunked" in response.headers.get("transfer-encoding", "").lower():
        return None
    text = value.strip()
    if not (text.isascii() and text.isdigit()):
        raise Failure(Kind.MALFORMED, f"a Content-Length of {text[:40]!r}")
    return int(text[:20])


def failure_of(error: BaseException) -> Failure:
    """Sorts whatever requests, urllib3, http.client and sockets raise."""
    chain: list[BaseException] = []
    rest: list[object] = [error]
    while rest:
        link = rest.pop(0)
        if isinstance(link, BaseException) and link not in chain:
            chain.append(link)
            rest += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    for link in chain:
        if isinstance(link, Failure):
            return link
    if not {name.__name__ for name in type(error).__mro__} & _FORESEEN:
        return fault(error)
    names = {name.__name__ for link in chain for name in type(link).__mro__}
    text = _innermost_text(chain)
    if "SSLError" in names and not names & {"SSLEOFError", "SSLZeroReturnError"}:
        return Failure(
            Kind.TLS,
            f"TLS: {text}",
            remedy="for a private authority set REQUESTS_CA_BUNDLE or SSL_CERT_FILE",
        )
    if any("Tunnel connection failed: 407" in str(link) for link in chain):  # http.client's words
        return status_failure(407, "from the proxy", None)
    if "ProxyError" in names:
        return Failure(Kind.PROXY, f"the proxy: {text}", remedy="check HTTPS_PROXY and NO_PROXY")
    if names & {"gaierror", "NameResolutionError"}:
        return Failure(Kind.DNS, "the host name was not found", remedy="check the network")
    if "ConnectionRefusedError" in names:
        return Failure(Kind.REFUSED, "the connection was refused")
    if names & {"TimeoutError", "Timeout", "timeout"}:
        return Failure(Kind.TIMEOUT, "no answer in time")
    if any("SOCKS support" in str(link) for link in chain):  # requests' words
        return Failure(
            Kind.MALFORMED,
            "there is a SOCKS proxy, and no PySocks to speak to it",
            remedy="install PySocks, or name an HTTP proxy in HTTPS_PROXY",
        )
    if names & _UNSENDABLE or (
        isinstance(error, ValueError) and not names & {"RequestException", "OSError"}
    ):
        # Their own texts quote what was to be sent: a token, or a password in a URL.
        return Failure(
            Kind.MALFORMED,
            "a malformed URL or header",
            remedy="correct the URL, and HTTPS_PROXY or HTTP_PROXY where there is a proxy",
        )
    # Includes SSLError's end-of-file kinds: the peer went away, the certificate is not at fault.
    return Failure(Kind.RESET, f"the connection broke ({text})")


def _innermost_text(chain: list[BaseException]) -> str:
    for link in chain:
        if isinstance(link, ssl.SSLError):
            return getattr(link, "verify_message", "") or link.reason or str(link)
        if isinstance(link, OSError) and link.strerror:
            return str(link.strerror)
    # The texts of requests and urllib3 quote the URL, whose query may be a signature.
    own = [link for link in chain if not type(link).__module__.startswith(("requests", "urllib3"))]
    cause = (own or chain)[0]
    text = str(cause) if own else ""
    return (text or type(cause).__name__)[:200]
