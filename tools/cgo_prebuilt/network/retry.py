"""The retry policy: which failures are retried, and after what wait.

If the server had closed a kept connection, the request is first repeated once. That is not counted.
"""

from __future__ import annotations

import enum
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.transport_settings import TransportSettings

_AGAIN: Final = frozenset(
    {Kind.DNS, Kind.REFUSED, Kind.TIMEOUT, Kind.RESET, Kind.TRUNCATED, Kind.SLOW, Kind.PROXY}
)
_NEVER: Final = frozenset({Kind.LIMIT_EXCEEDED, Kind.LOCAL, Kind.STOPPED})
_QUICK: Final = frozenset({Kind.DNS, Kind.REFUSED, Kind.PROXY})
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_DAY: Final = 86400.0
_SECONDARY: Final = "secondary rate limit"
_SECONDARY_WAIT: Final = 60.0
# Wait a little longer, in case this machine's clock is behind the server's.
_MARGIN: Final = 1.0

_Result = TypeVar("_Result")


class Verdict(enum.Enum):
    """The response to a failure."""

    AGAIN = "again"
    NEXT_MIRROR = "next mirror"
    NEVER = "never"


def classify(failure: Failure) -> Verdict:
    """Classify a failure (statuses by RFC 9110 15.5 and 15.6, RFC 6585 4)."""
    if failure.kind is Kind.STATUS:
        status = failure.status or 0
        again = status in (408, 425, 429) or (status >= 500 and status not in (501, 505, 507))
        # GitHub signals a rate limit by a 403 with its duration.
        again = again or (status == 403 and failure.retry_after is not None)
        return Verdict.AGAIN if again else Verdict.NEXT_MIRROR
    if failure.kind in _AGAIN:
        return Verdict.AGAIN
    return Verdict.NEVER if failure.kind in _NEVER else Verdict.NEXT_MIRROR


def repeats_at_once(failure: Failure, method: str, body: Any) -> bool:
    """Return whether to resend at once on a new connection (RFC 9112 9.3.1, RFC 9110 9.2.2).

    A server that closes a kept connection may have processed the request. So a POST is not repeated here:
    its caller can check the outcome first. A file is not, either, since it has been read already.
    """
    return failure.stale and method in _IDEMPOTENT and not hasattr(body, "read")


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 10.2.3).

    Returns:
        The seconds; None if the header is missing or malformed; 0 for a date in the past.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    now = now or datetime.now(timezone.utc)
    return max(0.0, (date - now).total_seconds())


def requested_wait(
    status: int, headers: Mapping[str, str], message: str, now: float
) -> float | None:
    """Return the wait in seconds that a refusal asks for.

    GitHub's documents: "Rate limits for the REST API" and "Best practices for using the REST API".

    Args:
        status: The HTTP status.
        headers: The fields by name, ignoring case.
        message: The message in the body.
        now: Seconds since the epoch.

    Returns:
        The seconds; None if it asks for no wait: most 403s mean a missing permission.
    """
    if status < 400:
        return None
    asked = parse_retry_after(
        headers.get("retry-after"), now=datetime.fromtimestamp(now, timezone.utc)
    )
    if asked is not None or status not in (403, 429):
        return asked
    reset = headers.get("x-ratelimit-reset", "").strip()
    if headers.get("x-ratelimit-remaining", "").strip() == "0" and reset.isdecimal():
        return max(0.0, float(reset[:12]) - now) + _MARGIN
    return _SECONDARY_WAIT if _SECONDARY in message.lower() else None


@dataclass
class Patience:
    """The attempts at one URL, and the wait before the next.

    Attributes:
        settings: The limits.
        jitter: Returns a number from 0 to 1, so that many clients do not retry at the same time.
    """

    settings: TransportSettings
    jitter: Callable[[], float] = random.random
    _tries: int = field(default=0, init=False)
    _fruitless: float = field(default=0.0, init=False)
    _asked: float = field(default=0.0, init=False)

    def wait(self, failure: Failure, gained: int, spent: float = 0.0) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            failure: The failure of the last try.
            gained: The number of bytes that it added.
            spent: The seconds that it took.

        Raises:
            Failure: The policy allows no further attempt; the reason says why.
        """
        if classify(failure) is not Verdict.AGAIN:
            raise failure
        settings = self.settings
        if gained >= settings.progress_bytes:
            self._tries, self._fruitless, self._asked = 0, -spent, 0.0
        self._tries += 1
        self._fruitless += spent
        limit = settings.quick_tries if failure.kind in _QUICK else settings.tries
        if self._tries >= limit or self._fruitless >= settings.fruitless_seconds:
            failure.reason += f", {self._tries} times" if self._tries > 1 else ""
            raise failure
        if failure.retry_after is not None:
            self._asked += failure.retry_after
            if self._asked > settings.longest_retry_after:
                failure.reason += f", and asks to wait {failure.retry_after:.0f} seconds"
                if failure.retry_after < _DAY:
                    until = time.gmtime(time.time() + failure.retry_after)
                    failure.reason += time.strftime(", until %H:%M UTC", until)
                failure.remedy = (
                    "try again later, or use a mirror; where the host is GitHub, a token (GITHUB_TOKEN)"
                    " has a limit of its own"
                )
                raise failure
            return failure.retry_after
        middle = settings.first_wait * 2.0 ** (self._tries - 1)
        if failure.kind in _QUICK:
            middle = settings.first_wait
        return min(settings.longest_wait, middle * (0.5 + self.jitter()))


def retrying(
    action: Callable[[], _Result],
    patience: Patience,
    pause: Callable[[float, Failure], None],
    gained: Callable[[], int] = lambda: 0,
) -> _Result:
    """Run a function, and retry it as the policy says.

    Args:
        action: The function; raises `Failure` to be retried.
        patience: The policy: how often, and how long to wait.
        pause: Waits some seconds; receives the failure.
        gained: Returns the number of bytes so far: a try that added many does not count.

    Raises:
        Failure: The last one.
    """
    while True:
        before, began = gained(), time.monotonic()
        try:
            return action()
        except Failure as failure:
            reason = failure
            wait = patience.wait(failure, gained() - before, time.monotonic() - began)
        pause(wait, reason)
