"""What to do after a failure."""

from __future__ import annotations

import http.client
import re
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import urllib3

from cgo_prebuilt.network.failure import Failure, Kind, failure_of, status_failure
from cgo_prebuilt.network.retry import (
    Patience,
    Verdict,
    classify,
    parse_retry_after,
    requested_wait,
    retrying,
)
from cgo_prebuilt.network.transport_settings import TransportSettings

SETTINGS = TransportSettings(tries=5, quick_tries=2, first_wait=1, longest_wait=3)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:01:30 GMT", 90.0),
        ("Thursday, 01-Jan-26 00:01:30 GMT", 90.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


def test_retry_after_of_absurd_length_is_a_number() -> None:
    assert parse_retry_after("9" * 5000) == 999_999_999_999.0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_statuses_to_try_again(status: int) -> None:
    assert classify(status_failure(status, "", None)) is Verdict.AGAIN


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 407, 410, 451, 501, 505])
def test_statuses_for_the_next_mirror(status: int) -> None:
    assert classify(status_failure(status, "", None)) is Verdict.NEXT_MIRROR


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (Kind.RESET, Verdict.AGAIN),
        (Kind.TRUNCATED, Verdict.AGAIN),
        (Kind.TIMEOUT, Verdict.AGAIN),
        (Kind.SLOW, Verdict.AGAIN),
        (Kind.DNS, Verdict.AGAIN),
        (Kind.TLS, Verdict.NEXT_MIRROR),
        (Kind.MISMATCH, Verdict.NEXT_MIRROR),
        (Kind.LOCAL, Verdict.NEVER),
        (Kind.LIMIT_EXCEEDED, Verdict.NEVER),
    ],
)
def test_kinds(kind: Kind, verdict: Verdict) -> None:
    assert classify(Failure(kind, "")) is verdict


def test_waits_double_up_to_the_longest_and_end() -> None:
    patience = Patience(SETTINGS, jitter=lambda: 0.5)
    waits = [patience.wait(Failure(Kind.RESET, "r"), 0) for _ in range(4)]
    assert waits == [1, 2, 3, 3]
    with pytest.raises(Failure, match="r"):
        patience.wait(Failure(Kind.RESET, "r"), 0)


def test_after_slow_tries_there_is_no_other() -> None:
    """Six tries of a minute each are six minutes; two are enough to know."""
    patience = Patience(replace(SETTINGS, fruitless_seconds=90))
    patience.wait(Failure(Kind.TIMEOUT, ""), 0, 60)
    with pytest.raises(Failure):
        patience.wait(Failure(Kind.TIMEOUT, ""), 0, 60)


def test_slow_tries_that_brought_much_do_not_count() -> None:
    patience = Patience(replace(SETTINGS, fruitless_seconds=90))
    for _ in range(9):
        patience.wait(Failure(Kind.RESET, ""), 0, 60)
        patience.wait(Failure(Kind.RESET, ""), SETTINGS.progress_bytes, 600)


def test_waits_are_spread_by_jitter() -> None:
    low = Patience(SETTINGS, jitter=lambda: 0.0).wait(Failure(Kind.RESET, ""), 0)
    high = Patience(SETTINGS, jitter=lambda: 1.0).wait(Failure(Kind.RESET, ""), 0)
    assert (low, high) == (0.5, 1.5)


def test_a_try_that_brought_much_starts_the_count_again() -> None:
    patience = Patience(SETTINGS)
    for _ in range(50):
        patience.wait(Failure(Kind.RESET, ""), SETTINGS.progress_bytes)


def test_a_host_that_is_not_there_is_tried_less_often() -> None:
    patience = Patience(SETTINGS)
    patience.wait(Failure(Kind.REFUSED, ""), 0)
    with pytest.raises(Failure):
        patience.wait(Failure(Kind.REFUSED, ""), 0)


def test_retry_after_overrides_the_backoff_up_to_a_cap() -> None:
    patience = Patience(SETTINGS)
    assert patience.wait(status_failure(429, "", 7.0), 0) == 7.0
    with pytest.raises(Failure) as caught:
        patience.wait(status_failure(429, "Slow Down", 1e6), 0)
    assert caught.value.reason == "HTTP 429 Slow Down, and asks to wait 1000000 seconds"


def test_a_server_that_asks_again_and_again_is_given_up_as_if_it_asked_once() -> None:
    patience = Patience(replace(SETTINGS, longest_retry_after=100))
    assert patience.wait(status_failure(429, "", 60.0), 0) == 60.0
    with pytest.raises(Failure) as caught:
        patience.wait(status_failure(429, "", 60.0), 0)
    said = r"HTTP 429, and asks to wait 60 seconds, until \d\d:\d\d UTC"
    assert re.fullmatch(said, caught.value.reason)


def test_an_error_of_the_network_that_is_not_known_is_a_broken_connection() -> None:
    failure = failure_of(http.client.HTTPException("odd"))
    assert (failure.kind, failure.reason) == (Kind.RESET, "the connection broke (odd)")
    assert failure_of(urllib3.exceptions.HTTPError("odd")).kind is Kind.RESET


@pytest.mark.parametrize("error", [RuntimeError("odd"), AttributeError("odd"), MemoryError("odd")])
def test_an_error_of_an_unknown_kind_is_a_fault_that_is_not_tried_again(error: Exception) -> None:
    error.__context__ = TimeoutError("on the way there")
    failure = failure_of(error)
    text = f"an unexpected {type(error).__name__}"
    assert (failure.kind, failure.reason) == (Kind.UNEXPECTED, text)
    assert classify(failure) is Verdict.NEXT_MIRROR


AT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (200, {"retry-after": "5"}, "", None),
        (503, {"retry-after": "5"}, "", 5.0),
        (503, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000030"}, "", None),
        (403, {}, "Resource not accessible by integration", None),
        (403, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1700000030"}, "", None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000030"}, "", 31.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1600000000"}, "", 1.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, "", None),
        (403, {"retry-after": "5", "x-ratelimit-remaining": "0"}, "", 5.0),
        (429, {"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}, "", 10.0),
        (403, {}, "You have exceeded a secondary rate limit.", 60.0),
        (429, {}, "", None),
    ],
)
def test_how_long_a_limit_asks_to_wait(
    status: int, headers: dict[str, str], message: str, wait: float | None
) -> None:
    assert requested_wait(status, headers, message, AT) == wait


def test_what_is_tried_again_and_what_is_not() -> None:
    failures = [Failure(Kind.RESET, "r"), status_failure(503, "", None), status_failure(403, "", 9)]
    pauses = list[float]()

    def action() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    def pause(seconds: float, failure: Failure) -> None:
        pauses.append(seconds)

    patience = Patience(SETTINGS, jitter=lambda: 0.5)
    patience.settings = replace(SETTINGS, longest_retry_after=10)
    assert retrying(action, patience, pause) == "done"
    assert pauses == [1, 2, 9]
    failures.append(status_failure(404, "", None))
    with pytest.raises(Failure, match="404"):
        retrying(action, patience, pause)
    assert pauses == [1, 2, 9]
