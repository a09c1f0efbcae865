"""A forward-only reader over bytes that arrive in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterator

from cgo_prebuilt.errors import IntegrityError

_PIECE = 1 << 18


class Pieces:
    """Bytes that are read forward only.

    Args:
        pieces: The bytes, in order.
        what: A description of the bytes, for errors.
        where: The name of the archive in errors.

    Attributes:
        position: The number of bytes read so far.
    """

    def __init__(self, pieces: Iterator[bytes | memoryview], *, what: str, where: str) -> None:
        self._pieces = pieces
        self._what = what
        self._where = where
        self._piece = memoryview(b"")
        self.position = 0

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; fewer only at the end."""
        chunk = self._next(size)
        if len(chunk) == size:
            return bytes(chunk)
        data = bytearray(chunk)
        while len(data) < size and (chunk := self._next(size - len(data))):
            data += chunk
        return bytes(data)

    def take(self, size: int) -> bytes:
        """Read exactly `size` bytes.

        Raises:
            IntegrityError: There are fewer.
        """
        data = self.read(size)
        if len(data) < size:
            raise self.truncated()
        return data

    def chunks(self, size: int) -> Iterator[memoryview]:
        """Yield exactly `size` bytes without copying them; raise as `take` does."""
        while size:
            chunk = self._next(size)
            if not chunk:
                raise self.truncated()
            size -= len(chunk)
            yield chunk

    def skip(self, size: int) -> None:
        """Skip exactly `size` bytes; raise as `take` does."""
        for _ in self.chunks(size):
            pass

    def rest_is_padding(self) -> bool:
        """Read to the end, and return whether all of it is zeros."""
        while piece := self._next(_PIECE):
            if bytes(piece).strip(b"\0"):
                return False
        return True

    def truncated(self) -> IntegrityError:
        """Return the error for an archive that ends too early."""
        return IntegrityError(
            f"the {self._what} is truncated",
            where=self._where,
            remedy="ask its publisher to pack it again",
        )

    def _next(self, size: int) -> memoryview:
        """Return 1 to `size` bytes; none at the end."""
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        chunk, self._piece = self._piece[:size], self._piece[size:]
        self.position += len(chunk)
        return chunk
