"""What to do after a failure: again, the next mirror, or nothing any more. Pure decisions."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from cgo_prebuilt.network.transport_settings import TransportSettings

_LONGEST_REASON = 300


class Kind(enum.Enum):
    """What went wrong with one request."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    SLOW = "slow"
    STATUS = "status"
    TLS = "tls"
    PROXY = "proxy"
    REDIRECT = "redirect"
    MALFORMED = "malformed"
    RANGE = "range"
    WRONG = "wrong"
    MISSING = "missing"
    LATE = "late"
    LOCAL = "local"
    FAULT = "fault"
    STOPPED = "stopped"


class Verdict(enum.Enum):
    """What a failure calls for."""

    AGAIN = "again"
    NEXT_MIRROR = "next mirror"
    NEVER = "never"


class Failure(Exception):
    """One request, or one mirror, did not give the bytes. Internal to the transport.

    Args:
        kind: What went wrong.
        reason: The same for people, in a few words.
        remedy: What a person may do about it.
        status: The HTTP status, for `Kind.STATUS`.
        retry_after: How long the server asks to wait, in seconds.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        *,
        remedy: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        # Some of it may be a server's own words: nothing that a terminal would obey.
        reason = "".join(c if c.isprintable() else "?" for c in reason[:_LONGEST_REASON])
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.remedy = remedy
        self.status = status
        self.retry_after = retry_after


_AGAIN = frozenset(
    {Kind.DNS, Kind.REFUSED, Kind.TIMEOUT, Kind.RESET, Kind.TRUNCATED, Kind.SLOW, Kind.PROXY}
)
_NEVER = frozenset({Kind.LATE, Kind.LOCAL, Kind.STOPPED})
_QUICK = frozenset({Kind.DNS, Kind.REFUSED, Kind.PROXY})


def classify(failure: Failure) -> Verdict:
    """Sorts a failure (statuses after RFC 9110 15.5 and 15.6, RFC 6585 4)."""
    if failure.kind is Kind.STATUS:
        status = failure.status or 0
        again = status in (408, 425, 429) or (status >= 500 and status not in (501, 505))
        return Verdict.AGAIN if again else Verdict.NEXT_MIRROR
    if failure.kind in _AGAIN:
        return Verdict.AGAIN
    return Verdict.NEVER if failure.kind in _NEVER else Verdict.NEXT_MIRROR


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """The wait in seconds that a Retry-After header asks for (RFC 9110 10.2.3).

    Returns:
        None where there is no such header or it makes no sense; 0 for a date in the past.
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


def local_failure(path: object, error: OSError) -> Failure:
    """The failure that a disk which cannot be written stands for."""
    return Failure(
        Kind.LOCAL,
        f"cannot write {path}: {error.strerror or error}",
        remedy="free some disk space there, or set CGO_PREBUILT_CACHE to a folder elsewhere",
    )


def fault(error: BaseException) -> Failure:
    """The failure that an error which nobody foresaw stands for: to try again would not help."""
    failure = Failure(
        Kind.FAULT,
        f"an unforeseen {type(error).__name__}: {error}",
        remedy="please report it: the fault is in cgo-prebuilt, or in a Python package it uses",
    )
    failure.__cause__ = error
    return failure


def status_failure(status: int, reason: str, retry_after: float | None) -> Failure:
    """The failure that an HTTP status other than success stands for."""
    remedy = None
    if status in (401, 403):
        remedy = (
            "give credentials: GITHUB_TOKEN or GH_TOKEN for GitHub, a netrc entry (NETRC) for "
            "another host; or use a mirror"
        )
    elif status in (404, 410):
        remedy = "check the version and the URL, or add a mirror that has the file"
    elif status == 407:
        remedy = "give the proxy's user and password in HTTPS_PROXY"
    elif status == 429:
        remedy = "wait, or set GITHUB_TOKEN where the host is GitHub, or use a mirror"
    text = f"HTTP {status} {reason}".rstrip()
    return Failure(Kind.STATUS, text, remedy=remedy, status=status, retry_after=retry_after)


@dataclass
class Patience:
    """Counts the tries at one URL and says how long to wait before the next.

    Attributes:
        settings: The numbers.
        jitter: Gives a number from 0 to 1; it keeps many clients from coming back together.
    """

    settings: TransportSettings
    jitter: Callable[[], float] = random.random
    _tries: int = field(default=0, init=False)

    def wait(self, failure: Failure, gained: int) -> float:
        """How long to wait before trying again, in seconds.

        Args:
            failure: What ended the last try.
            gained: How many bytes that try added.

        Raises:
            Failure: There is to be no other try; the reason says why.
        """
        if classify(failure) is not Verdict.AGAIN:
            raise failure
        settings = self.settings
        self._tries = 1 if gained >= settings.progress_bytes else self._tries + 1
        limit = settings.quick_tries if failure.kind in _QUICK else settings.tries
        if self._tries >= limit:
            failure.reason += f", {self._tries} times" if self._tries > 1 else ""
            raise failure
        if failure.retry_after is not None:
            if failure.retry_after > settings.longest_retry_after:
                failure.reason += f", and asks to wait {failure.retry_after:.0f} seconds"
                failure.remedy = "try again later, or use a mirror"
                raise failure
            return failure.retry_after
        middle = settings.first_wait * 2.0 ** (self._tries - 1)
        if failure.kind in _QUICK:
            middle = settings.first_wait
        return min(settings.longest_wait, middle * (0.5 + self.jitter()))
