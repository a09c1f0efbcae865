"""The transport's limits: timeouts, attempts and sizes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Limits of a transfer; every time is in seconds, every size in bytes, every rate in bytes/s.

    Attributes:
        connect_seconds: The longest wait for a connection.
        read_seconds: The longest silence of a server.
        header_seconds: The longest time from the end of a request to that of its answer's headers;
            all redirects together have as long.
        upload_seconds: The same where the request had a file, which a server may look at first.
        answer_seconds: The longest time for the body of a small answer.
        total_seconds: The longest time for one archive, all mirrors and retries included.
        tries: Requests to one URL without progress before the next mirror's turn.
        quick_tries: The same where the host's name or port does not answer at all.
        fruitless_seconds: After tries without progress that took so long together, there is no other.
        progress_bytes: What a try must have added for the count of tries to start again.
        first_wait: The middle of the wait before the second try; it doubles with each try.
        longest_wait: The longest of these waits.
        longest_retry_after: A server that asks to be left alone for longer, all in all, is given up.
        lowest_rate: A body that comes in more slowly than this ...
        rate_seconds: ... over this time counts as stalled.
        redirects: The longest chain of redirects.
        largest: The most that is taken of an archive whose size is not known.
        connections: The most connections for one archive; 1 for a single stream always.
        probe_seconds: The rate is measured over so long before connections are added.
        worthwhile_seconds: Connections are added only where more than this time is left.
        record_seconds: How often it is written down which parts are there ...
        record_bytes: ... and after how many bytes: what a kill may cost.
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
