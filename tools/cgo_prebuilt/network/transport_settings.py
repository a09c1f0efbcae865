"""The transport's limits: timeouts, attempts and sizes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Limits of a transfer; every time is in seconds, every size in bytes, every rate in bytes/s.

    Attributes:
        connect_seconds: The longest wait for a connection.
        read_seconds: The longest silence of a server.
        header_seconds: The longest time from the end of a request to the end of its answer's headers,
            including all redirects.
        upload_seconds: The same for an upload, which a server may process first.
        answer_seconds: The longest time for the body of a small answer.
        total_seconds: The longest time for one archive, all mirrors and retries included.
        tries: The number of requests to one URL without progress, before the next mirror is tried.
        quick_tries: The same if the host's name or port does not answer at all.
        fruitless_seconds: The longest total time of tries without progress.
        progress_bytes: The number of bytes that a try must add to reset the count of tries.
        first_wait: The mean wait before the second try; it doubles with each try.
        longest_wait: The longest of these waits.
        longest_retry_after: The longest total wait that a server may ask for.
        lowest_rate: The rate below which a body counts as stalled ...
        rate_seconds: ... if measured over this time.
        redirects: The longest chain of redirects.
        largest: The largest size of an archive whose size is unknown.
        connections: The most connections for one archive; 1 for a single stream.
        probe_seconds: The time to measure the rate before adding connections.
        worthwhile_seconds: The least remaining time for adding connections.
        record_seconds: The time between records of the received parts ...
        record_bytes: ... and the number of bytes between them, which a kill may lose.
    """

    connect_seconds: float = 15.0
    read_seconds: float = 30.0
    header_seconds: float = 60.0
    upload_seconds: float = 300.0
    answer_seconds: float = 60.0
    total_seconds: float = 7200.0
    tries: int = 6
    quick_tries: int = 3
    fruitless_seconds: float = 90.0
    progress_bytes: int = 1 << 20
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 120.0
    lowest_rate: float = 1024.0
    rate_seconds: float = 30.0
    redirects: int = 10
    largest: int = 16 << 30
    connections: int = 8
    probe_seconds: float = 0.1
    worthwhile_seconds: float = 2.5
    record_seconds: float = 1.0
    record_bytes: int = 4 << 20
