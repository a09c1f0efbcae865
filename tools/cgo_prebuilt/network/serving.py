"""A consumer and a hash side by side on one spool, and whose fault it is where they disagree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.partial import PositionedFile
from cgo_prebuilt.network.spool import BrokenStream, Digest, Spool, SpoolStream
from cgo_prebuilt.network.threads import start
from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the bytes must be: SHA-256 in hex and size in bytes, each None where it is not known."""

    url: Url
    sha256: str | None
    size: int | None


def check(wanted: Wanted, sha256: str, size: int) -> None:
    """Compares what came with what the lock says.

    Raises:
        Failure: It differs; `Kind.WRONG`.
    """
    if wanted.size is not None and size != wanted.size:
        raise Failure(Kind.WRONG, f"size {size}, expected {wanted.size}")
    if wanted.sha256 is not None and sha256 != wanted.sha256:
        raise Failure(Kind.WRONG, f"sha256 {sha256}, expected {wanted.sha256}")


def serve(
    wanted: Wanted, spool: Spool, file: PositionedFile, consume: Callable[[ByteStream], object]
) -> tuple[str, int]:
    """Lets a consumer read a spool while it is hashed.

    Returns:
        SHA-256 and size of all of it, which are those wanted.

    Raises:
        Failure: The bytes are wrong, or this machine has no thread left.
        BrokenStream: They did not all come.
    """
    digest = Digest(spool)
    start(digest)

    def verified() -> tuple[str, int]:
        sha256, size = digest.result()
        check(wanted, sha256, size)
        return sha256, size

    try:
        consume(SpoolStream(spool, file, lambda: verified()[1]))
    except IntegrityError:
        # Whose fault is it: the mirror's, or that of whoever packed the archive? The hash tells.
        verified()
        raise
    except BrokenStream:
        raise
    except Exception:
        if spool.error is not None:
            raise BrokenStream("the download was ended") from spool.error
        raise
    if spool.error is not None:
        raise BrokenStream("the download was ended") from spool.error
    return verified()
