"""One pass over one URL: from the first request to bytes that are known to be right or wrong.

Three threads meet at the spool: one takes bytes from the network, one hashes them, and the caller's
own runs the consumer. The network's may fail and come back; the others only see bytes in order.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.body import receive
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.connections import Connections, RemoteFile
from cgo_prebuilt.network.download import Download, Parts
from cgo_prebuilt.network.failure import Failure, Kind, fault, local_failure
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.partial import Partial, Sidecar
from cgo_prebuilt.network.progress import FileProgress, SilentProgress
from cgo_prebuilt.network.retry import Patience, retrying
from cgo_prebuilt.network.segments import Lease, Leases
from cgo_prebuilt.network.serving import serve
from cgo_prebuilt.network.spool import BrokenStream, Spool
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.network.threads import join, start
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.network.validator import Resource, range_mismatch, strong_validator, takes_ranges
from cgo_prebuilt.url import Url

_WATCH_SECONDS = 0.2
_JOIN_SECONDS = 1.0
"""By then all are over but those that wait for a connection; they write nothing any more."""


class Restart(Exception):
    """What is there cannot be gone on with, and its consumer has read of it: begin again."""


@dataclass
class Visit:
    """What has been learned about one URL, over all passes.

    Attributes:
        url: The URL.
        patience: Counts the tries.
        ranges: False once the server has answered a range in a way that cannot be used.
        resumed: True once bytes of an earlier run have been gone on with.
        validator: The validator of what the last pass took; None where it has none.
    """

    url: Url
    patience: Patience
    ranges: bool = True
    resumed: bool = False
    validator: str | None = None


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


class Transfer:
    """One pass over one http or https URL.

    Args:
        job: What to do.
        partial: Where the bytes go, and what an earlier run left there.
        visit: What is known of the URL.
        settings: The numbers.
    """

    def __init__(
        self, job: Job, partial: Partial, visit: Visit, settings: TransportSettings
    ) -> None:
        self._download = job.download
        self._consume = job.consume
        self._tally = job.tally
        self._progress = job.progress
        self._deadline = job.deadline
        self._partial = partial
        self._visit = visit
        self._url = visit.url
        self._settings = settings
        self._spool: Spool | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._failure: Failure | Restart | None = None
        self._client: HttpClient | None = None
        self._connections: Connections | None = None
        self._leases: Leases | None = None
        self._held = Intervals()
        self._validator: str | None = None
        self._total: int | None = None
        self._via: Url | None = None
        self._segmented = False
        self._recording = threading.Lock()
        self._recorded = 0.0
        self._unrecorded = 0

    def run(self) -> tuple[str, int]:
        """Downloads, hashes and has it consumed.

        Returns:
            SHA-256 and size of the whole archive, which are those wanted.

        Raises:
            Restart: Run another pass, with nothing to resume.
            Failure: This URL did not give the bytes.
        """
        network = threading.Thread(target=self._network, name="cgo-prebuilt-network", daemon=True)
        start(network)
        served = False
        try:
            while not self._ready.wait(_WATCH_SECONDS):
                self._watch()
            if self._spool is None:
                raise self._failure or AssertionError("neither bytes nor a failure")
            got = serve(self._download, self._spool, self._partial.file, self._consume)
            served = True
            return got
        except BrokenStream as error:
            # What ended the spool is the cause, be it of the thread that hashes: it stopped the others.
            ended = None if self._spool is None else self._spool.error
            failure = ended if isinstance(ended, Failure) else self._failure
            if failure is None:
                # The file itself is not what was written to it.
                failure = Failure(Kind.WRONG, error.what)
            raise failure from None
        finally:
            self.stop()
            connections = self._connections
            helping = [] if connections is None else connections.threads()
            join([network, *helping], _JOIN_SECONDS)
            if self._segmented and not served:
                self._record()

    def stop(self) -> None:
        """Ends the pass from any thread; a no-op once it is over."""
        if not self._over.is_set():
            self._failure = self._failure or Failure(Kind.STOPPED, "stopped")
        self._over.set()
        client, spool, connections = self._client, self._spool, self._connections
        if client is not None:
            client.abort()
        if connections is not None:
            connections.abort()
        if spool is not None:
            spool.fail(Failure(Kind.STOPPED, "stopped"))

    def _watch(self) -> None:
        if self._over.is_set():
            raise Failure(Kind.STOPPED, "stopped")
        if time.monotonic() > self._deadline:
            raise Failure(
                Kind.LATE, f"the download took longer than {self._settings.total_seconds:g} s"
            )

    def _network(self) -> None:
        try:
            with HttpClient(self._settings) as client:
                self._client = client
                try:
                    self._fetch(client)
                finally:
                    self._tally.add(requests=client.requests)
        except (Failure, Restart) as error:
            self._fail(error)
        except OSError as error:
            self._fail(local_failure(self._partial.path, error))
        except Exception as error:
            self._fail(fault(error))
        finally:
            self._ready.set()

    def _fail(self, failure: Failure | Restart) -> None:
        self._failure = self._failure or failure
        if self._spool is not None:
            self._spool.fail(failure)

    def _fetch(self, client: HttpClient) -> None:
        """Makes requests until all bytes are there."""
        self._resume()
        while not retrying(
            lambda: self._attempt(client),
            self._visit.patience,
            self._pause,
            lambda: self._tally.downloaded,
        ):
            pass

    def _pause(self, seconds: float, failure: Failure) -> None:
        self._via = None
        self._over.wait(max(0.0, min(seconds, self._deadline - time.monotonic())))
        self._watch()
        if self._spool is not None and self._spool.frontier and self._validator is None:
            raise Restart(failure.reason)

    def _resume(self) -> None:
        """Looks at what an earlier run has left, and goes on from there if that may be right."""
        sidecar = self._partial.sidecar
        if (
            sidecar is not None
            and self._visit.ranges
            and sidecar.url == str(self._url)
            and self._download.size in (None, sidecar.total)
        ):
            self._held = self._partial.done()
        if sidecar is not None and self._held.size():
            self._validator, self._total = sidecar.validator, sidecar.total
            self._visit.validator = sidecar.validator
            self._segmented = sidecar.done is not None
            self._leases = Leases(self._held.holes(sidecar.total))

    def _attempt(self, client: HttpClient) -> bool:
        """Makes one request; True once all bytes are there, False to go on with the next."""
        leases = self._leases
        if leases is None or self._validator is None:
            began = time.monotonic()
            with contextlib.closing(client.open(self._url)) as answer:
                if answer.status != 200:
                    raise Failure(Kind.RANGE, f"HTTP {answer.status} without asking for a range")
                return self._take_whole(answer, time.monotonic() - began)
        lease = leases.take()
        if lease is not None:
            try:
                return self._take_part(client, lease, self._validator)
            finally:
                leases.give_back(lease)
        if leases.wait(_WATCH_SECONDS):
            self._watch()
            return False
        self._finish()
        return True

    def _take_whole(self, answer: Answer, latency: float) -> bool:
        """Takes a 200 from its first byte; refuses a wrong size at once."""
        size, length = self._download.size, answer.length
        if size is not None and length is not None and length != size:
            raise Failure(Kind.WRONG, f"size {length}, expected {size}")
        limit = self._settings.largest if size is None else size
        if length is not None and length > limit:
            raise Failure(Kind.WRONG, f"size {length}, more than {limit}")
        self._total, self._validator = length, None
        self._visit.validator = strong_validator(answer.headers)
        if self._visit.ranges and length is not None and takes_ranges(answer.headers):
            self._validator = self._visit.validator
        # Where no length is known, one byte more than there may be shows that there are too many.
        lease = Lease(0, limit + 1 if length is None else length)
        self._leases = Leases([], lease)
        self._open_spool()
        try:
            self._receive(answer, lease, latency)
        finally:
            self._leases.give_back(lease)
        if length is None:
            self._total = self._end_of(answer, lease.position, limit)
        if self._validator is not None:
            return False
        self._finish()
        return True

    def _end_of(self, answer: Answer, position: int, limit: int) -> int:
        """Where the archive ends, after a body whose length nobody had told."""
        size = self._download.size
        if position > limit:
            raise Failure(Kind.WRONG, f"size more than {limit}, expected {size or 'less'}")
        if size is not None and position < size:
            # The last chunk says that the body is whole; the end of a connection says nothing.
            if "transfer-encoding" in answer.headers:
                raise Failure(Kind.WRONG, f"size {position}, expected {size}")
            raise Failure(Kind.TRUNCATED, f"the body ended at byte {position} of {size}")
        return position

    def _take_part(self, client: HttpClient, lease: Lease, validator: str) -> bool:
        """Fetches one part that is missing."""
        asked = (lease.position, lease.end)
        headers: dict[str, str] = {}
        if asked != (0, self._total):
            last = "" if lease.end == self._total else str(lease.end - 1)
            headers = {"Range": f"bytes={lease.position}-{last}", "If-Range": validator}
        began = time.monotonic()
        answer = client.open(self._url, headers, via=self._via)
        with contextlib.closing(answer):
            latency = time.monotonic() - began
            whole = Resource(validator, self._total)
            trouble = range_mismatch(whole, asked if headers else None, answer)
            if trouble is None:
                self._open_spool()
                self._receive(answer, lease, latency)
                return False
            self._start_over(trouble)
            # What was to be gone on with is void, but the answer itself may be good.
            return answer.status == 200 and self._take_whole(answer, latency)

    def _start_over(self, reason: str) -> None:
        """Forgets what is there, and asks this server for no more ranges: so never in a circle."""
        self._visit.ranges = False
        if self._spool is not None:
            raise Restart(reason)
        self._validator = self._total = self._leases = None
        self._held = Intervals()
        self._segmented = False

    def _open_spool(self) -> None:
        if self._spool is not None:
            return
        self._watch()
        held = self._held.size()
        with self._local_trouble():
            if held:
                self._visit.resumed = True
                self._tally.add(resumed=held)
            else:
                self._partial.restart()
                self._record()
        self._progress.place(held)
        # The readers, too: the network's own thread may hang where nothing ends it, as in a DNS look-up.
        self._spool = Spool(self._partial.file, self._held, self._watch)
        self._ready.set()

    def _receive(self, answer: Answer, lease: Lease, latency: float) -> None:
        """Takes a body to its end; further connections may join meanwhile and cut the lease."""
        spool, leases = self._spool, self._leases
        if spool is None or leases is None:
            raise AssertionError("a body without a place")
        self._via = answer.url
        if (
            self._connections is None
            and self._settings.connections > 1
            and self._validator is not None
            and self._total is not None
        ):
            source = RemoteFile(self._url, answer.url, self._validator, self._total, latency)
            self._connections = Connections(
                source, leases, spool, self._settings, self._count, self._record_parts, self._over
            )
        receive(answer, lease, spool, self._settings, self._count_own)
        if lease.position < lease.end and self._total is not None:
            raise Failure(
                Kind.TRUNCATED, f"the body ended at byte {lease.position} of {self._total}"
            )

    def _finish(self) -> None:
        """All bytes are there: the readers will find the end."""
        self._open_spool()
        if self._spool is not None and self._total is not None:
            self._spool.finish(self._total)

    def _count(self, got: int, requests: int) -> None:
        self._tally.add(requests=requests, downloaded=got)
        if not got:
            return
        self._progress.advance(got)
        self._unrecorded += got
        late = time.monotonic() - self._recorded >= self._settings.record_seconds
        if self._segmented and (late or self._unrecorded >= self._settings.record_bytes):
            self._record()

    def _count_own(self, got: int) -> None:
        self._count(got, 0)
        self._watch()

    def _record_parts(self) -> None:
        self._segmented = True
        self._record()

    def _record(self) -> None:
        """Writes the sidecar, if a later run can continue from here; not worth an error.

        Any connection's thread may call it; one does it, the others go on.
        """
        if self._validator is None or self._total is None or not self._recording.acquire(False):
            return
        try:
            self._recorded, self._unrecorded = time.monotonic(), 0
            done = None
            if self._segmented and self._spool is not None:
                done = tuple(self._spool.parts())
            # Without the URL's secrets: it is written to the disk.
            sidecar = Sidecar(str(self._url), self._validator, self._total, done)
            with contextlib.suppress(OSError):
                self._partial.record(sidecar)
        finally:
            self._recording.release()

    @contextlib.contextmanager
    def _local_trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise local_failure(self._partial.path, error) from error
