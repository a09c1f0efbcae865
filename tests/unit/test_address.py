"""What URLs mean, and what tells whether a resource is the same."""

from __future__ import annotations

import pytest

from cgo_prebuilt.network.address import file_of, origin_of, redacted, redirect_target
from cgo_prebuilt.network.validator import parse_content_range, still_valid, strong_validator


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a%20b/%C3%A4.zip", "/a b/ä.zip"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:///m%FF", "/m\udcff"),  # a name that is not UTF-8, as Linux allows
        ("http://host/a", None),
    ],
)
def test_file_url(url: str, path: str | None) -> None:
    assert file_of(url, windows=False) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/a%20b", "C:/a b"),
        ("file:///C|/a", "C:/a"),
        ("file://server/share/a", "//server/share/a"),
        ("file:///a", "/a"),
    ],
)
def test_file_url_on_windows(url: str, path: str) -> None:
    assert file_of(url, windows=True) == path


@pytest.mark.parametrize("url", ["file://elsewhere/a", "file://", "file:///a%00b"])
def test_file_url_that_names_no_file_here(url: str) -> None:
    with pytest.raises(ValueError, match="file URL"):
        file_of(url, windows=False)


def test_redacted_hides_user_and_query() -> None:
    assert redacted("https://me:pass@host:8/a?sig=x#f") == "https://host:8/a"
    assert redacted("http://[::1/a?x") == "http://[::1/a"


def test_origin_has_a_default_port() -> None:
    assert origin_of("https://Host/a") == origin_of("https://host:443/b")
    assert origin_of("http://host/a") != origin_of("http://host:8080/a")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?c#d", "https://h/b?c"),
        ("b", "https://h/x/b"),
        ("//other/b", "https://other/b"),
        ("https://other/Ã¤", "https://other/ä"),
    ],
)
def test_redirect_target(location: str, target: str) -> None:
    assert redirect_target("https://h/x/a", location) == target


@pytest.mark.parametrize("location", ["http://h/", "file:///a", "javascript:1"])
def test_redirect_that_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match="a redirect"):
        redirect_target("https://h/x/a", location)


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
