"""A response whose body is still to be read, always within bounds."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from typing import Any, Final

from cgo_prebuilt.network.failure import Failure, Kind, failure_of
from cgo_prebuilt.network.guarded import BUFFER, Guard
from cgo_prebuilt.url import Url

_FRAMING: Final = 1 << 17
"""The most bytes of chunk sizes and trailers that one read may have to pass over."""
_PIECE: Final = 1 << 16


class Answer:
    """A response with an unread body.

    Attributes:
        url: Where the redirects ended.
        status: The HTTP status.
        reason: The server's words for it.
        headers: By name, without regard to case.
        length: How many bytes the body has, or None where only its end will tell.
    """

    def __init__(self, response: Any, url: Url, guard: Guard, seconds: float) -> None:
        """Begin an answer.

        Args:
            response: What requests made of it.
            url: Where the redirects ended.
            guard: Bounds the reads.
            seconds: The longest time that one read may take.

        Raises:
            Failure: Its length makes no sense.
        """
        if guard.response is None:
            raise AssertionError("requests has read no answer through the guard")
        self._response = response
        self._http: http.client.HTTPResponse = guard.response
        self._guard = guard
        self._seconds = seconds
        self._direct = False
        self.url = url
        self.status: int = response.status_code
        self.reason: str = response.reason or ""
        self.headers: Mapping[str, str] = response.headers
        self.length = self._length()

    def _length(self) -> int | None:
        value = self.headers.get("content-length")
        if value is None or "chunked" in self.headers.get("transfer-encoding", "").lower():
            return None
        text = value.strip()
        if not (text.isascii() and text.isdigit()):
            raise Failure(Kind.MALFORMED, f"a Content-Length of {text[:40]!r}")
        return int(text[:20])

    def read_into(self, piece: memoryview) -> int:
        """Read available bytes, at least one; 0 at the end of the body.

        One system call, or some around the frame of a chunk, so that a server that trickles cannot
        hold the reader.

        Raises:
            Failure: The connection broke, or its bytes bring nothing.
        """
        try:
            self._guard.allow(len(piece) + _FRAMING, self._seconds)
            if self._direct and len(piece) > BUFFER:
                return self._http.readinto(piece)
            data = self._http.read1(len(piece))
            # What was read ahead is used up: from here on, bytes need no copy in between.
            self._direct |= len(piece) >= BUFFER and not self._http.chunked
        except Exception as error:
            raise failure_of(error) from error
        piece[: len(data)] = data
        return len(data)

    def read_all(self, most: int, seconds: float) -> bytes:
        """Read a small body.

        Args:
            most: How many bytes it may have.
            seconds: How long it may take.

        Raises:
            Failure: It is larger, slower, or does not come whole.
        """
        deadline = time.monotonic() + seconds
        content, buffer = bytearray(), memoryview(bytearray(_PIECE))
        while len(content) <= most and (got := self.read_into(buffer)):
            content += buffer[:got]
            if time.monotonic() > deadline:
                raise Failure(Kind.SLOW, f"the answer was not there after {seconds:g} s")
        if len(content) > most:
            raise Failure(Kind.MALFORMED, f"an answer of more than {most} bytes")
        if self._http.length:
            raise Failure(Kind.TRUNCATED, f"the answer ended at byte {len(content)}")
        return bytes(content)

    def close(self, *, keep: bool = True) -> None:
        """Close the response.

        Args:
            keep: Whether to keep the connection where the body was read to its end.
        """
        ended = self._http.isclosed() or self._http.length == 0
        if keep and ended and not self._http.will_close:
            self._http.close()
            self._response.raw.release_conn()
        else:
            self._response.close()
