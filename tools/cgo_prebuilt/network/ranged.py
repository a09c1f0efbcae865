"""A file on a server as a seekable file: each part is fetched when it is read (RFC 9110 14).

For zip archives of which only some members are wanted. The hash of the whole cannot be checked that
way; whoever reads the members checks theirs.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable
from typing import BinaryIO, Final, cast

from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.body import Pace
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.download import Parts
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.progress import FileProgress
from cgo_prebuilt.network.retry import Patience, retrying
from cgo_prebuilt.network.serving import consume_parts
from cgo_prebuilt.network.sized_file import SizedFile
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.network.validator import parse_content_range, still_valid, strong_validator
from cgo_prebuilt.url import Url

_TAIL: Final = 1 << 18
_GAP: Final = 1 << 16
"""Parts that are closer than this are fetched as one: a request costs more than these bytes."""
_AHEAD: Final = 1 << 20
_BUFFER: Final = 1 << 16


class RangeFile(SizedFile):
    """A seekable file over HTTP ranges; every answer must be of the same version of it.

    Args:
        url: Where it is.
        size: Its size in bytes; an answer that says otherwise is refused.
        settings: The numbers.
        progress: Is told of the bytes received.

    Attributes:
        bytes_downloaded: Bytes received so far.
        failure: What a read has raised.

    Reading raises `Failure` where the server does not answer ranges, or not well.
    """

    def __init__(
        self, url: Url, size: int, settings: TransportSettings, progress: FileProgress
    ) -> None:
        super().__init__(size)
        self._url = url
        self._settings = settings
        self._progress = progress
        self._client = HttpClient(settings)
        self._deadline = time.monotonic() + settings.total_seconds
        self._over = threading.Event()
        self._patience = Patience(settings)
        self._pace = Pace(settings)
        self._tail: bytes | None = None
        self._tail_start = max(0, size - _TAIL)
        self._planned: list[tuple[int, int]] = []
        self._answer: Answer | None = None
        self._at = self._end = 0
        self._validator: str | None = None
        self._pinned = False
        self._via: Url | None = None
        self.bytes_downloaded = 0
        self.failure: Failure | None = None

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, redirects and retries included."""
        return self._client.requests

    def plan(self, parts: Iterable[tuple[int, int]]) -> int:
        """Says which parts will be read; one request fetches each, or several that are close.

        Args:
            parts: Start and end (not included) of each.

        Returns:
            How many bytes these requests will fetch.
        """
        joined = Intervals((start, end + _GAP) for start, end in parts)
        self._planned = [(start, min(end - _GAP, self._size)) for start, end in joined.parts()]
        return sum(end - start for start, end in self._planned)

    def stop(self) -> None:
        """Ends a read that waits in another thread; there is none after it."""
        self._over.set()
        self._client.abort()

    def close(self) -> None:
        """See `io.IOBase.close`."""
        if not self.closed:
            self._drop()
            self._client.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See `io.RawIOBase.readinto`.

        Raises:
            Failure: The bytes cannot be had.
        """
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._size - self._position)
        if count <= 0:
            return 0
        if self._position >= self._tail_start:
            if self._tail is None:
                tail = bytearray(self._size - self._tail_start)
                got = 0
                while got < len(tail):
                    start = self._tail_start + got
                    got += self._read(start, memoryview(tail)[got:], self._size)
                self._tail = bytes(tail)
            start = self._position - self._tail_start
            view[:count] = self._tail[start : start + count]
        else:
            count = self._read(self._position, view[:count], None)
        self._position += count
        return count

    def _read(self, offset: int, view: memoryview, end: int | None) -> int:
        """Reads at least a byte; an error of its own kind is remembered."""
        try:
            return self._try(offset, view, end)
        except Failure as failure:
            self.failure = failure
            raise

    def _try(self, offset: int, view: memoryview, end: int | None) -> int:
        """Reads from the answer that is open, or from a new one."""
        try:
            return retrying(
                lambda: self._attempt(offset, view, end),
                self._patience,
                self._pause,
                lambda: self.bytes_downloaded,
            )
        except Failure:
            self._drop()
            raise

    def _attempt(self, offset: int, view: memoryview, end: int | None) -> int:
        self._check()
        if not self._skip_to(offset):
            self._open(offset, end or self._end_for(offset, len(view)))
        answer = self._answer
        if answer is None:
            raise AssertionError("no answer was opened")
        got = self._read_into(answer, view[: self._end - offset])
        if not got:
            raise Failure(Kind.TRUNCATED, f"the body ended at byte {offset}")
        return got

    def _read_into(self, answer: Answer, view: memoryview) -> int:
        began = time.monotonic()
        got = answer.read_into(view)
        self._at += got
        self.bytes_downloaded += got
        self._progress.advance(got)
        # The consumer's own time between two reads is not the server's.
        self._pace.count(got, time.monotonic() - began)
        return got

    def _pause(self, seconds: float, _failure: Failure) -> None:
        self._drop()
        self._over.wait(max(0.0, min(seconds, self._deadline - time.monotonic())))
        self._check()

    def _check(self) -> None:
        if self._over.is_set():
            raise Failure(Kind.STOPPED, "stopped")
        if time.monotonic() > self._deadline:
            raise Failure(Kind.LATE, "the time for this download is up")

    def _skip_to(self, offset: int) -> bool:
        """Brings the open answer to an offset that is a little ahead; False if it cannot."""
        ahead = offset - self._at
        if self._answer is None or not 0 <= ahead <= _GAP or offset >= self._end:
            return False
        scrap = memoryview(bytearray(ahead))
        while self._at < offset:
            if not self._read_into(self._answer, scrap[: offset - self._at]):
                return False
        return True

    def _end_for(self, offset: int, count: int) -> int:
        """Where a request from an offset is to end: with its planned part, else a little ahead."""
        for start, end in self._planned:
            if start <= offset < end:
                return end
        return min(self._size, offset + max(count, _AHEAD))

    def _open(self, start: int, end: int) -> None:
        self._drop()
        headers = {"Range": f"bytes={start}-{end - 1}"}
        if self._validator is not None:
            headers["If-Range"] = self._validator
        answer = self._client.open(self._url, headers, via=self._via)
        try:
            self._accept(answer, start, end)
        except Failure:
            answer.close()
            raise
        self._answer, self._at, self._via = answer, start, answer.url
        self._pace = Pace(self._settings)

    def _accept(self, answer: Answer, start: int, end: int) -> None:
        got = parse_content_range(answer.headers.get("content-range"))
        if answer.status != 206 or got is None:
            raise Failure(Kind.RANGE, f"HTTP {answer.status} to a request for a range")
        if got[0] != start or got[1] > end or got[2] != self._size:
            raise Failure(
                Kind.RANGE,
                f"Content-Range {got[0]}-{got[1] - 1}/{got[2]}, "
                f"asked for {start}-{end - 1}/{self._size}",
            )
        if self._validator is not None and not still_valid(self._validator, answer.headers):
            raise Failure(Kind.RANGE, "the file on the server has changed")
        if not self._pinned:
            self._validator, self._pinned = strong_validator(answer.headers), True
        self._end = got[1]

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None


def read_parts(parts: Parts, raw: RangeFile) -> None:
    """Has parts of an archive read.

    Raises:
        Failure: The bytes cannot be fetched, or are wrong.
    """
    try:
        file = cast(BinaryIO, io.BufferedReader(raw, _BUFFER))
        consume_parts(parts, file, raw.plan)
    except Exception:
        # A consumer may have wrapped the failure in an error of its own.
        if raw.failure is not None:
            raise raw.failure from None
        raise
