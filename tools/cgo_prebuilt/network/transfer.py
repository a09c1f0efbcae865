"""One pass over one URL: from the first request to verified or wrong bytes.

Three threads share the spool: one receives bytes from the network, one hashes them, and the caller's
runs the consumer. The network's thread may fail and retry; the others only see bytes in order.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.body import receive
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.connections import Connections, RemoteFile
from cgo_prebuilt.network.failure import Failure, Kind, local_failure, unexpected
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.job import Job, Restart, UrlState
from cgo_prebuilt.network.partial import Partial
from cgo_prebuilt.network.ranged import Ranged
from cgo_prebuilt.network.recorder import Recorder
from cgo_prebuilt.network.retry import retrying
from cgo_prebuilt.network.segments import Lease, Leases
from cgo_prebuilt.network.serving import consume_parts, serve
from cgo_prebuilt.network.spool import BrokenStream, Spool
from cgo_prebuilt.network.threads import join, start
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.network.validator import Resource, range_mismatch, strong_validator, takes_ranges
from cgo_prebuilt.url import Url

_NOTED_SECONDS = 2.0
"""The shortest wait that is shown."""
_WATCH_SECONDS = 0.2
_JOIN_SECONDS = 1.0
"""The longest wait for threads to end; those that still wait for a connection write nothing."""


class Transfer:
    """One pass over one http or https URL.

    Args:
        job: The download.
        partial: The partial file, perhaps with bytes of an earlier run.
        state: The state of the URL.
        settings: The limits.
    """

    def __init__(
        self, job: Job, partial: Partial, state: UrlState, settings: TransportSettings
    ) -> None:
        self._job = job
        self._size = job.download.size
        self._tally = job.tally
        self._progress = job.progress
        self._partial = partial
        self._state = state
        self._url = state.url
        self._settings = settings
        self._spool: Spool | None = None
        self._ready = threading.Event()
        self._finished = threading.Event()
        self._failure: Failure | Restart | None = None
        self._client: HttpClient | None = None
        self._connections: Connections | None = None
        self._leases: Leases | None = None
        self._held = Intervals()
        self._via: Url | None = None
        self._recorder = Recorder(job, partial, state.url, self._parts_held, settings)

    def run(self) -> tuple[str, int]:
        """Download, hash, and hand to the consumer.

        Returns:
            The SHA-256 and size of the whole archive, verified; for parts, those of the download.

        Raises:
            Restart: Run another pass, with nothing to resume.
            Failure: This URL did not give the bytes.
        """
        ranged = None if self._job.parts is None else self._begin_parts()
        network = threading.Thread(target=self._network, name="cgo-prebuilt-network", daemon=True)
        start(network)
        served = False
        try:
            while not self._ready.wait(_WATCH_SECONDS):
                self._check_running()
            if self._spool is None:
                raise self._failure or AssertionError("neither bytes nor a failure")
            got = self._serve(self._spool, ranged)
            served = True
            return got
        except BrokenStream as error:
            # The error that ended the spool is the cause, even if it is that of the hashing thread.
            ended = None if self._spool is None else self._spool.error
            failure = ended if isinstance(ended, Failure) else self._failure
            if failure is None:
                # The file does not hold the bytes that were written to it.
                failure = Failure(Kind.MISMATCH, error.what)
            raise failure from None
        finally:
            self.stop()
            connections = self._connections
            helping = [] if connections is None else connections.threads()
            join([network, *helping], _JOIN_SECONDS)
            if self._recorder.segmented and not served:
                self._recorder.record()

    def stop(self) -> None:
        """End the pass from any thread; no effect once it is over."""
        if not self._finished.is_set():
            self._failure = self._failure or Failure(Kind.STOPPED, "stopped")
        self._finished.set()
        client, spool, connections = self._client, self._spool, self._connections
        if client is not None:
            client.abort()
        if connections is not None:
            connections.abort()
        if self._leases is not None:
            self._leases.close()
        if spool is not None:
            spool.fail(Failure(Kind.STOPPED, "stopped"))

    def _serve(self, spool: Spool, ranged: Ranged | None) -> tuple[str, int]:
        job = self._job
        if job.parts is None or ranged is None:
            return serve(job.download, spool, self._partial.file, job.consume)
        try:
            return consume_parts(job.download, job.parts, ranged.file(), ranged.ask)
        except Exception:
            # The consumer may have wrapped the stream's error in its own.
            if spool.error is not None:
                raise BrokenStream("the download stopped") from spool.error
            raise

    def _begin_parts(self) -> Ranged:
        """Open the spool before any request: the consumer decides what to fetch."""
        size = self._size or 0
        with self._local_trouble():
            self._resume()
        self._recorder.total, self._recorder.segmented = size, True
        self._leases = Leases((), grows=True)
        self._progress.set_position(0, 0)
        self._open_spool()
        if self._spool is None:
            raise AssertionError("no spool was opened")
        return Ranged(size, self._held, self._spool, self._leases, self._count_asked)

    def _count_asked(self, count: int, there: int) -> None:
        self._state.resumed |= there > 0
        self._tally.add(resumed=there)
        self._progress.expect_more(count, there)

    def _check_running(self) -> None:
        if self._finished.is_set():
            raise Failure(Kind.STOPPED, "stopped")
        if time.monotonic() > self._job.deadline:
            raise Failure(
                Kind.LIMIT_EXCEEDED,
                f"the download took longer than {self._settings.total_seconds:g} s",
            )

    def _network(self) -> None:
        """Make requests until all bytes are present."""
        try:
            with HttpClient(self._settings) as client:
                self._client = client
                try:
                    if self._job.parts is None:
                        self._resume()
                    while not retrying(
                        lambda: self._attempt(client),
                        self._state.patience,
                        self._pause,
                        self._gained,
                    ):
                        pass
                finally:
                    self._tally.add(requests=client.requests)
        except (Failure, Restart) as error:
            self._fail(error)
        except OSError as error:
            self._fail(local_failure(self._partial.path, error))
        except Exception as error:
            self._fail(unexpected(error))
        finally:
            self._ready.set()

    def _gained(self) -> int:
        """Return the most bytes that any pass had: bytes that are discarded later are no progress."""
        if self._spool is not None:
            self._state.most_held = max(self._state.most_held, self._spool.held())
        return self._state.most_held

    def _fail(self, failure: Failure | Restart) -> None:
        self._failure = self._failure or failure
        if self._spool is not None:
            self._spool.fail(failure)

    def _pause(self, seconds: float, failure: Failure) -> None:
        self._via = None
        seconds = max(0.0, min(seconds, self._job.deadline - time.monotonic()))
        if seconds >= _NOTED_SECONDS:
            self._progress.waits(seconds, failure.reason)
        self._finished.wait(seconds)
        self._check_running()
        if self._in_order() and self._spool is not None and self._spool.held():
            raise Restart(failure.reason)

    def _resume(self) -> None:
        """Inspect what an earlier run left, and resume it if it may be valid."""
        sidecar = self._partial.sidecar
        if (
            sidecar is not None
            and self._state.ranges
            and sidecar.url == str(self._url)
            and self._size in (None, sidecar.total)
        ):
            self._held = self._partial.done()
        if sidecar is not None and self._held.size():
            self._recorder.validator, self._recorder.total = sidecar.validator, sidecar.total
            self._state.validator = sidecar.validator
            self._recorder.segmented = sidecar.done is not None
            self._leases = Leases(self._held.holes(sidecar.total))

    def _attempt(self, client: HttpClient) -> bool:
        """Make one request; return whether all bytes are present."""
        leases = self._leases
        if leases is None or self._in_order():
            began = time.monotonic()
            with contextlib.closing(client.open(self._url)) as answer:
                if answer.status != 200:
                    raise Failure(
                        Kind.RANGE, f"HTTP {answer.status}, although no range was requested"
                    )
                return self._receive_whole(answer, time.monotonic() - began)
        lease = leases.take()
        if lease is not None:
            try:
                return self._fetch_part(client, leases, lease)
            finally:
                leases.give_back(lease)
        if leases.wait(_WATCH_SECONDS):
            self._check_running()
            return False
        self._finish()
        return True

    def _receive_whole(self, answer: Answer, latency: float) -> bool:
        """Receive a 200 from its first byte; refuse a wrong size at once."""
        size, length = self._size, answer.length
        if size is not None and length is not None and length != size:
            raise Failure(Kind.MISMATCH, f"size {length}, expected {size}{answer.page_note()}")
        limit = self._settings.largest if size is None else size
        if length is not None and length > limit:
            raise Failure(Kind.MISMATCH, f"size {length}, more than {limit}")
        self._recorder.total, self._recorder.validator = length, None
        self._state.validator = strong_validator(answer.headers)
        if self._state.ranges and length is not None and takes_ranges(answer.headers):
            self._recorder.validator = self._state.validator
        # Without a known length, one byte more than allowed is read, to detect a longer body.
        lease = Lease(0, limit + 1 if length is None else length)
        self._leases = Leases([], lease)
        self._open_spool()
        try:
            self._receive(answer, lease, latency)
        finally:
            self._leases.give_back(lease)
        if length is None:
            self._recorder.total = self._end_of(answer, lease.position, limit)
        if self._recorder.validator is not None:
            return False
        self._finish()
        return True

    def _end_of(self, answer: Answer, position: int, limit: int) -> int:
        """Return the end of an archive whose length the server did not state."""
        size = self._size
        if position > limit:
            raise Failure(Kind.MISMATCH, f"size more than {limit}, expected {size or 'less'}")
        if size is not None and position < size:
            # The last chunk proves that the body is complete; the end of a connection does not.
            if "transfer-encoding" in answer.headers:
                note = answer.page_note()
                raise Failure(Kind.MISMATCH, f"size {position}, expected {size}{note}")
            raise Failure(Kind.TRUNCATED, f"the body ended at byte {position} of {size}")
        return position

    def _in_order(self) -> bool:
        """Return whether to fetch the whole in order, because ranges could be of different versions."""
        return self._job.parts is None and self._recorder.validator is None

    def _fetch_part(self, client: HttpClient, leases: Leases, lease: Lease) -> bool:
        """Fetch one missing part."""
        recorder, in_parts = self._recorder, self._job.parts is not None
        asked = (lease.position, lease.end)
        headers: dict[str, str] = {}
        if in_parts or asked != (0, recorder.total):
            last = "" if lease.end == recorder.total else str(lease.end - 1)
            headers = {"Range": f"bytes={lease.position}-{last}"}
            if recorder.validator is not None:
                headers["If-Range"] = recorder.validator
        began = time.monotonic()
        answer = client.open(self._url, headers, via=self._via)
        with contextlib.closing(answer):
            latency = time.monotonic() - began
            whole = Resource(recorder.validator, recorder.total)
            trouble = range_mismatch(whole, asked if headers else None, answer)
            is_first = in_parts and self._spool is not None and not self._spool.held()
            if trouble is None:
                if is_first:
                    recorder.validator = self._state.validator = strong_validator(answer.headers)
                self._open_spool()
                self._receive(answer, lease, latency)
                return False
            if is_first and answer.status == 200 and self._state.is_last:
                # A further request for the whole would fetch the same bytes again.
                leases.close()
                self._progress.expect_more((self._size or 0) - leases.missing(), 0)
                self._state.sent_whole = True
                try:
                    return self._receive_whole(answer, latency)
                except Failure as failure:
                    if failure.kind is Kind.MISMATCH:  # its size
                        self._state.wrong = failure
                    raise
            self._start_over(trouble)
            # The bytes present are discarded, but this response may be good.
            return answer.status == 200 and self._receive_whole(answer, latency)

    def _start_over(self, reason: str) -> None:
        """Discard the present bytes, and request no more ranges of this server, to prevent a cycle."""
        self._state.ranges = False
        if self._spool is not None:
            raise Restart(reason)
        self._recorder.validator = self._recorder.total = self._leases = None
        self._held, self._recorder.segmented = Intervals(), False

    def _open_spool(self) -> None:
        if self._spool is not None:
            return
        self._check_running()
        held = self._held.size()
        with self._local_trouble():
            if not held:
                self._partial.restart()
                self._recorder.record()
        if self._job.parts is None:
            self._state.resumed |= held > 0
            self._tally.add(resumed=held)
            self._progress.set_position(held)
        # Readers check it, too, since the network's thread may hang, such as in a DNS look-up.
        self._spool = Spool(self._partial.file, self._held, self._check_running)
        self._ready.set()

    def _receive(self, answer: Answer, lease: Lease, latency: float) -> None:
        """Receive a body to its end; more connections may join meanwhile and shorten the lease."""
        spool, leases = self._spool, self._leases
        if spool is None or leases is None:
            raise AssertionError("a body without a place")
        self._via = answer.url
        if (
            self._connections is None
            and self._settings.connections > 1
            and self._recorder.validator is not None
            and self._recorder.total is not None
        ):
            source = RemoteFile(
                self._url, answer.url, self._recorder.validator, self._recorder.total, latency
            )
            self._connections = Connections(
                source, leases, spool, self._settings, self._recorder, self._finished
            )
        receive(answer, lease, spool, self._settings, self._count_own)
        if lease.position < lease.end and self._recorder.total is not None:
            raise Failure(
                Kind.TRUNCATED, f"the body ended at byte {lease.position} of {self._recorder.total}"
            )

    def _finish(self) -> None:
        """Mark all bytes as present, so that readers find the end."""
        self._open_spool()
        if self._spool is not None and self._recorder.total is not None:
            self._spool.finish(self._recorder.total)

    def _count_own(self, got: int) -> None:
        self._recorder.count(got)
        self._check_running()

    def _parts_held(self) -> list[tuple[int, int]]:
        return self._held.parts() if self._spool is None else self._spool.parts()

    @contextlib.contextmanager
    def _local_trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise local_failure(self._partial.path, error) from error
