"""API requests and uploads: small responses, retried if that is safe."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from cgo_prebuilt.bounded_read import open_file
from cgo_prebuilt.errors import reporting
from cgo_prebuilt.network.body import Pace
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import Failure, Kind, status_failure
from cgo_prebuilt.network.progress import FileProgress
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.network.retry import Patience, Verdict, classify, requested_wait, retrying
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

API_SETTINGS: Final = replace(
    TransportSettings(), first_wait=1.0, tries=5, quick_tries=5, longest_retry_after=900.0
)
LARGEST_ANSWER: Final = 8 << 20
"""The most bytes of an answer: a page of GitHub's releases, with notes and files, has a few megabytes."""
_CHUNK: Final = 1 << 20

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file: `length` bytes from `start`; all to the file's end if it is None."""

    path: Path
    start: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, as an `Api` sees it.

    Attributes:
        sleep: Waits some seconds.
        now: Returns the seconds since the epoch.
        jitter: See `Patience`.
    """

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random


class Upload:
    """A file as a request's body, which reports progress and gives up on a stalled server.

    Args:
        part: The file, or the part of it.
        progress: Receives the progress.
        settings: The lowest rate.

    Raises:
        UsageError: The file cannot be read.
    """

    def __init__(self, part: FilePart, progress: FileProgress, settings: TransportSettings) -> None:
        path, start, length = part.path, part.start, part.length
        with reporting("the file cannot be read", where=path, remedy="check its permissions"):
            self._file = open_file(path)
            self._size = path.stat().st_size - start if length is None else length
            self._file.seek(start)
        self._left = self._size
        self._progress = progress
        self._pace = Pace(settings)
        self._read = time.monotonic()

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, for requests."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._progress.advance(len(data))
        before, self._read = self._read, time.monotonic()
        self._pace.count(len(data), self._read - before)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


CLOCK: Final = Clock()


class Api:
    """A client that sends requests, and waits if servers ask for it.

    Args:
        client: Sends the requests.
        headers: The headers of every request.
        clock: The time.
        settings: The number of tries, and the lowest rate.
        note: Called with the reason for a long wait.
    """

    def __init__(
        self,
        client: HttpClient,
        headers: Mapping[str, str] | None = None,
        *,
        clock: Clock = CLOCK,
        settings: TransportSettings = API_SETTINGS,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._client = client
        self._headers = headers or {}
        self._clock = clock
        self._settings = settings
        self._note = note

    def ask(
        self, url: Url, most: int = LARGEST_ANSWER, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a GET; retry a failure.

        Returns:
            Any answer that is neither a rate limit nor a server error.

        Raises:
            CgoPrebuiltError: All tries failed.
        """
        return self.send("GET", url, most=most, headers=headers)

    def send(
        self,
        method: str,
        url: Url,
        document: Mapping[str, object] | bytes | None = None,
        most: int = LARGEST_ANSWER,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a small idempotent request, with retries as in `ask`."""
        try:
            return self.retrying(
                lambda: self.send_once(method, url, document, most, headers), url, is_small=True
            )
        except Failure as failure:
            raise failure.error("no usable answer", url) from None

    def send_once(
        self,
        method: str,
        url: Url,
        document: Mapping[str, object] | bytes | None = None,
        most: int = LARGEST_ANSWER,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a small request, without retries.

        Raises:
            Failure: The server may have processed the request; check before sending it again.
        """
        kind = {} if document is None else {"Content-Type": "application/json"}
        is_bytes = document is None or isinstance(document, bytes)
        body = document if is_bytes else json.dumps(document).encode()
        headers = {**kind, **self._headers, **(headers or {})}
        return self._good(self._client.exchange(method, url, headers=headers, body=body, most=most))

    def send_file(
        self,
        method: str,
        url: Url,
        part: FilePart,
        progress: FileProgress,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a file, or a part of it, without retries; see `Upload`.

        Raises:
            UsageError: The file cannot be read.
        """
        progress.set_position(part.start)
        headers = {"Content-Type": "application/octet-stream", **self._headers, **(headers or {})}
        with closing(Upload(part, progress, self._settings)) as body:
            return self._good(
                self._client.exchange(method, url, headers=headers, body=body, most=LARGEST_ANSWER)
            )

    def sha256_of(self, url: Url, headers: Mapping[str, str] | None = None) -> str | None:
        """Return the SHA-256, in hex, of a resource of any size; None if it does not exist.

        Raises:
            CgoPrebuiltError: It cannot be read completely.
        """
        deadline = time.monotonic() + self._settings.total_seconds

        def read() -> str:
            digest, pace, size = hashlib.sha256(), Pace(self._settings), 0
            buffer = memoryview(bytearray(_CHUNK))
            with closing(self._client.open(url, headers, for_publisher=True)) as answer:
                then = time.monotonic()
                while got := answer.read_into(buffer):
                    digest.update(buffer[:got])
                    size += got
                    before, then = then, time.monotonic()
                    pace.count(got, then - before)
                    if then > deadline or size > self._settings.largest:
                        raise Failure(Kind.LIMIT_EXCEEDED, f"it does not end after {size} bytes")
                if answer.length not in (None, size):
                    raise Failure(Kind.TRUNCATED, f"the body ended at byte {size}")
            return digest.hexdigest()

        try:
            return self.retrying(read, url)
        except Failure as failure:
            if failure.status in (404, 410):
                return None
            raise failure.error("no usable answer", url) from None

    def retrying(
        self,
        action: Callable[[], _Result],
        url: Url,
        *,
        is_small: bool = False,
        gained: Callable[[], int] = lambda: 0,
    ) -> _Result:
        """Retry as `retry.retrying` does, and explain long waits.

        Args:
            action: As in `retry.retrying`.
            url: The requested URL.
            is_small: Whether the answer is small, so that a failed try cannot have made much progress.
            gained: As in `retry.retrying`.
        """
        settings = self._settings
        if not is_small:
            settings = replace(settings, fruitless_seconds=settings.total_seconds)

        def pause(seconds: float, failure: Failure) -> None:
            if failure.retry_after is not None:
                self._note(f"{failure.reason} from {url}: waiting {seconds:.0f} s")
            self._clock.sleep(seconds)

        return retrying(action, Patience(settings, self._clock.jitter), pause, gained)

    def _good(self, reply: Reply) -> Reply:
        """Return the reply; raise for a rate limit or a server failure."""
        said = reply.message()
        wait = requested_wait(reply.status, reply.headers, said, self._clock.now())
        failure = status_failure(reply.status, said or reply.reason, wait)
        if classify(failure) is Verdict.AGAIN:
            raise failure
        return reply
