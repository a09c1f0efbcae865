"""The HTTP policy: every request, for an archive or an API, goes through here.

It decides redirects, credentials, proxies, certificates, deadlines and sizes. It raises `Failure`s;
`retry` decides whether to try again. A client belongs to one thread; only `abort` may be called from
another. The first client imports `requests`, so that importing this module is cheap.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from cgo_prebuilt import __version__
from cgo_prebuilt.archive_names import COMPRESSIONS, compression_of
from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.challenge import (
    LARGEST_TOKEN,
    answer_challenge,
    known_for,
    unsupported_schemes,
)
from cgo_prebuilt.network.credentials import Credential, credential_for
from cgo_prebuilt.network.failure import Failure, Kind, failure_of, status_failure
from cgo_prebuilt.network.github_asset import (
    BYTES,
    HEADERS,
    LARGEST_RELEASE,
    asset_in,
    private_file,
    release_of,
)
from cgo_prebuilt.network.guarded import Guard, guarded_adapter
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.network.requests_library import load_requests
from cgo_prebuilt.network.retry import Verdict, classify, repeats_at_once, requested_wait
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

_BLOB: Final = re.compile(r"(?i).*sha256:[0-9a-f]{64}")
"""The name of a file in a registry, which does not tell its compression."""
_LONGEST_MESSAGE: Final = 1 << 16
_MESSAGE_SECONDS: Final = 5.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class _Request(NamedTuple):
    """A request to one hop of a chain of redirects, which begins at `url`."""

    method: str
    hop: Url
    url: Url
    headers: Mapping[str, str]
    body: Any = None


class HttpClient:
    """An HTTP client that follows the environment's settings and counts requests.

    Args:
        settings: Time-outs, and the longest chain of redirects.
        environ: The environment: see `credentials`; also `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE`.
    """

    def __init__(
        self, settings: TransportSettings, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.requests = 0
        self._credential = Credential({})
        self._settings = settings
        self._environ = environ
        self._guard = Guard(settings.header_seconds)
        self._head_deadline = 0.0
        self._requests = load_requests()
        self._session: Any = self._requests.Session()
        self._session.headers = {"User-Agent": f"cgo-prebuilt/{__version__}"}
        self._session.mount("http://", guarded_adapter(self._guard))
        self._session.mount("https://", guarded_adapter(self._guard))

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; ignore errors."""
        with suppress(OSError):
            self._session.close()

    def abort(self) -> None:
        """Interrupt another thread's pending read in this client."""
        self._guard.shut()

    def open(
        self,
        url: Url,
        headers: Mapping[str, str] | None = None,
        *,
        via: Url | None = None,
        for_publisher: bool = False,
    ) -> Answer:
        """Send a GET for bytes, and follow its redirects (RFC 9110 15.4).

        Args:
            url: An http or https URL.
            headers: More headers, such as Range.
            via: The target of the last redirects; tried first, in case it is still valid.
            for_publisher: Whether a publisher sends the request. Then a failure quotes the server's
                message, and has a publisher's remedies, see `status_failure`.

        Returns:
            An answer with status 200, 206 or 416.

        Raises:
            Failure: There is no usable answer.
        """
        if via is not None and via != url:
            try:
                return self._get_file(via, url, headers or {})
            except Failure:
                # A signed URL has expired, most likely.
                pass
        return self._get_file(url, url, headers or {}, for_publisher=for_publisher)

    def is_unchanged(self, url: Url, validator: str) -> bool:
        """Check whether a resource is unchanged, without its body (RFC 9110 13.1).

        Args:
            url: An http or https URL.
            validator: Its validator, from `strong_validator`.

        Raises:
            Failure: There is no answer.
        """
        name = "If-None-Match" if validator.startswith('"') else "If-Modified-Since"
        answer = self._get(url, url, {name: validator})
        answer.close(keep=answer.status == 304)
        return answer.status == 304

    def exchange(
        self,
        method: str,
        url: Url,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        most: int,
    ) -> Reply:
        """Send a request and read its response, whatever the status.

        Args:
            method: The method; only redirects of GET and HEAD are followed, since others would lose a body.
            url: An http or https URL.
            headers: More headers.
            body: Bytes, or a file with a length.
            most: The most bytes that the answer's body may have.

        Raises:
            Failure: There is no answer, or it is too large.
        """
        sending = (
            self._get(url, url, headers or {})
            if method == "GET"
            else self._follow(_Request(method, url, url, headers or {}, body))
        )
        with closing(sending) as answer:
            if answer.status < 200:
                raise Failure(Kind.MALFORMED, f"HTTP {answer.status}, and no final answer after it")
            content = answer.read_all(most, self._settings.answer_seconds)
            return Reply(url, answer.status, answer.reason, answer.headers, content, answer.url)

    def _get(self, hop: Url, url: Url, headers: Mapping[str, str]) -> Answer:
        """Send a GET; repeat it to GitHub's API for a private repository's file."""
        answer = self._follow(_Request("GET", hop, url, headers))
        wanted = None
        if hop == url and answer.status in (401, 404):
            wanted = private_file(url, self._environ)
        if wanted is None:
            return answer
        answer.close(keep=False)
        release_url = release_of(wanted, self._environ)
        told = self.exchange("GET", release_url, headers=HEADERS, most=LARGEST_RELEASE)
        if told.status != 200:
            said = told.message()
            wait = requested_wait(told.status, told.headers, said, time.time())
            failure = status_failure(
                told.status,
                f"{said or told.reason} from {release_url}",
                wait,
                self._credential.source,
            )
            if told.status == 404:
                failure.remedy = (
                    f"check the version, and that {self._credential.source} may read the contents of"
                    f" {wanted.repository}"
                )
            raise failure
        try:
            asset = asset_in(told.content, wanted, self._environ)
        except ValueError:
            raise Failure(
                Kind.MALFORMED,
                f"the answer from {release_url} is not from GitHub's API",
                remedy="check GITHUB_API_URL, and the proxies between this machine and the server",
            ) from None
        if asset is None:
            raise status_failure(404, f"the release has no {wanted.file}", None)
        return self._follow(_Request("GET", asset, asset, {**headers, **BYTES}))

    def _get_file(
        self, hop: Url, url: Url, headers: Mapping[str, str], *, for_publisher: bool = False
    ) -> Answer:
        answer = self._get(hop, url, headers)
        status, encoding = answer.status, answer.content_encoding
        # Some servers state the compression of a compressed file as a content encoding.
        is_itself = any(_is_compression_of(encoding, name) for name in (url.name, answer.url.name))
        if status == 416 or (status in (200, 206) and (encoding in ("identity", "") or is_itself)):
            return answer
        said = ""
        if for_publisher and status not in (200, 206):
            with suppress(Failure):  # its message is optional
                content = answer.read_all(_LONGEST_MESSAGE, _MESSAGE_SECONDS)
                said = Reply(url, status, "", answer.headers, content, answer.url).message()
        # After a refusal, a server may close the connection; do not let the next request find that out.
        answer.close(keep=False)
        if status in (200, 206):
            raise Failure(
                Kind.MALFORMED,
                f"Content-Encoding {encoding!r}, though only identity was accepted",
                remedy="let the server send the file without an encoding, or use another mirror",
            )
        wait = requested_wait(status, answer.headers, "", time.time())
        reason, sent = said or answer.reason, self._credential
        failure = status_failure(
            status,
            f"{reason}{_elsewhere(answer.url, url)}",
            wait,
            sent.source,
            unread=sent.unread,
            for_publisher=for_publisher,
        )
        schemes = unsupported_schemes(answer.headers.get("www-authenticate", ""))
        if status == 401 and schemes:
            failure.reason += f"; the server accepts only {' and '.join(schemes)} logins"
            failure.remedy = "let the server accept a login by Basic or Bearer, or use a mirror"
        raise failure

    def _follow(self, request: _Request) -> Answer:
        """Send a request, and follow its redirects."""
        seen = set[Url]()
        # One deadline for all redirects, so that ten servers cannot each use it up.
        self._head_deadline = time.monotonic() + self._settings.connect_seconds
        self._head_deadline += self._settings.header_seconds
        while True:
            hop = request.hop
            if hop in seen:
                raise _redirect_failure(f"a redirect loop at {hop}")
            if len(seen) > self._settings.redirects:
                raise _redirect_failure(f"more than {self._settings.redirects} redirects")
            seen.add(hop)
            try:
                response = self._response(request)
            except Failure as failure:
                failure.reason += _elsewhere(hop, request.url)
                raise
            location = response.headers.get("location")
            follows = request.method in ("GET", "HEAD") and response.status_code in _REDIRECTS
            if not follows or location is None:
                return self._answer(response, hop)
            # Without reading its body, however long it is.
            response.close()
            try:
                request = request._replace(hop=hop.redirect(location))
            except ValueError as error:
                raise _redirect_failure(str(error)) from error

    def _response(self, request: _Request, login: Credential | None = None) -> Any:
        """Send a request; repeat it with credentials if the server asks for them."""
        try:
            response = self._send(request, login)
        except Failure as failure:
            if not repeats_at_once(failure, request.method, request.body):
                raise
            response = self._send(request, login)
        # A file has been read already, and cannot be sent again here.
        if response.status_code != 401 or login is not None or hasattr(request.body, "read"):
            return response
        method, hop, url, *_ = request
        said = response.headers.get("www-authenticate", "")
        try:
            own = credential_for(hop, url, self._environ, method)
            better = answer_challenge(said, hop, method, own, self._environ, self._ask_for_token)
        except BaseException:
            response.close()
            raise
        if better is None:
            return response
        response.close()
        return self._response(request, better)

    def _ask_for_token(
        self, token_url: Url, login: Credential, form: Mapping[str, str]
    ) -> tuple[int, bytes]:
        # Without following redirects: the login is not for their targets.
        method, own = "POST" if form else "GET", login if login.headers else None
        response = self._send(_Request(method, token_url, token_url, {}, form or None), own)
        with closing(self._answer(response, token_url)) as answer:
            content = answer.read_all(LARGEST_TOKEN, self._settings.answer_seconds)
        wait = requested_wait(answer.status, answer.headers, "", time.time())
        failure = status_failure(answer.status, f"from {token_url}", wait)
        if classify(failure) is Verdict.AGAIN:
            raise failure
        return answer.status, content

    def _answer(self, response: Any, url: Url) -> Answer:
        try:
            return Answer(response, url, self._guard, self._settings.read_seconds)
        except Failure:
            response.close()
            raise

    def _send(self, request: _Request, login: Credential | None) -> Any:
        method, hop, url, headers, body = request
        settings, left = self._settings, self._head_deadline - time.monotonic()
        if left <= 0:
            raise Failure(Kind.TIMEOUT, "no answer in time")
        patience = (min(settings.header_seconds, left), settings.read_seconds)
        if hasattr(body, "read"):
            patience = (settings.upload_seconds, settings.upload_seconds)
        self._guard.head_seconds, read_seconds = patience
        wanted = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        self.requests += 1
        self._guard.expect()
        try:
            login = login or known_for(hop, method)
            self._credential = login or credential_for(hop, url, self._environ, method)
            wanted.update(self._credential.headers)
            prepared = self._session.prepare_request(
                self._requests.Request(
                    method,
                    hop.without_login(),
                    wanted,
                    data=body,
                    # A callable keeps requests from reading netrc by its own rules.
                    auth=lambda same: same,
                )
            )
            options = self._session.merge_environment_settings(
                prepared.url, {}, True, self._authorities(), None
            )
            # Not the session's `send`, which would read the body of a redirect, however long it is.
            return self._session.get_adapter(prepared.url).send(
                prepared,
                timeout=(min(settings.connect_seconds, left), read_seconds),
                **options,
            )
        except Exception as error:
            failure = failure_of(error)
            failure.stale = failure.kind is Kind.RESET and self._guard.is_stale()
            raise failure from error

    def _authorities(self) -> str | bool:
        # requests itself knows REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, but not OpenSSL's own name.
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            path = self._environ.get(name)
            if path and not Path(path).exists():
                raise Failure(
                    Kind.TLS, f"{name} names {path}, which does not exist", remedy=f"correct {name}"
                )
            if path:
                return path
        return True


def _is_compression_of(encoding: str, file: str) -> bool:
    """Return whether a content encoding is the compression that a file has itself, by its name."""
    name = encoding.removeprefix("x-")
    return name in COMPRESSIONS.values() if _BLOB.fullmatch(file) else name == compression_of(file)


def _elsewhere(hop: Url, url: Url) -> str:
    """Return the host that a redirect led to, if it is another one: its owner must help, or its login."""
    return "" if hop.host == url.host else f" (redirected to {hop.host})"


def _redirect_failure(reason: str) -> Failure:
    return Failure(
        Kind.REDIRECT,
        reason,
        remedy="open the URL in a browser: it may require a login, or its owner must correct the"
        " redirect; or use a mirror",
    )
