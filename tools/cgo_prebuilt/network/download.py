"""What is downloaded: an archive, all of it or parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class Download:
    """An archive to fetch.

    Attributes:
        file: Its name, for people.
        urls: Where it is: http, https or file, in the order to try.
        sha256: Of the whole, 64 lower-case hex digits; None only when a lock is being made.
        size: Of the whole in bytes, or None likewise.
    """

    file: str
    urls: tuple[Url, ...]
    sha256: str | None
    size: int | None

    def check(self, sha256: str, size: int) -> None:
        """Compare the received hash and size with the lock's.

        Raises:
            Failure: It differs; `Kind.WRONG`.
        """
        if self.size is not None and size != self.size:
            raise Failure(Kind.WRONG, f"size {size}, expected {self.size}")
        if self.sha256 is not None and sha256 != self.sha256:
            raise Failure(Kind.WRONG, f"sha256 {sha256}, expected {self.sha256}")


@dataclass(frozen=True, slots=True)
class Parts:
    """How to read an archive without fetching all of it.

    Both functions get the archive as a seekable file of its full size, and run in the caller's thread.
    They run again from the start when the file on the server changed, and for the next mirror. What they
    read is verified by nobody else: the hash of the whole is not computed. Either raises IntegrityError
    where it cannot use the bytes; then `Transport.run` reads the archive whole.

    Attributes:
        find: Returns the parts that `consume` will read: start and end (not included) of each, in any
            order. Parts that are close are fetched by one request. What `find` itself reads, such as a
            zip's directory, is fetched when it is read; return a fixed list to fetch nothing before.
        consume: Reads the file. The parts are fetched in the order of their offsets, and a read waits
            until its bytes are there. A read elsewhere is right, too, and costs a request.
    """

    find: Callable[[BinaryIO], Iterable[tuple[int, int]]]
    consume: Callable[[BinaryIO], object]
