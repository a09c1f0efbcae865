"""Requests that change something elsewhere, or ask an API: sent, repeated where that is safe, counted.

The bytes of archives that are fetched come through `http_session`, which knows ranges and mirrors;
here are small answers, and uploads.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgo_prebuilt import __version__
from cgo_prebuilt.errors import CgoPrebuiltError, UnavailableError, UsageError
from cgo_prebuilt.network.http_session import failure_of
from cgo_prebuilt.network.progress import FileProgress
from cgo_prebuilt.network.rate_limit import wait_for_limit
from cgo_prebuilt.network.retry import Failure, Kind
from cgo_prebuilt.url import Url

_TRIES = 5
_FIRST_WAIT = 1.0
_LONGEST_LIMIT = 900.0
_TIMEOUT = (15.0, 60.0)
# A server may look at the whole of a file before it answers.
_FILE_TIMEOUT = (15.0, 300.0)
_LONGEST_ANSWER = 32 << 20
_CHUNK = 1 << 20


class LostError(Exception):
    """A request whose outcome is not known: it may have been carried out, in whole or in part."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end.

    Attributes:
        url: What was asked.
        status: The HTTP status.
        headers: By name, without regard to case.
        content: The body.
    """

    url: Url
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            UnavailableError: It is something else.
        """
        try:
            return json.loads(self.content)
        except ValueError:
            raise UnavailableError(
                "the answer is not JSON",
                where=self.url,
                remedy="check GITHUB_API_URL, and what stands between this machine and the server",
            ) from None

    def message(self) -> str:
        """What the body says of an error, on one line; empty where it says nothing of use."""
        try:
            document = json.loads(self.content)
        except ValueError:
            return ""
        if not isinstance(document, dict):
            return ""
        parts = [str(document.get("message", ""))]
        errors = document.get("errors")
        for error in errors if isinstance(errors, list) else []:
            said = error.get("message") or error.get("code") if isinstance(error, dict) else error
            parts.append(str(said or ""))
        text = ": ".join(part for part in parts if part)[:300]
        return "".join(c if c.isprintable() else " " for c in text)


class Upload:
    """A file as a request's body, which says how far it is."""

    def __init__(self, path: Path, progress: FileProgress) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next bytes, for requests."""
        data = self._file.read(size)
        self._progress.advance(len(data))
        return data

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class ApiSession:
    """Sends requests, and waits as servers ask to.

    Args:
        headers: Of every request.
        netrc: Whether requests may take credentials from netrc; not where `headers` have some.
        environ: `SSL_CERT_FILE`, which requests does not know; what it knows, it reads itself.
        sleep: Waits some seconds.
        now: Seconds since the epoch.
        note: Told why there is a wait.
    """

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        netrc: bool = False,
        environ: Mapping[str, str] = os.environ,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        import requests

        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"cgo-prebuilt/{__version__}"})
        self._session.headers.update(headers or {})
        if not netrc:
            # A callable keeps requests from putting netrc's login over the Authorization header.
            self._session.auth = lambda prepared: prepared
        self._authorities = environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
        self._sleep = sleep
        self._now = now
        self._note = note

    def ask(self, url: Url, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a GET; repeated where it fails.

        Returns:
            Any answer that is neither a rate limit nor a failure of the server.

        Raises:
            UnavailableError: There is no such answer.
        """
        return self._repeated("GET", url, headers=headers)

    def send(self, method: str, url: Url, document: Mapping[str, object] | None = None) -> Reply:
        """Sends a small request that may be sent twice; as `ask`."""
        return self._repeated(method, url, document=document)

    def send_once(
        self, method: str, url: Url, document: Mapping[str, object] | None = None
    ) -> Reply:
        """Sends a small request that must not be sent twice; as `send_file`."""
        return self._unrepeated(lambda: self._once(method, url, json=document))

    def send_file(
        self,
        method: str,
        url: Url,
        path: Path,
        progress: FileProgress,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Sends a file, once. A rate limit, which refuses before anything is done, is waited for.

        Raises:
            LostError: The connection or the server failed; the caller has to look what came of it.
            UnavailableError: A limit is too long to wait for, or the server cannot be had at all.
        """

        def send() -> Reply:
            progress.place(0)
            with closing(_opened(path, progress)) as body:
                return self._once(method, url, data=body, headers=headers, timeout=_FILE_TIMEOUT)

        return self._unrepeated(send)

    def sha256_of(self, url: Url, headers: Mapping[str, str] | None = None) -> str:
        """The SHA-256, in hex, of what a GET gives, of whatever size.

        Raises:
            UnavailableError: It cannot be read to its end.
        """
        digest = hashlib.sha256()
        try:
            with self._session.get(
                url.raw, headers=headers, stream=True, timeout=_TIMEOUT, verify=self._authorities
            ) as response:
                if response.status_code != 200:
                    raise _unavailable(url, f"HTTP {response.status_code}")
                for chunk in response.iter_content(_CHUNK):
                    digest.update(chunk)
        except CgoPrebuiltError:
            raise
        except Exception as error:
            raise _error_of(url, failure_of(error)) from None
        return digest.hexdigest()

    def _unrepeated(self, send: Callable[[], Reply]) -> Reply:
        waited = 0
        while True:
            reply = send()
            if reply.status >= 500:
                raise LostError(f"HTTP {reply.status} {reply.message()}".strip())
            if not self._waited_for_limit(reply, waited):
                return reply
            waited += 1

    def _repeated(
        self,
        method: str,
        url: Url,
        *,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, object] | None = None,
    ) -> Reply:
        waited = 0
        for attempt in range(_TRIES):
            try:
                reply = self._once(method, url, headers=headers, json=document)
            except LostError as error:
                reason = str(error)
            else:
                if reply.status < 500:
                    if not self._waited_for_limit(reply, waited):
                        return reply
                    waited += 1
                    continue
                reason = f"HTTP {reply.status} {reply.message()}".strip()
            if attempt + 1 < _TRIES:
                self._sleep(_FIRST_WAIT * 2.0**attempt)
        raise _unavailable(url, f"{reason}, {_TRIES} times")

    def _once(self, method: str, url: Url, **options: Any) -> Reply:
        options.setdefault("timeout", _TIMEOUT)
        try:
            with self._session.request(
                method,
                url.raw,
                stream=True,
                # A redirect of anything but a question is not followed: its body would be lost.
                allow_redirects=method in ("GET", "HEAD"),
                verify=self._authorities,
                **options,
            ) as response:
                content = response.raw.read(_LONGEST_ANSWER + 1, decode_content=True)
                if len(content) > _LONGEST_ANSWER:
                    raise _unavailable(url, "the answer is far too long")
                return Reply(url, response.status_code, response.headers, content)
        except CgoPrebuiltError:
            raise
        except Exception as error:
            failure = failure_of(error)
            if failure.kind in (Kind.TLS, Kind.MALFORMED, Kind.FAULT):
                raise _error_of(url, failure) from None
            raise LostError(failure.reason) from None

    def _waited_for_limit(self, reply: Reply, waited: int) -> bool:
        """Waits where the reply is a rate limit; False where it is none."""
        wait = wait_for_limit(reply.status, reply.headers, reply.message(), self._now())
        if wait is None:
            return False
        if wait > _LONGEST_LIMIT or waited + 1 >= _TRIES:
            raise _unavailable(
                reply.url,
                f"rate limit: the server asks to wait {wait:.0f} seconds",
                "run it again later, it goes on from where it was; a token (GITHUB_TOKEN) has"
                " a limit of its own",
            )
        self._note(f"rate limit of {reply.url}: waiting {wait:.0f} s")
        self._sleep(wait)
        return True


def _opened(path: Path, progress: FileProgress) -> Upload:
    try:
        return Upload(path, progress)
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="check its permissions",
        ) from None


def _error_of(url: Url, failure: Failure) -> CgoPrebuiltError:
    if failure.kind is Kind.FAULT:
        return UsageError(failure.reason, where=url, remedy=failure.remedy)
    return _unavailable(url, failure.reason, failure.remedy)


def _unavailable(url: Url, reason: str, remedy: str | None = None) -> UnavailableError:
    return UnavailableError(
        f"no usable answer: {reason}",
        where=url,
        remedy=remedy or "check the network and run it again: it goes on from where it was",
    )
