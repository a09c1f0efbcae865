"""What the transport's tests share: small numbers, a transport in a folder, a consumer that collects."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.network.transport import Transferred, Transport, TransportSettings
from cgo_prebuilt.url import Url

SETTINGS = TransportSettings(
    connect_seconds=60,
    read_seconds=60,
    header_seconds=60,
    total_seconds=600,
    tries=3,
    quick_tries=2,
    first_wait=0.01,
    longest_wait=0.05,
    longest_retry_after=1,
    lowest_rate=0,
    redirects=4,
    connections=1,
)
"""Few tries and short waits between them, but patience with a server, which is late on a busy machine."""
HASTY: Any = {
    "connect_seconds": 2,
    "read_seconds": 0.4,
    "header_seconds": 0.6,
    "total_seconds": 20,
    "answer_seconds": 0.5,
    "lowest_rate": 1000,
    "rate_seconds": 0.2,
}
"""Changes for a server that says nothing, or little: each limit of time is reached at once."""
EAGER: Any = {"connections": 4, "probe_seconds": 0.02, "worthwhile_seconds": 0.05}
"""Changes that make a transport add connections at once."""
BODY = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(300_000)


class Collector:
    """A consumer that keeps what the last call of it read, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.data = b""

    def __call__(self, stream: ByteStream) -> None:
        self.calls += 1
        pieces: list[bytes] = []
        try:
            pieces.extend(iter(lambda: stream.read(10_000), b""))
        finally:
            self.data = b"".join(pieces)


def download(*urls: str, body: bytes = BODY, **changes: Any) -> Download:
    plain = Download(
        "lib.tar.zst", tuple(map(Url, urls)), hashlib.sha256(body).hexdigest(), len(body)
    )
    return replace(plain, **changes)


def transport(folder: Path, **changes: Any) -> Transport:
    return Transport(folder / "partials", replace(SETTINGS, **changes), Progress())


def fetch(
    folder: Path,
    wanted: Download,
    consume: Callable[[ByteStream], None] | None = None,
    **changes: Any,
) -> Transferred:
    """Runs a transport once; a consumer of its own checks that it saw all the right bytes."""
    collector = Collector()
    got = transport(folder, **changes).run(wanted, consume or collector)
    if consume is None:
        assert hashlib.sha256(collector.data).hexdigest() == got.sha256
    return got


def left_over(folder: Path) -> list[str]:
    """The names of what lies in the folder of partials, sorted."""
    place = folder / "partials"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []
