"""How long an API asks to be left alone."""

from __future__ import annotations

import pytest

from cgo_prebuilt.network.rate_limit import wait_for_limit

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (200, {"retry-after": "5"}, "", None),
        (403, {}, "Resource not accessible by integration", None),
        (403, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1700000030"}, "", None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000030"}, "", 31.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1600000000"}, "", 1.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, "", 60.0),
        (403, {"retry-after": "5", "x-ratelimit-remaining": "0"}, "", 5.0),
        (429, {"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}, "", 10.0),
        (403, {}, "You have exceeded a secondary rate limit.", 60.0),
        (429, {}, "", 60.0),
    ],
)
def test_the_wait(status: int, headers: dict[str, str], message: str, wait: float | None) -> None:
    assert wait_for_limit(status, headers, message, NOW) == wait
