"""How the objects of a lock are read, by its revision: `docs/decisions/lock-evolution.md` has the rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cgo_prebuilt.errors import CgoPrebuiltError, LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock_keys import KEYS, REVISION
from cgo_prebuilt.platforms import SUPPORTED

PLATFORMS = frozenset(str(platform) for platform in SUPPORTED)
"""The names of those that this program knows."""


RESTORE = "restore the lock from version control, or make it anew with `cgo-prebuilt lock`"
"""What to do about a lock that nobody could have written."""


class NewerValue(Exception):
    """A word of a newer revision, which only those who use it need to know."""


class Reading:
    """The reading of a lock of one revision, and what is left out of it.

    Attributes:
        revision: The lock's.
        unread: The places that this program does not know.
    """

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.unread: list[str] = []
        self._is_newer = revision > REVISION

    def fields(self, kind: str, value: object, where: str) -> Fields:
        """An object of a kind, whose keys `lock_keys` knows.

        Raises:
            LockError: It is no mapping; or it has an unknown key, and the lock is of no newer revision.
        """
        ignore = self.unread.append if self._is_newer else None
        return Fields(value, where=where, known=KEYS[kind], error=LockError, ignore=ignore)

    def one_of(self, fields: Fields, key: str, known: Sequence[str]) -> str:
        """A word that this program knows.

        Raises:
            NewerValue: It is another one, and the lock is of a newer revision.
            LockError: It is another one.
        """
        value = fields.string(key)
        if value in known:
            return value
        if self._is_newer:
            raise NewerValue(f"{key} {value}")
        raise fields.problem(f"{key!r} is {value!r}", f"it can be one of {', '.join(known)}")


def mapping(fields: Fields, key: str) -> dict[str, object]:
    """A JSON object that must be there."""
    value = fields.required(key)
    if not isinstance(value, dict):
        raise fields.problem(f"{key!r} must be a mapping", RESTORE)
    return value


def listed(fields: Fields, key: str) -> list[object]:
    """A JSON array that must be there."""
    value = fields.required(key)
    if not isinstance(value, list):
        raise fields.problem(f"{key!r} must be a list", RESTORE)
    return value


def strings(fields: Fields, key: str, *, lines: bool = False) -> tuple[str, ...]:
    """A list of strings. The form that people may use, one string for a list of one, is not for locks."""
    if key in fields:
        listed(fields, key)
    return fields.strings(key, lines=lines)


@contextmanager
def blaming_the_lock() -> Iterator[None]:
    """A name that an archive may not have is, in a lock, the lock's fault."""
    try:
        yield
    except CgoPrebuiltError as error:
        raise LockError(error.what, where=error.where, remedy=error.remedy) from None
