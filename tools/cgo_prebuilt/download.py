"""A file to fetch, from the first of its URLs that serves the right bytes."""

from __future__ import annotations

from dataclasses import dataclass

from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class Download:
    """A file to fetch.

    Attributes:
        file: Its file name, without a folder.
        urls: Where it is: http, https or file, in the order to try.
        sha256: The SHA-256 of the whole file, 64 lower-case hex digits; None if not locked yet.
        size: The size of the whole file in bytes; None if unknown.
    """

    file: str
    urls: tuple[Url, ...]
    sha256: str | None = None
    size: int | None = None
