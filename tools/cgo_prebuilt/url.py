"""A URL type that prints without secrets.

A URL may hold a password, or a signature that grants access. So messages, logs and files get
`str(url)`; only what sends a request or writes a lock reads `url.raw`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import (
    SplitResult,
    parse_qsl,
    unquote,
    unquote_to_bytes,
    urljoin,
    urlsplit,
    urlunsplit,
)

from cgo_prebuilt.printable import one_line

_HIDDEN: Final = "***"
_DIGEST: Final = re.compile(r"(oci://.*/.*)(@sha256:[0-9a-f]*)")
_PORTS: Final = {"http": 80, "https": 443}
_FETCHABLE: Final = re.compile(
    r"(?i:file):(//[^\[\]/?#@: ]*/|/(?!/)).*|(?i:https?)://([^/?#]*@)?(\[[^\]/?#@]+\]|[^\[\]/?#@: ]+)"
    r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#].*)?",
    re.DOTALL,
)
_CREDENTIAL: Final = (
    r"(?i)(sig|signature|token|jwt|auth|authorization|credential|secret|pwd|sas)$|passw|^key$"
    r"|(api|access|private|account|secret)[-_]?key|key[-_]pair[-_]id|^hdne[at]"
)
"""Names of query parameters that grant access: of S3, Azure, Google, GitLab, CloudFront, Akamai."""


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """A URL or URL template, which may be malformed.

    Attributes:
        raw: The URL as written, including its secrets. Never use it in a message.
    """

    raw: str

    def __str__(self) -> str:
        return _redacted(self.raw)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    @property
    def scheme(self) -> str:
        """The scheme in lower case; empty without one."""
        scheme, colon, _ = self.raw.partition(":")
        return scheme.lower() if colon and scheme.isascii() and scheme.isalnum() else ""

    @property
    def host(self) -> str:
        """The host in lower case, without its port; empty without one."""
        try:
            return (self._parts().hostname or "").lower()
        except ValueError:
            return ""

    @property
    def name(self) -> str:
        """The last part of the path, decoded; empty without one."""
        _, _, place, _ = _divided(self.raw)
        return unquote(place.rpartition("/")[2]) if "/" in place else ""

    def is_fetchable(self) -> bool:
        """Return whether its scheme is supported and, for http and https, host and port are valid.

        `is_fetchable` in rules/private/fetchable_url.bzl decides the same.
        """
        return _FETCHABLE.fullmatch(self.raw) is not None

    def sibling(self, name: str) -> Url:
        """Return the URL of another file in the same folder, without the query."""
        scheme, login, place, _ = _divided(self.raw)
        return Url(f"{scheme}{login}{place.rpartition('/')[0]}/{name}")

    def origin(self) -> tuple[str, str, int | None]:
        """Scheme, host and port (RFC 6454), to which credentials are bound.

        Raises:
            ValueError: The URL is malformed.
        """
        parts = self._parts()
        return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)

    def login(self) -> tuple[str, str] | None:
        """User and password, decoded; None if there are none.

        Raises:
            ValueError: The URL is malformed.
        """
        parts = self._parts()
        if not parts.username:
            return None
        return unquote(parts.username), unquote(parts.password or "")

    def without_login(self) -> str:
        """Return the raw URL without user and password, as a request uses it.

        Raises:
            ValueError: The URL is malformed.
        """
        parts = self._parts()
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def credential(self) -> str | None:
        """Return a description of the secret in the URL; None without one."""
        _, login, place, rest = _divided(self.raw)
        if login or _shown(place) != place:
            return "a user or a password"
        query = rest.partition("#")[0].removeprefix("?")
        names = (name for name, _ in parse_qsl(query, keep_blank_values=True))
        name = next((name for name in names if re.search(_CREDENTIAL, name)), None)
        return None if name is None else f"a credential in its query, {name!r}"

    def redirect(self, location: str) -> Url:
        """Return a redirect's target (RFC 9110 10.2.2), without its fragment.

        Raises:
            ValueError: It leads from https to http or to another scheme, or is malformed.
        """
        # http.client decodes headers as latin-1, while servers send UTF-8.
        with contextlib.suppress(UnicodeError):
            location = location.encode("latin-1").decode("utf-8")
        try:
            target = urlsplit(urljoin(self.raw, location))
        except ValueError:
            raise ValueError("a redirect to a malformed URL") from None
        url = Url(urlunsplit(target._replace(fragment="")))
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"a redirect to '{Url(location)}', which is not an http or https URL")
        if self.scheme == "https" and url.scheme == "http":
            raise ValueError(f"a redirect from https to http ({url})")
        return url

    def file(self, *, windows: bool = os.name == "nt") -> str | None:
        """Return the path of a `file://` URL (RFC 8089); None for other schemes.

        Raises:
            ValueError: The URL names a file on another host, or no file.
        """
        if self.scheme != "file":
            return None
        parts = self._parts()
        path = os.fsdecode(unquote_to_bytes(parts.path))  # a name need not be UTF-8
        host = "" if parts.netloc.lower() == "localhost" else unquote(parts.netloc)
        if "\0" in path or not path:
            raise ValueError("a file URL without a path")
        if not windows:
            if host:
                raise ValueError(f"a file URL of another host ({self})")
            return path
        if host:
            return f"//{host}{path}"
        drive = path[1:3]
        if len(drive) == 2 and drive[0].isalpha() and drive[1] in ":|":
            return f"{drive[0]}:{path[3:] or '/'}"
        return path

    def below(self, placeholder: str) -> Url:
        """Return a file's URL template below this folder, or the template itself."""
        if placeholder in self.raw:
            return self
        scheme, login, place, rest = _divided(self.raw)
        return Url(f"{scheme}{login}{place.rstrip('/')}/{placeholder}{rest}")

    def map(self, fill: Callable[[str], str]) -> Url:
        """Return the URL with placeholders filled in, but not in user and password."""
        scheme, login, place, rest = _divided(self.raw)
        return Url(f"{scheme}{login}{fill(place + rest)}")

    def _parts(self) -> SplitResult:
        try:
            parts = urlsplit(self.raw)
            parts.port  # noqa: B018 - it is checked when it is read
        except ValueError:
            # Python's own text quotes the URL.
            raise ValueError("a malformed URL") from None
        return parts


def _redacted(raw: str) -> str:
    """Return a URL without user, password and query values.

    `printable_url` in rules/private/transport.bzl does the same.
    """
    scheme, login, place, rest = _divided(raw)
    shown = f"{scheme}{_HIDDEN + '@' if login else ''}{_shown(place)}"
    text = f"{shown}?{_HIDDEN}" if rest.startswith("?") else shown
    return one_line(text)


def _shown(place: str) -> str:
    host, colon, port = place.partition("/")[0].rpartition(":")
    if colon and port and not port.isdecimal() and not port.endswith("]"):
        return f"{host}:{_HIDDEN}"  # a user and a password, and nothing behind them
    return place


def _divided(raw: str) -> tuple[str, str, str, str]:
    """Split any URL: `https://`, `user:password@`, `host/path`, `?query`.

    A password that should have been percent-encoded may hold any of `/?#@`. So all up to the last
    `@` counts as one, unless it can only be the start of a path.
    """
    if digest := _DIGEST.fullmatch(raw):
        scheme, login, place, rest = _divided(digest[1])
        return scheme, login, place + rest + digest[2], ""
    scheme, separator, rest = raw.partition("://")
    scheme, rest = (scheme + separator, rest) if separator else ("", raw)
    head, at, tail = rest.rpartition("@")
    authority = re.split(r"[/?#\\]", head, maxsplit=1)[0]
    is_host = "." in authority or authority == "localhost"
    is_path = ":" not in head and "@" not in authority and is_host
    if is_path or (scheme.lower() == "file://" and rest.startswith("/")):
        at = ""
    login, rest = (head + at, tail) if at else ("", rest)
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    return scheme, login, place, rest[len(place) :]
