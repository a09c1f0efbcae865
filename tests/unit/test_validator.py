"""Whether an answer fits the bytes that an earlier one left (RFC 9110 15.3.7, 15.5.17)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from cgo_prebuilt.network.validator import (
    Resource,
    parse_content_range,
    range_mismatch,
    still_valid,
    strong_validator,
    takes_ranges,
)

FILE = Resource('"v1"', 100)
TAG = {"etag": '"v1"'}


@dataclass(frozen=True)
class Head:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


def _part(content_range: str, length: int | None = None, etag: str = '"v1"') -> Head:
    return Head(206, {"etag": etag, "content-range": content_range}, length)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ((40, 100), _part("bytes 40-99/100", 60)),
        ((40, 100), _part("bytes 40-99/100")),
        ((40, 100), _part("bytes 40-59/100", 20)),  # a server may send less than was asked for
        (None, Head(200, TAG, 100)),
    ],
)
def test_what_fits(asked: tuple[int, int] | None, answer: Head) -> None:
    assert range_mismatch(FILE, asked, answer) is None


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [
        ((40, 100), Head(416, TAG), "HTTP 416 Range Not Satisfiable"),
        (None, _part("bytes 0-99/100", 100), "HTTP 206, although no range was requested"),
        ((40, 100), Head(200, TAG, 100), "the server sent all of it where a part was asked for"),
        ((40, 100), Head(206, TAG, 60), "HTTP 206 without a valid Content-Range"),
        ((40, 100), _part("bytes 41-99/100", 59), "Content-Range 41-99/100 for 40-/100"),
        ((40, 60), _part("bytes 40-60/100", 21), "Content-Range 40-60/100 for 40-/100"),
        ((40, 100), _part("bytes 40-99/101", 60), "Content-Range 40-99/101 for 40-/100"),
        ((40, 100), _part("bytes 40-99/*", 60), "Content-Range 40-99/None for 40-/100"),
        ((40, 100), _part("bytes 40-99/100", 61), "Content-Length 61 for Content-Range 40-99"),
        (
            (40, 100),
            _part("bytes 40-99/100", 60, etag='"v2"'),
            "the file on the server has changed",
        ),
        (None, Head(200, TAG, 101), "the file on the server has changed its size"),
        (None, Head(200, {"etag": '"v2"'}, 100), "the file on the server has changed"),
    ],
)
def test_what_does_not(asked: tuple[int, int] | None, answer: Head, reason: str) -> None:
    assert range_mismatch(FILE, asked, answer) == reason


NOON, A_MINUTE_LATER = "Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:01:00 GMT"
SOONER = "Fri, 20 Nov 2026 12:00:59 GMT"


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": ' "v1" '}, '"v1"'),
        ({"etag": '""'}, '""'),
        ({"etag": 'W/"v1"'}, None),
        ({"etag": "v1"}, None),
        ({"etag": '"v\t1"'}, None),
        # A weak tag is no reason to believe the date beside it.
        ({"etag": 'W/"v1"', "last-modified": NOON, "date": A_MINUTE_LATER}, None),
        ({"etag": "", "last-modified": f" {NOON} ", "date": f" {A_MINUTE_LATER} "}, NOON),
        ({"last-modified": NOON, "date": SOONER}, None),
        ({"last-modified": NOON}, None),
        ({"date": A_MINUTE_LATER}, None),
        ({"last-modified": "yesterday", "date": A_MINUTE_LATER}, None),
        ({"last-modified": NOON, "date": "Fri, 20 Nov 2026 12:01:00 -0000"}, None),
        ({}, None),
    ],
)
def test_a_validator_is_strong_or_none(headers: Mapping[str, str], validator: str | None) -> None:
    assert strong_validator(headers) == validator


@pytest.mark.parametrize(
    ("validator", "headers", "same"),
    [
        ('"v1"', {"etag": ' "v1" '}, True),
        ('"v1"', {"etag": '"v2"', "last-modified": '"v1"'}, False),
        ('"v1"', {}, False),
        (NOON, {"last-modified": f" {NOON} "}, True),
        (NOON, {"last-modified": A_MINUTE_LATER, "etag": NOON}, False),
        (NOON, {}, False),
    ],
)
def test_an_answer_is_of_the_same_resource(
    validator: str, headers: Mapping[str, str], same: bool
) -> None:
    assert still_valid(validator, headers) is same


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("bytes 0-9/10", (0, 10, 10)),
        (" Bytes\t 3-3/* ", (3, 4, None)),
        ("bytes 5-5/6", (5, 6, 6)),
        ("bytes 5-4/*", None),
        ("bytes 5-4/10", None),
        ("bytes 0-10/10", None),
        ("bytes 0-9/10 x", None),
        ("bytes */10", None),
        ("bytes 0-/10", None),
        ("bytes 0-99999999999999999999/*", None),
        ("", None),
        (None, None),
    ],
)
def test_a_content_range_is_read_or_malformed(
    value: str | None, parsed: tuple[int, int, int | None] | None
) -> None:
    assert parse_content_range(value) == parsed


@pytest.mark.parametrize(
    ("headers", "takes"),
    [
        ({}, True),
        ({"accept-ranges": "bytes"}, True),
        ({"accept-ranges": "none"}, False),
        ({"accept-ranges": " None "}, False),
    ],
)
def test_ranges_are_taken_unless_the_server_says_no(
    headers: Mapping[str, str], takes: bool
) -> None:
    assert takes_ranges(headers) is takes


DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"a"'}, '"a"'),
        ({"etag": '"a"', "last-modified": DATE}, '"a"'),
        ({"etag": 'W/"a"', "last-modified": DATE, "date": DATE}, None),
        ({"etag": "a"}, None),
        ({"etag": '"a\nb"'}, None),
        ({"last-modified": DATE, "date": "Thu, 01 Jan 2026 00:01:00 GMT"}, DATE),
        ({"last-modified": DATE, "date": "Thu, 01 Jan 2026 00:00:59 GMT"}, None),
        ({"last-modified": DATE}, None),
        ({"last-modified": "?", "date": DATE}, None),
        ({}, None),
    ],
)
def test_strong_validator(headers: dict[str, str], validator: str | None) -> None:
    assert strong_validator(headers) == validator


def test_still_valid_compares_what_the_validator_was_taken_from() -> None:
    assert still_valid('"a"', {"etag": '"a"'})
    assert not still_valid('"a"', {"etag": '"b"', "last-modified": '"a"'})
    assert still_valid(DATE, {"last-modified": DATE})
    assert not still_valid(DATE, {})


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("bytes 0-9/10", (0, 10, 10)),
        ("Bytes 5-5/*", (5, 6, None)),
        ("bytes 5-4/10", None),
        ("bytes 0-10/10", None),
        ("bytes */10", None),
        ("bytes -1-5/10", None),
        ("", None),
        (None, None),
    ],
)
def test_content_range(value: str | None, parsed: tuple[int, int, int | None] | None) -> None:
    assert parse_content_range(value) == parsed
