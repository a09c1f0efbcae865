"""Check whether a resource is unchanged: validators and ranges (RFC 9110 8.8, 14.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE = re.compile(r"bytes[ \t]+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.IGNORECASE)


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """Return a value for If-Range: a strong ETag, else a strong Last-Modified.

    A date is strong if it is at least a minute older than the answer (RFC 9110 8.8.2.2); otherwise a file
    that changes twice within a second would look unchanged.
    """
    etag = headers.get("etag", "").strip()
    if etag:
        return etag if _STRONG.fullmatch(etag) else None
    modified, date = headers.get("last-modified", "").strip(), headers.get("date", "").strip()
    try:
        age = parsedate_to_datetime(date) - parsedate_to_datetime(modified)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return modified if age >= timedelta(minutes=1) else None


def still_valid(validator: str, headers: Mapping[str, str]) -> bool:
    """Return whether a response is of the resource that a validator came from."""
    name = "etag" if validator.startswith('"') else "last-modified"
    return headers.get(name, "").strip() == validator


def parse_content_range(value: str | None) -> tuple[int, int, int | None] | None:
    """Return start, end (excluded) and total of a Content-Range (RFC 9110 14.4); None if malformed."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if last < first or (total is not None and last >= total):
        return None
    return first, last + 1, total


def takes_ranges(headers: Mapping[str, str]) -> bool:
    """Return whether a server may support ranges: False only if it says that it does not."""
    return headers.get("accept-ranges", "bytes").strip().lower() != "none"


@dataclass(frozen=True)
class Resource:
    """A file, as an earlier response described it.

    Attributes:
        validator: The strong validator; None without one.
        total: Its size in bytes.
    """

    validator: str | None
    total: int | None


class ResponseHead(Protocol):
    """The head of a response."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The fields by name, ignoring case."""

    @property
    def length(self) -> int | None:
        """The body's length, if stated."""


def range_mismatch(
    resource: Resource, asked: tuple[int, int] | None, answer: ResponseHead
) -> str | None:
    """Return why a response does not continue the bytes present (RFC 9110 15.3.7, 15.5.17).

    Args:
        resource: The file of those bytes.
        asked: The start and end (excluded) of the requested range; None if the whole was requested.
        answer: The response, with status 200, 206 or 416.

    Returns:
        The reason; None if it fits.
    """
    if answer.status == 416:
        return "HTTP 416 Range Not Satisfiable"
    if asked is None and answer.status == 206:
        return "HTTP 206, although no range was requested"
    if asked is not None:
        if answer.status == 200:
            return "the server sent all of it where a part was asked for"
        got = parse_content_range(answer.headers.get("content-range"))
        if got is None:
            return "HTTP 206 without a valid Content-Range"
        start, end, total = got
        if start != asked[0] or end > asked[1] or total != resource.total:
            return f"Content-Range {start}-{end - 1}/{total} for {asked[0]}-/{resource.total}"
        if answer.length not in (None, end - start):
            return f"Content-Length {answer.length} for Content-Range {start}-{end - 1}"
    elif answer.length != resource.total:
        return "the file on the server has changed its size"
    if resource.validator is None or still_valid(resource.validator, answer.headers):
        return None
    return "the file on the server has changed"
