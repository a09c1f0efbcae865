"""Whether an answer fits the bytes that an earlier one left (RFC 9110 15.3.7, 15.5.17)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from cgo_prebuilt.network.validator import Resource, misfit

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
    assert misfit(FILE, asked, answer) is None


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [
        ((40, 100), Head(416, TAG), "416"),
        (None, _part("bytes 0-99/100", 100), "206 without asking"),
        ((40, 100), Head(200, TAG, 100), "sent all of it"),
        ((40, 100), Head(206, TAG, 60), "without a valid Content-Range"),
        ((40, 100), _part("bytes 41-99/100", 59), "41-99/100 for 40-/100"),
        ((40, 60), _part("bytes 40-60/100", 21), "40-60/100 for 40-/100"),
        ((40, 100), _part("bytes 40-99/101", 60), "40-99/101 for 40-/100"),
        ((40, 100), _part("bytes 40-99/*", 60), "40-99/None for 40-/100"),
        ((40, 100), _part("bytes 40-99/100", 61), "Content-Length 61"),
        ((40, 100), _part("bytes 40-99/100", 60, etag='"v2"'), "the file has changed"),
        (None, Head(200, TAG, 101), "changed its size"),
        (None, Head(200, {"etag": '"v2"'}, 100), "the file has changed"),
    ],
)
def test_what_does_not(asked: tuple[int, int] | None, answer: Head, reason: str) -> None:
    assert reason in (misfit(FILE, asked, answer) or "")
