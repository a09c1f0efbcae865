"""A download on its way: what it is of, and what has been learned about each of its URLs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.network.download import Download, Parts
from cgo_prebuilt.network.partial import Partial
from cgo_prebuilt.network.progress import FileProgress, SilentProgress
from cgo_prebuilt.network.retry import Patience
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.url import Url


@dataclass
class Job:
    """A download on its way, over all of its URLs.

    Attributes:
        download: What its bytes must be.
        consume: Reads all of them.
        parts: How to read only some; None where all are read.
        tally: Is added to.
        deadline: When the time is up, by `time.monotonic`.
        progress: Is told.
        partial: Where the bytes go, once a server was asked.
    """

    download: Download
    consume: Callable[[ByteStream], object]
    parts: Parts | None
    tally: Tally
    deadline: float
    progress: FileProgress = field(default_factory=lambda: SilentProgress().start("", None))
    partial: Partial | None = None


@dataclass
class Visit:
    """What has been learned about one URL, over all passes.

    Attributes:
        url: The URL.
        patience: Counts the tries.
        is_last: Whether no other URL is left that may answer ranges.
        ranges: False once the server has answered a range in a way that cannot be used.
        resumed: True once bytes of an earlier run have been resumed.
        validator: The validator of what the last pass took; None where it has none.
    """

    url: Url
    patience: Patience
    is_last: bool = True
    ranges: bool = True
    resumed: bool = False
    validator: str | None = None


class Restart(Exception):
    """The bytes that are there cannot be resumed, and the consumer has read of them: begin again."""
