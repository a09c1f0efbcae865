"""The state of one transfer: over all URLs, and for each URL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.network.failure import Failure
from cgo_prebuilt.network.partial import Partial
from cgo_prebuilt.network.progress import FileProgress
from cgo_prebuilt.network.retry import Patience
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class Parts:
    """How to read an archive without fetching all of it.

    Both functions get the archive as a seekable file of its full size, and run in the caller's thread.
    They run again from the start if the file on the server changed, and for the next mirror. They must
    verify what they read: the hash of the whole is not computed. If the bytes are unusable, they raise
    IntegrityError; then `Transport.run` reads the whole archive.

    Attributes:
        find: Returns the parts that `consume` will read: the start and end (excluded) of each, in any
            order. One request fetches nearby parts. Reads of `find` itself, such as of a zip's directory,
            cause requests.
        consume: Reads the file. The parts are fetched in the order of their offsets, and a read waits
            until its bytes are present. A read outside of the parts is allowed and costs a request.
    """

    find: Callable[[BinaryIO], Iterable[tuple[int, int]]]
    consume: Callable[[BinaryIO], object]


@dataclass
class Job:
    """One download, over all of its URLs.

    Attributes:
        download: The expected bytes.
        consume: Reads the whole archive.
        parts: Reads parts of it; None to read the whole.
        tally: Counts requests and bytes.
        deadline: The time limit, by `time.monotonic`.
        progress: Shows the progress.
        partial: The partial file; None before the first request.
    """

    download: Download
    consume: Callable[[ByteStream], object]
    parts: Parts | None
    tally: Tally
    deadline: float
    progress: FileProgress = field(default_factory=FileProgress)
    partial: Partial | None = None


@dataclass
class UrlState:
    """The state of one URL, over all passes.

    Attributes:
        url: The URL.
        patience: Counts the tries.
        is_last: Whether no URL follows that may support ranges.
        ranges: False once the server gave an unusable answer to a range request.
        resumed: True once bytes of an earlier run were reused.
        validator: The validator of the last answer, if any.
        sent_whole: Whether the server sent the whole file when asked for parts of it.
        wrong: Why that file was not the archive; None if it was, or was not sent.
        most_held: The most bytes that were present at once, in any pass.
    """

    url: Url
    patience: Patience
    is_last: bool = True
    ranges: bool = True
    resumed: bool = False
    validator: str | None = None
    sent_whole: bool = False
    wrong: Failure | None = None
    most_held: int = 0


class Restart(Exception):
    """The bytes cannot be resumed, but the consumer has read some: start another pass."""
