"""A small response that was read completely; its text is untrusted."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.printable import one_line
from cgo_prebuilt.url import Url

_MESSAGE: Final = re.compile(r"(?i)<(?:\w{1,20}:)?message(?: [^<>]{0,200})?>([^<>]+)<")
_LONGEST_MESSAGE: Final = 1 << 14
_MOST_VALUES: Final = 500_000
"""The most values of a JSON text: each takes 100 to 200 bytes of memory, however short its text."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response.

    Attributes:
        url: The requested URL.
        status: The HTTP status.
        reason: The server's reason phrase.
        headers: The fields by name, ignoring case.
        content: The body.
        final: The URL at the end of the redirects, the base of relative links in the body.
    """

    url: Url
    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    final: Url

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            UnavailableError: It is not JSON.
        """
        try:
            return self._document()
        except ValueError:
            raise UnavailableError(
                "the answer is not JSON",
                where=self.url,
                remedy="check GITHUB_API_URL, and the proxies between this machine and the server",
            ) from None

    def message(self) -> str:
        """Return the body's error message on one line; empty without one."""
        try:
            document = self._document()
        except ValueError:
            return self._plain_message()
        if not isinstance(document, dict):
            return ""
        parts = [document.get("message")]
        errors = document.get("errors")
        for error in errors if isinstance(errors, list) else []:
            parts.append(
                error.get("message") or error.get("code") if isinstance(error, dict) else error
            )
        return _line(": ".join(part for part in parts if isinstance(part, str) and part))

    def _plain_message(self) -> str:
        """Return the message of S3's or WebDAV's XML (`<Message>`), or of a short plain text."""
        text = self.content[:_LONGEST_MESSAGE].decode(errors="replace")
        if found := _MESSAGE.search(text):
            return _line(html.unescape(found[1]))
        is_plain = self.headers.get("content-type", "").lower().startswith("text/plain")
        return _line(text) if is_plain else ""

    def _document(self) -> Any:
        if sum(map(self.content.count, (b",", b":", b"[", b"{"))) > _MOST_VALUES:
            raise ValueError("too many values")
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _line(text: str) -> str:
    """Return untrusted text on one line, safe for a terminal."""
    return " ".join(one_line(text[:300], " ").split())
