"""Run a consumer and a hash on one spool, and decide between them if they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.job import Parts
from cgo_prebuilt.network.partial import PositionedFile
from cgo_prebuilt.network.spool import BrokenStream, Digest, Spool, SpoolStream
from cgo_prebuilt.network.threads import start


def serve(
    download: Download, spool: Spool, file: PositionedFile, consume: Callable[[ByteStream], object]
) -> tuple[str, int]:
    """Let a consumer read a spool while it is hashed.

    Returns:
        The SHA-256 and size of the whole, which match the download.

    Raises:
        Failure: The bytes are wrong, or no thread can be started.
        BrokenStream: The transfer failed.
    """
    digest = Digest(spool)
    start(digest)

    def verified() -> tuple[str, int]:
        sha256, size = digest.result()
        check(download, sha256, size)
        return sha256, size

    try:
        consume(SpoolStream(spool, file, lambda: verified()[1]))
    except IntegrityError:
        # Either the mirror or the archive's publisher is wrong; the hash tells which.
        verified()
        raise
    except BrokenStream:
        raise
    except Exception:
        if spool.error is not None:
            raise BrokenStream("the download stopped") from spool.error
        raise
    if spool.error is not None:
        raise BrokenStream("the download stopped") from spool.error
    return verified()


def check(download: Download, sha256: str, size: int) -> None:
    """Compare received bytes' hash and size with the expected ones.

    Raises:
        Failure: They differ; `Kind.MISMATCH`.
    """
    if download.size is not None and size != download.size:
        raise Failure(Kind.MISMATCH, f"size {size}, expected {download.size}")
    if download.sha256 is not None and sha256 != download.sha256:
        raise Failure(Kind.MISMATCH, f"sha256 {sha256}, expected {download.sha256}")


def consume_parts(
    download: Download,
    parts: Parts,
    file: BinaryIO,
    ask: Callable[[Iterable[tuple[int, int]]], object] = lambda _: None,
) -> tuple[str, int]:
    """Let a consumer read parts of a file.

    Args:
        download: The archive's hash and size.
        parts: Finds and reads the parts.
        file: The archive.
        ask: Called with the parts that will be read.

    Returns:
        The SHA-256 and size of the archive from the download, not verified.

    Raises:
        Failure: The consumer raised IntegrityError; `Kind.MISMATCH`.
        Exception: Any other error of the consumer, or of reading the file.
    """
    try:
        ask(parts.find(file))
        parts.consume(file)
    except IntegrityError as error:
        raise Failure(Kind.MISMATCH, error.what) from error
    return download.sha256 or "", download.size or 0
