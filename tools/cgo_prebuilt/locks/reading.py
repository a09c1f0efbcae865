"""Read the objects of a lock by its revision; docs/decisions/lock-evolution.md has the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cgo_prebuilt.errors import CgoPrebuiltError, LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock_keys import KEYS, REVISION
from cgo_prebuilt.platforms import SUPPORTED

PLATFORMS = frozenset(str(platform) for platform in SUPPORTED)
"""The names of the platforms that this program knows."""


RESTORE = "restore the lock from version control, or create it again with `cgo-prebuilt lock`"
"""The remedy for a lock that no program could have written."""


class NewerValue(Exception):
    """A value of a newer revision, which is an error only when used."""


class LockReading:
    """One reading of a lock, and the places that it left out.

    Attributes:
        revision: The lock's revision.
        unread: The places that this program does not know.
    """

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.unread: list[str] = []
        self._is_newer = revision > REVISION

    def fields(self, kind: str, value: object, where: str) -> Fields:
        """Return the fields of an object, whose keys `lock_keys` defines by its kind.

        Raises:
            LockError: It is not a mapping; or it has an unknown key, and the lock's revision is not newer.
        """
        ignore = self.unread.append if self._is_newer else None
        return Fields(value, where=where, known=KEYS[kind], error=LockError, ignore=ignore)

    def one_of(self, fields: Fields, key: str, known: Sequence[str]) -> str:
        """Return a value if this program knows it.

        Raises:
            NewerValue: It is unknown, and the lock's revision is newer.
            LockError: It is unknown.
        """
        value = fields.string(key)
        if value in known:
            return value
        if self._is_newer:
            raise NewerValue(f"{key} {value}")
        raise fields.problem(f"{key!r} is {value!r}", f"it can be one of {', '.join(known)}")


def mapping(fields: Fields, key: str) -> dict[str, object]:
    """Return a JSON object; required."""
    value = fields.required(key)
    if not isinstance(value, dict):
        raise fields.problem(f"{key!r} must be a mapping", RESTORE)
    return value


def listed(fields: Fields, key: str) -> list[object]:
    """Return a JSON array; required."""
    value = fields.required(key)
    if not isinstance(value, list):
        raise fields.problem(f"{key!r} must be a list", RESTORE)
    return value


def strings(fields: Fields, key: str, *, lines: bool = False) -> tuple[str, ...]:
    """Return a list of strings; unlike a manifest, a lock has no short form for one."""
    if key in fields:
        listed(fields, key)
    return fields.strings(key, lines=lines)


@contextmanager
def blaming_the_lock() -> Iterator[None]:
    """Convert an error about a member's name to one about the lock."""
    try:
        yield
    except CgoPrebuiltError as error:
        raise LockError(error.what, where=error.where, remedy=error.remedy) from None
