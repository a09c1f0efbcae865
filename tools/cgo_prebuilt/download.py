"""What is fetched from the first of its URLs that gives the right bytes."""

from __future__ import annotations

from dataclasses import dataclass

from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class Download:
    """A file to fetch.

    Attributes:
        file: Its file name, without a folder.
        urls: Where it is: http, https or file, in the order to try.
        sha256: Of all of it, 64 lower-case hex digits; None if only making a lock will tell.
        size: Of all of it, in bytes; or None likewise.
    """

    file: str
    urls: tuple[Url, ...]
    sha256: str | None = None
    size: int | None = None
