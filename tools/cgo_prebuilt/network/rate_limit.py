"""How long an API asks to be left alone. Pure decisions.

GitHub's documents: "Rate limits for the REST API" and "Best practices for using the REST API".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from cgo_prebuilt.network.retry import parse_retry_after

_SECONDARY = "secondary rate limit"
_SECONDARY_WAIT = 60.0
# A clock that is a little behind the server's must not lead to a second refusal.
_MARGIN = 1.0


def wait_for_limit(
    status: int, headers: Mapping[str, str], message: str, now: float
) -> float | None:
    """The wait in seconds that a refused request was answered with.

    Args:
        status: The HTTP status.
        headers: By name, without regard to case.
        message: What the body says.
        now: Seconds since the epoch.

    Returns:
        None where the answer has nothing to do with a limit: a 403 is most often a missing permission.
    """
    if status not in (403, 429):
        return None
    asked = parse_retry_after(
        headers.get("retry-after"), now=datetime.fromtimestamp(now, timezone.utc)
    )
    if asked is not None:
        return asked
    reset = headers.get("x-ratelimit-reset", "").strip()
    if headers.get("x-ratelimit-remaining", "").strip() == "0" and reset.isdigit():
        return max(0.0, float(reset[:12]) - now) + _MARGIN
    if status == 429 or _SECONDARY in message.lower():
        return _SECONDARY_WAIT
    return None
