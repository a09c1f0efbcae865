"""Network failures of downloads and APIs: one taxonomy, with messages."""

from __future__ import annotations

import enum
import ssl
from typing import Final

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.printable import one_line
from cgo_prebuilt.url import Url

CHECK_NETWORK: Final = "check the network and try again, or set CGO_PREBUILT_MIRROR"
"""The default remedy."""

_LONGEST_REASON: Final = 300
_UNSENDABLE: Final = frozenset(
    {"InvalidURL", "InvalidHeader", "InvalidSchema", "MissingSchema", "LocationParseError"}
)
_FORESEEN: Final = frozenset({"OSError", "HTTPException", "HTTPError", "ValueError"})
"""The exceptions of sockets, requests, http.client and urllib3, and of values that cannot be sent."""

_DATED: Final = frozenset({9, 10})
"""OpenSSL's codes for a certificate that is not valid yet, or not any more."""
_OF_ANOTHER_HOST: Final = frozenset({62, 64})
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""OpenSSL's reasons if the other side speaks plain HTTP, or something else."""


class Kind(enum.Enum):
    """The kind of a request's failure."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    SLOW = "slow"
    STATUS = "status"
    CREDENTIAL = "credential"
    TLS = "tls"
    PROXY = "proxy"
    REDIRECT = "redirect"
    MALFORMED = "malformed"
    RANGE = "range"
    MISMATCH = "mismatch"
    MISSING = "missing"
    LIMIT_EXCEEDED = "limit_exceeded"
    LOCAL = "local"
    UNEXPECTED = "unexpected"
    STOPPED = "stopped"


class Failure(Exception):
    """A request, or a whole mirror, failed. Callers turn it into an error before a user sees it.

    Args:
        kind: The kind of failure.
        reason: A description for people, in a few words.
        remedy: What a person can do about it.
        status: The HTTP status, for `Kind.STATUS`.
        retry_after: How long the server asks to wait, in seconds.

    Attributes:
        unexpected: The unexpected exception, for `Kind.UNEXPECTED`.
        stale: Whether the server had closed a kept connection, before any byte of an answer.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        *,
        remedy: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        # A server may have written a part of it: escape control characters.
        reason = one_line(reason[:_LONGEST_REASON])
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.remedy = remedy
        self.status = status
        self.retry_after = retry_after
        self.unexpected: Exception | None = None
        self.stale = False

    def error(
        self, what: str, url: Url, remedy: str = "check the network and run it again"
    ) -> Exception:
        """Return the error for the user if no other URL is left.

        An unexpected exception is returned itself, so that it is reported as a bug.

        Args:
            what: What cannot be done.
            url: The URL that failed.
            remedy: The remedy if the failure has none.
        """
        if self.unexpected is not None:
            return self.unexpected
        # A problem of this machine is not a reason to build from source.
        return (UsageError if self.kind is Kind.LOCAL else UnavailableError)(
            f"{what}: {self.reason}",
            where=url,
            remedy=self.remedy or remedy,
        )


def local_failure(path: object, error: OSError, verb: str = "write") -> Failure:
    """Return the failure for a disk that cannot be read or written."""
    return Failure(
        Kind.LOCAL,
        f"cannot {verb} {path}: {error.strerror or error}",
        remedy="free some disk space there, or set CGO_PREBUILT_CACHE to a folder elsewhere",
    )


def unexpected(error: Exception) -> Failure:
    """Return the failure for an unexpected exception, which is not retried."""
    # Without its message, which may quote a secret.
    failure = Failure(Kind.UNEXPECTED, f"an unexpected {type(error).__name__}")
    failure.unexpected = error
    return failure


def status_failure(
    status: int,
    reason: str,
    retry_after: float | None,
    sent: str = "",
    *,
    unread: str = "",
    for_publisher: bool = False,
) -> Failure:
    """Return the failure for an unsuccessful HTTP status.

    Args:
        status: The status.
        reason: The server's reason phrase.
        retry_after: How long the server asks to wait, in seconds.
        sent: The origin of the request's credentials; empty without any.
        unread: Why a file with credentials could not be used; else empty.
        for_publisher: Whether it is a publisher's request, whose remedies differ.
    """
    remedy = None
    if for_publisher:
        remedy = _publishers_remedy(status, sent)
    elif status in (401, 403) and sent:
        remedy = f"renew the credentials that {sent} has for this host, or use a mirror"
    elif status in (401, 403):
        remedy = (
            "give credentials: GITHUB_TOKEN or GH_TOKEN for GitHub; a credential helper "
            "(CGO_PREBUILT_CREDENTIAL_HELPER) or a netrc entry (NETRC) for another host; `docker "
            "login` for a registry; or use a mirror"
        )
    elif status in (404, 410):
        remedy = "check the version and the URL, or add a mirror that has the file"
    elif status == 407:
        remedy = "give the proxy's user and password in HTTPS_PROXY or HTTP_PROXY"
    elif status in (400, 405, 406, 421):
        remedy = "check the URL's scheme, host and port, or use a mirror"
    elif status == 429:
        remedy = "wait, or set GITHUB_TOKEN where the host is GitHub, or use a mirror"
    if status in (401, 403) and unread:
        remedy = f"{unread}: correct it; or {remedy}"
    text = f"HTTP {status} {reason}".rstrip()
    return Failure(Kind.STATUS, text, remedy=remedy, status=status, retry_after=retry_after)


def _publishers_remedy(status: int, sent: str) -> str | None:
    """Return what a publisher can do about a status (RFC 9110 15.5, RFC 4918 9.7.1 and 11.5)."""
    if status in (401, 403) and sent:
        return f"renew the credentials that {sent} has for this host; they must let it write there"
    if status in (401, 403):
        return (
            "give credentials that may write there: a credential helper"
            " (CGO_PREBUILT_CREDENTIAL_HELPER), a netrc entry (NETRC), or, for a registry, `docker login`"
        )
    if status == 407:
        return "give the proxy's user and password in HTTPS_PROXY or HTTP_PROXY"
    if status == 409:
        return "create its parent folder, if the server requires one (WebDAV), or remove what is in the way"
    if status == 413:
        return "raise the server's limit for the size of a request, or publish elsewhere"
    if status == 507:
        return "free some space on the server, or ask who runs it, and run it again"
    if status in (408, 425, 429) or (status >= 500 and status not in (501, 505)):
        return None
    return "check the URL, and that the server accepts such requests there"


def failure_of(error: Exception) -> Failure:
    """Classify exceptions of requests, urllib3, http.client and sockets."""
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
        return unexpected(error)
    names = {name.__name__ for link in chain for name in type(link).__mro__}
    text = _innermost_text(chain)
    if "SSLError" in names and not names & {"SSLEOFError", "SSLZeroReturnError"}:
        return Failure(Kind.TLS, f"TLS: {text}", remedy=_tls_remedy(chain))
    if any("Tunnel connection failed: 407" in str(link) for link in chain):  # http.client's words
        return status_failure(407, "from the proxy", None)
    if "ProxyError" in names:
        return Failure(
            Kind.PROXY,
            f"the proxy: {text}",
            remedy="check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
        )
    if names & {"gaierror", "NameResolutionError"}:
        return Failure(Kind.DNS, "the host name was not found", remedy="check the network")
    if "ConnectionRefusedError" in names:
        return Failure(Kind.REFUSED, "the connection was refused")
    if names & {"TimeoutError", "Timeout", "timeout"}:
        return Failure(Kind.TIMEOUT, "no answer in time")
    if any("SOCKS support" in str(link) for link in chain):  # the text of requests' exception
        return Failure(
            Kind.MALFORMED,
            "the proxy is a SOCKS proxy, which needs PySocks",
            remedy="install PySocks, or name an HTTP proxy in HTTPS_PROXY",
        )
    if names & _UNSENDABLE or (
        isinstance(error, ValueError) and not names & {"RequestException", "OSError"}
    ):
        # Their messages quote the request, such as a token, or a password in a URL.
        return Failure(
            Kind.MALFORMED,
            "a malformed URL or header",
            remedy="correct the URL, and HTTPS_PROXY or HTTP_PROXY where there is a proxy",
        )
    # Includes SSLError's end-of-file kinds: the peer closed the connection, the certificate is fine.
    return Failure(Kind.RESET, f"the connection broke ({text})")


def _tls_remedy(chain: list[BaseException]) -> str:
    """Return what a person can do about a failed handshake; by default, about an unknown authority."""
    error = next((link for link in chain if isinstance(link, ssl.SSLError)), None)
    code = getattr(error, "verify_code", 0)
    reason = getattr(error, "reason", None) or ""
    if code in _DATED:
        return "check this machine's clock; if it is right, the server needs a new certificate"
    if code in _OF_ANOTHER_HOST:
        return "check the host in the URL: the server's certificate names other hosts"
    if reason in _NO_TLS:
        return "check the URL's scheme and port, and HTTPS_PROXY: no TLS is spoken there"
    if "PROTOCOL" in reason:
        return "let the server offer TLS 1.2 or newer, or use a mirror"
    return "for a private authority set REQUESTS_CA_BUNDLE or SSL_CERT_FILE"


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
