"""The input of an archive reader: bytes in order as they arrive, or the whole file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO, Protocol

from cgo_prebuilt.bounded_read import open_file
from cgo_prebuilt.errors import IntegrityError

_PIECE = 1 << 20


class ByteStream(Protocol):
    """An archive during its transfer. One consumer reads it, from one thread, in one of two ways."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, in order; wait until there are some.

        Args:
            size: The most bytes to return, at least 1.

        Returns:
            1 to `size` bytes; `b""` once, and ever after, at the end.

        Raises:
            CgoPrebuiltError: The bytes are unavailable. Read no further.
        """

    def whole(self) -> BinaryIO:
        """Return the archive as a seekable file, for formats with an index at the end.

        This waits for the last byte, unless the stream can return a file that fetches parts on demand. The
        stream owns the file: the consumer does not close it.

        Raises:
            CgoPrebuiltError: The bytes are unavailable.
        """


def save(stream: ByteStream, target: Path, sha256: str | None = None) -> str:
    """Write a stream to a file as it arrives; overwrite an existing file.

    Args:
        stream: The archive.
        target: The file.
        sha256: The expected SHA-256; None if not known yet. The stream's own hash is not enough: the file
            may have changed between the two reads.

    Returns:
        The SHA-256 of the written bytes.

    Raises:
        IntegrityError: The written bytes have a different hash.
        CgoPrebuiltError: The stream's own errors.
        OSError: The file cannot be written.
    """
    digest = hashlib.sha256()
    with target.open("wb") as file:
        while piece := stream.read(_PIECE):
            file.write(piece)
            digest.update(piece)
    if sha256 not in (None, digest.hexdigest()):
        raise IntegrityError(
            f"the saved file has the SHA-256 {digest.hexdigest()}, the lock says {sha256}",
            where=target.name,
            remedy="fetch it again; if that does not help, something changes the file while it is read",
        )
    return digest.hexdigest()


class FileStream:
    """A local file as a `ByteStream`; its opener closes it."""

    def __init__(self, path: Path) -> None:
        self._file = open_file(path)

    def read(self, size: int) -> bytes:
        """See `ByteStream.read`."""
        return self._file.read(size)

    def whole(self) -> BinaryIO:
        """See `ByteStream.whole`."""
        return self._file

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class SeekableStream:
    """A seekable file as a `ByteStream` from its start; nothing else may move its position."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file

    def read(self, size: int) -> bytes:
        """See `ByteStream.read`."""
        return self._file.read(size)

    def whole(self) -> BinaryIO:
        """See `ByteStream.whole`."""
        return self._file
