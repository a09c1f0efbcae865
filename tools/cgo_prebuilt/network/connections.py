"""Additional connections for one transfer, while they increase its rate.

They only relieve the transfer's main connection, which continues whatever happens here. After its first
failure, an additional connection ends, and the others fetch its part.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cgo_prebuilt.network.body import receive
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import Failure
from cgo_prebuilt.network.recorder import Recorder
from cgo_prebuilt.network.segments import Growth, Lease, Leases, block_size
from cgo_prebuilt.network.spool import Spool
from cgo_prebuilt.network.threads import start
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.network.validator import parse_content_range, still_valid
from cgo_prebuilt.url import Url

_START_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The file that all connections of a transfer fetch.

    Attributes:
        url: Its URL.
        via: The target of its redirects.
        validator: The validator that all answers must match.
        total: Its size in bytes.
        latency: From the first request to its answer, in seconds.
    """

    url: Url
    via: Url
    validator: str
    total: int
    latency: float


class Connections:
    """The additional connections of a transfer, as many as `Growth` decides.

    Args:
        source: The file.
        leases: Divides the file among the connections.
        spool: The spool for the bytes.
        settings: The limits.
        recorder: Records what is received, for a later run.
        over: Set when the transfer ends; then no further request is sent.
    """

    def __init__(
        self,
        source: RemoteFile,
        leases: Leases,
        spool: Spool,
        settings: TransportSettings,
        recorder: Recorder,
        finished: threading.Event,
    ) -> None:
        self._source = source
        self._leases = leases
        self._spool = spool
        self._settings = settings
        self._recorder = recorder
        self._finished = finished
        self._refused = threading.Event()
        self._lock = threading.Lock()
        self._clients: list[HttpClient] = []
        self._threads: list[threading.Thread] = []
        self._starting = 0
        self._start(self._add_connections)

    def abort(self) -> None:
        """Interrupt their pending reads; a connection attempt cannot be interrupted."""
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.abort()

    def threads(self) -> list[threading.Thread]:
        """Return the started threads."""
        with self._lock:
            return list(self._threads)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="cgo-prebuilt-connection", daemon=True)
        with self._lock:
            if self._finished.is_set():
                return
            try:
                start(thread)
            except Failure:
                self._refused.set()
            else:
                self._threads.append(thread)

    def _add_connections(self) -> None:
        try:
            self._control()
        except Exception:
            # As in `_work`: without additional connections, the transfer is slower, but correct.
            self._refused.set()

    def _control(self) -> None:
        """Measure the rate, and add connections while it grows."""
        settings, growth = (
            self._settings,
            Growth(self._settings.connections, self._settings.worthwhile_seconds),
        )
        then, held = time.monotonic(), self._spool.held()
        added_at = 0.0
        while not self._finished.wait(settings.probe_seconds):
            now, got = time.monotonic(), self._spool.held()
            if added_at and (self._starting > 0 and now - added_at < _START_SECONDS):
                # The gain can be measured only once all connections are open.
                then, held = now, got
                continue
            rate = (got - held) / (now - then) if now > then else 0.0
            then, held = now, got
            before = growth.connections
            added = 0 if self._refused.is_set() else growth.decide(rate, self._leases.missing())
            if added:
                self._leases.split(block_size(rate / before, self._source.latency))
                self._recorder.record_parts()
                with self._lock:
                    self._starting += added
                added_at = now
                for _ in range(added):
                    self._start(self._work)

    def _work(self) -> None:
        """Run one more connection."""
        started = False

        def arrived(got: int) -> None:
            nonlocal started
            if not started:
                started = True
                self._note_start()
            self._recorder.count(got)

        try:
            with HttpClient(self._settings) as client:
                with self._lock:
                    self._clients.append(client)
                try:
                    while (
                        not self._finished.is_set() and (lease := self._leases.take()) is not None
                    ):
                        try:
                            self._fetch(client, lease, arrived)
                        finally:
                            self._leases.give_back(lease)
                finally:
                    self._recorder.count(0, client.requests)
        except Exception:
            # Any failure: the transfer's main connection meets it, too, and reports it.
            self._refused.set()
        finally:
            if not started:
                self._note_start()

    def _note_start(self) -> None:
        with self._lock:
            self._starting -= 1

    def _fetch(self, client: HttpClient, lease: Lease, arrived: Callable[[int], None]) -> None:
        source, start, end = self._source, lease.position, lease.end
        headers = {"Range": f"bytes={start}-{end - 1}", "If-Range": source.validator}
        answer = client.open(source.url, headers, via=source.via)
        with contextlib.closing(answer):
            asked = (start, end, source.total)
            if (
                answer.status != 206
                or parse_content_range(answer.headers.get("content-range")) != asked
                or not still_valid(source.validator, answer.headers)
            ):
                raise ValueError("not the range that was asked for")
            receive(answer, lease, self._spool, self._settings, arrived)
            if lease.position < lease.end:
                raise ValueError("the body ended early")
