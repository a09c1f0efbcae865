"""A response whose body is read later, within limits of time and size."""

from __future__ import annotations

import http.client
import time
import zlib
from collections.abc import Mapping
from typing import Any, Final

from cgo_prebuilt.network.failure import Failure, Kind, failure_of
from cgo_prebuilt.network.guarded import BUFFER, Guard
from cgo_prebuilt.url import Url

_FRAMING: Final = 1 << 17
"""The most bytes of chunk sizes and trailers that one read may skip."""
_GZIP: Final = ("gzip", "x-gzip")
_PIECE: Final = 1 << 16


class Answer:
    """A response with an unread body.

    Attributes:
        url: The URL at the end of the redirects.
        status: The HTTP status.
        reason: The server's reason phrase.
        headers: The fields by name, ignoring case.
        content_encoding: The `Content-Encoding`, in lower case; empty if the response does not state it.
        length: The number of bytes of the body; None if the response does not state it.
    """

    def __init__(self, response: Any, url: Url, guard: Guard, seconds: float) -> None:
        """Begin an answer.

        Args:
            response: The response from requests.
            url: The URL at the end of the redirects.
            guard: Bounds the reads.
            seconds: The longest time that one read may take.

        Raises:
            Failure: Its length is invalid.
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
        self.content_encoding = self.headers.get("content-encoding", "").strip().lower()
        self.length = self._length()

    def _length(self) -> int | None:
        value = self.headers.get("content-length")
        if value is None or "chunked" in self.headers.get("transfer-encoding", "").lower():
            return None
        text = value.strip()
        if not (text.isascii() and text.isdigit()):
            raise Failure(Kind.MALFORMED, f"the invalid Content-Length {text[:40]!r}")
        return int(text[:20])

    def read_into(self, piece: memoryview) -> int:
        """Read available bytes into `piece`, at least one.

        This makes one system call, or a few at the borders of a chunk, so that a trickling server cannot
        block the reader.

        Returns:
            The number of bytes; 0 at the end of the body.

        Raises:
            Failure: The connection broke, or chunk sizes and trailers exceeded the limit.
        """
        try:
            self._guard.allow(len(piece) + _FRAMING, self._seconds)
            if self._direct and len(piece) > BUFFER:
                return self._http.readinto(piece)
            data = self._http.read1(len(piece))
            # The bytes that were read ahead are used up: from here on, no intermediate copy is needed.
            self._direct |= len(piece) >= BUFFER and not self._http.chunked
        except Exception as error:
            raise failure_of(error) from error
        piece[: len(data)] = data
        return len(data)

    def read_all(self, most: int, seconds: float) -> bytes:
        """Read a small body; decompress one that a server stores compressed (`Content-Encoding: gzip`).

        Args:
            most: The most bytes that it may have.
            seconds: How long it may take.

        Raises:
            Failure: It is larger, slower, or incomplete.
        """
        deadline = time.monotonic() + seconds
        content, buffer = bytearray(), memoryview(bytearray(_PIECE))
        while len(content) <= most and (got := self.read_into(buffer)):
            content += buffer[:got]
            if time.monotonic() > deadline:
                raise Failure(Kind.SLOW, f"the answer was not complete after {seconds:g} s")
        _check_size(content, most)
        if self._http.length:
            raise Failure(Kind.TRUNCATED, f"the answer ended at byte {len(content)}")
        is_packed = self.content_encoding in _GZIP
        return _unpacked(bytes(content), most) if is_packed else bytes(content)

    def page_note(self) -> str:
        """Return a note for an error if the body is a web page instead of a file; else an empty text."""
        is_page = self.headers.get("content-type", "").lower().startswith("text/html")
        return "; it is a web page, perhaps for a login or an error" if is_page else ""

    def close(self, *, keep: bool = True) -> None:
        """Close the response.

        Args:
            keep: Whether to keep the connection if the body was read to its end.
        """
        ended = self._http.isclosed() or self._http.length == 0
        if keep and ended and not self._http.will_close:
            self._http.close()
            self._response.raw.release_conn()
        else:
            self._response.close()


def _check_size(content: bytes | bytearray, most: int) -> None:
    if len(content) > most:
        raise Failure(
            Kind.MALFORMED,
            f"an answer of more than {most} bytes",
            remedy="check the URL: a short text is expected there, not an archive",
        )


def _unpacked(content: bytes, most: int) -> bytes:
    """Return a body without its gzip; as it is if the server is wrong about that."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(content, most + 1)
    except zlib.error:
        return content
    _check_size(plain, most)
    return plain if unpacker.eof else content
