"""What a URL means: where a redirect may lead, which file it names, how it may be shown."""

from __future__ import annotations

import contextlib
import os
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit, urlunsplit


def redacted(url: str) -> str:
    """The URL as it may stand in a message: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("?", 1)[0]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def host_of(url: str) -> str:
    """The host of a URL in lower case, without its port; empty where there is none."""
    return (urlsplit(url).hostname or "").lower()


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what credentials are bound to (RFC 6454).

    Raises:
        ValueError: The port is not a number.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def redirect_target(url: str, location: str) -> str:
    """Where a redirect leads (RFC 9110 10.2.2), without its fragment.

    Raises:
        ValueError: It leads from https to http, to another scheme, or nowhere.
    """
    # http.client hands headers over as latin-1, while servers send UTF-8.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    target = urlsplit(urljoin(url, location))
    if target.scheme not in ("http", "https") or not target.hostname:
        raise ValueError(f"a redirect to {redacted(location)!r}, which is no http or https URL")
    if urlsplit(url).scheme == "https" and target.scheme == "http":
        raise ValueError(f"a redirect from https to http ({redacted(target.geturl())})")
    return urlunsplit(target._replace(fragment=""))


def file_of(url: str, *, windows: bool = os.name == "nt") -> str | None:
    """The path that a `file://` URL names (RFC 8089), or None for a URL of another scheme.

    Raises:
        ValueError: The URL names another host's file, or none.
    """
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = os.fsdecode(unquote_to_bytes(parts.path))  # a name need not be UTF-8
    host = "" if parts.netloc.lower() == "localhost" else unquote(parts.netloc)
    if "\0" in path or not path:
        raise ValueError("a file URL without a path")
    if not windows:
        if host:
            raise ValueError(f"a file URL of another host, {host!r}")
        return path
    if host:
        return f"//{host}{path}"
    drive = path[1:3]
    if len(drive) == 2 and drive[0].isalpha() and drive[1] in ":|":
        return f"{drive[0]}:{path[3:] or '/'}"
    return path
