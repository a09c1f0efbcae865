"""Error types: each kind of failure with its exit code and diagnosis.

Every error says three things: what happened, to which URL or file, and what to do next. Kinds and
exit codes are part of the command's contract, which scripts and the Bazel rules read.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from cgo_prebuilt.url import Url

SCARCE: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))
"""The values of `OSError.errno` for a reached limit, as opposed to a missing program."""


class CgoPrebuiltError(Exception):
    """A failure that a person can act on; never shown as a traceback.

    Args:
        what: One sentence without a final full stop.
        where: The URL, file, key or option that it happened to; a `Url` is shown without its secrets.
        remedy: What to do next.
    """

    kind: ClassVar[str] = "bug"
    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, where: str | Url, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  at: {self.where}\n  next: {self.remedy}"

    def json(self) -> dict[str, str]:
        """Return the JSON with which a failed verb answers `--json`."""
        return {
            "error": self.what,
            "where": self.where,
            "next": self.remedy,
            "kind": self.kind,
        }


class UsageError(CgoPrebuiltError):
    """The command line, the environment or the machine does not allow the request."""

    kind = "usage"
    exit_code = 2


class PackageError(UsageError):
    """An optional Python package that the request needs is not installed."""

    kind = "package"

    @classmethod
    def of(cls, error: ModuleNotFoundError) -> PackageError:
        """Return the error for a failed import."""
        return cls(
            f"the Python package {error.name} is not installed",
            where=sys.executable,
            remedy=f"install it for {sys.executable}, such as with `pip install cgo-prebuilt`",
        )


class ManifestError(UsageError):
    """`prebuilt.yaml` is malformed, or contradicts the files."""

    kind = "manifest"


class LockError(UsageError):
    """The lock is malformed, has another schema, or lacks what was requested."""

    kind = "lock"


class UnavailableError(CgoPrebuiltError):
    """The bytes cannot be fetched: network, 404, offline, or no prebuilt for the platform."""

    kind = "unavailable"
    exit_code = 3


class IntegrityError(CgoPrebuiltError):
    """The bytes are not those that the lock names, or the archive is malformed or unsafe."""

    kind = "integrity"
    exit_code = 4


class TrustError(IntegrityError):
    """The lock lacks the signature or attestation that the consumer requires; no source build replaces it."""

    kind = "trust"


class BuildError(CgoPrebuiltError):
    """The build from source failed."""

    kind = "build"
    exit_code = 5


class InterruptError(CgoPrebuiltError):
    """A person or a program interrupted the command; the next run resumes it."""

    kind = "interrupted"
    exit_code = 130


class BugError(CgoPrebuiltError):
    """An unexpected exception: a bug to report."""


@contextmanager
def reporting(
    what: str, *, where: object, remedy: str, error: type[CgoPrebuiltError] = UsageError
) -> Iterator[None]:
    """Turn an OSError or UnicodeDecodeError in the block into an error with a remedy.

    Args:
        what: What cannot be done; the system's reason is added.
        where: The file.
        remedy: What to do next.
        error: The type of the error.
    """
    try:
        yield
    except (OSError, UnicodeDecodeError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise error(f"{what}: {reason}", where=str(where), remedy=remedy) from None
