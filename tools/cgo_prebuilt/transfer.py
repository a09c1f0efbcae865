"""One pass over one URL: from the first request to bytes that are known to be right or wrong.

Three threads meet at the spool: one takes bytes from the network, one hashes them, and the caller's
own runs the consumer. The network's may fail and come back; the others only see bytes in order.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cgo_prebuilt.bytestream import ByteStream
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.http_session import Answer, HttpSession
from cgo_prebuilt.intervals import Intervals
from cgo_prebuilt.partial import Partial, PositionedFile, Sidecar
from cgo_prebuilt.progress import FileProgress
from cgo_prebuilt.retry import Failure, Kind, Patience
from cgo_prebuilt.spool import BrokenStream, Digest, Spool, SpoolStream
from cgo_prebuilt.transport_settings import TransportSettings
from cgo_prebuilt.validator import (
    parse_content_range,
    still_valid,
    strong_validator,
    takes_ranges,
)

_PIECE = 1 << 18
_SMALL = 1 << 12
_FLUSH_SECONDS = 0.05
_WATCH_SECONDS = 0.2
_JOIN_SECONDS = 5.0


class Restart(Exception):
    """What is there cannot be gone on with, and its consumer has read of it: begin again."""


@dataclass
class Tally:
    """What one run has cost so far: requests sent, bytes received, bytes that were there before."""

    requests: int = 0
    downloaded: int = 0
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the bytes must be: SHA-256 in hex and size in bytes, each None where it is not known."""

    url: str
    sha256: str | None
    size: int | None


def check(wanted: Wanted, sha256: str, size: int) -> None:
    """Compares what came with what the lock says.

    Raises:
        Failure: It differs; `Kind.WRONG`.
    """
    if wanted.size is not None and size != wanted.size:
        raise Failure(Kind.WRONG, f"size {size}, expected {wanted.size}")
    if wanted.sha256 is not None and sha256 != wanted.sha256:
        raise Failure(Kind.WRONG, f"sha256 {sha256}, expected {wanted.sha256}")


def serve(
    wanted: Wanted, spool: Spool, file: PositionedFile, consume: Callable[[ByteStream], None]
) -> tuple[str, int]:
    """Lets a consumer read a spool while it is hashed.

    Returns:
        SHA-256 and size of all of it, which are those wanted.

    Raises:
        Failure: The bytes are wrong.
        BrokenStream: They did not all come.
    """
    digest = Digest(spool)
    digest.start()

    def verified() -> tuple[str, int]:
        sha256, size = digest.result()
        check(wanted, sha256, size)
        return sha256, size

    try:
        consume(SpoolStream(spool, file, lambda: verified()[1]))
    except IntegrityError:
        # Whose fault is it: the mirror's, or that of whoever packed the archive? The hash tells.
        verified()
        raise
    except BrokenStream:
        raise
    except Exception:
        if spool.error is not None:
            raise BrokenStream("the download was ended") from spool.error
        raise
    if spool.error is not None:
        raise BrokenStream("the download was ended") from spool.error
    return verified()


@dataclass
class Visit:
    """What has been learned about one URL, over all passes.

    Attributes:
        patience: Counts the tries.
        ranges: False once the server has answered a range in a way that cannot be used.
        resumed: True once bytes of an earlier run have been gone on with.
    """

    patience: Patience
    ranges: bool = True
    resumed: bool = False


class Transfer:
    """One pass over one http or https URL.

    Args:
        wanted: The URL, and what its bytes must be.
        partial: Where the bytes go, and what an earlier run left there.
        visit: What is known of the URL.
        tally: Is added to.
        settings: The numbers.
        progress: Is told.
        deadline: When the time is up, by `time.monotonic`.
    """

    def __init__(
        self,
        wanted: Wanted,
        partial: Partial,
        visit: Visit,
        tally: Tally,
        settings: TransportSettings,
        progress: FileProgress,
        deadline: float,
    ) -> None:
        self._wanted = wanted
        self._partial = partial
        self._visit = visit
        self._tally = tally
        self._settings = settings
        self._progress = progress
        self._deadline = deadline
        self._spool: Spool | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._session: HttpSession | None = None
        self._validator: str | None = None
        self._total: int | None = None

    def run(self, consume: Callable[[ByteStream], None]) -> tuple[str, int]:
        """Downloads, hashes and has it consumed.

        Returns:
            SHA-256 and size of the whole archive, which are those wanted.

        Raises:
            Restart: Run another pass, with nothing to resume.
            Failure: This URL did not give the bytes.
        """
        network = threading.Thread(target=self._network, name="cgo-prebuilt-network", daemon=True)
        network.start()
        try:
            while not self._ready.wait(_WATCH_SECONDS):
                self._watch()
            if self._spool is None:
                raise self._failure or AssertionError("neither bytes nor a failure")
            return serve(self._wanted, self._spool, self._partial.file, consume)
        except BrokenStream as error:
            raise self._failure or error from None
        finally:
            self.stop()
            network.join(_JOIN_SECONDS)

    def stop(self) -> None:
        """Ends the pass from any thread; a no-op once it is over."""
        if not self._over.is_set():
            self._failure = self._failure or Failure(Kind.STOPPED, "stopped")
        self._over.set()
        session, spool = self._session, self._spool
        if session is not None:
            session.abort()
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
            with HttpSession(self._settings) as session:
                self._session = session
                try:
                    self._fetch(session)
                finally:
                    self._tally.requests += session.requests
        except BaseException as error:
            self._failure = self._failure or error
            if self._spool is not None:
                self._spool.fail(error)
        finally:
            self._ready.set()

    def _fetch(self, session: HttpSession) -> None:
        """Makes requests until all bytes are there."""
        while True:
            before = self._tally.downloaded
            try:
                if self._attempt(session):
                    return
            except Failure as failure:
                self._watch()
                self._pause(self._visit.patience.wait(failure, self._tally.downloaded - before))
                if self._spool is not None and self._spool.frontier and self._validator is None:
                    raise Restart(failure.reason) from failure

    def _pause(self, seconds: float) -> None:
        self._over.wait(max(0.0, min(seconds, self._deadline - time.monotonic())))
        self._watch()

    def _attempt(self, session: HttpSession) -> bool:
        """Makes one request; True once all bytes are there, False to make another at once."""
        held = self._held()
        if self._total is not None and held == self._total:
            self._open_spool(held).finish(held)
            return True
        headers = {}
        if held and self._validator is not None:
            headers = {"Range": f"bytes={held}-", "If-Range": self._validator}
        answer = session.open(self._wanted.url, headers)
        try:
            if answer.status != 200:
                trouble = self._range_trouble(answer, held if headers else None)
                if trouble is not None:
                    if not headers:
                        raise Failure(Kind.RANGE, trouble)
                    self._start_over(trouble)
                    return False
                self._receive(answer, self._open_spool(held), held)
                return True
            if held:
                self._start_over("the server sent all of it where a part was asked for")
            self._take_whole(answer)
            self._receive(answer, self._open_spool(0), 0)
            return True
        finally:
            answer.close()

    def _held(self) -> int:
        """How many bytes are there to go on from; finds what an earlier run left at first."""
        if self._spool is not None:
            return self._spool.frontier
        sidecar = self._partial.sidecar
        if (
            sidecar is None
            or not self._visit.ranges
            or sidecar.url != self._wanted.url
            or self._wanted.size not in (None, sidecar.total)
        ):
            return 0
        self._validator, self._total = sidecar.validator, sidecar.total
        return self._partial.done().reach(0)

    def _start_over(self, reason: str) -> None:
        """Forgets what is there, and asks this server for no more ranges: so never in a circle."""
        self._visit.ranges = False
        self._validator = self._total = None
        if self._spool is not None:
            raise Restart(reason)
        self._partial.restart()

    def _range_trouble(self, answer: Answer, asked: int | None) -> str | None:
        """Why a 206 or 416 is of no use, or None (RFC 9110 15.3.7, 15.5.17)."""
        if answer.status == 416:
            return "HTTP 416 Range Not Satisfiable"
        if asked is None or self._validator is None:
            return "HTTP 206, though no range was asked for"
        got = parse_content_range(answer.headers.get("content-range"))
        if got is None:
            return "HTTP 206 without a valid Content-Range"
        start, end, total = got
        if start != asked or total != self._total:
            return f"Content-Range {start}-{end - 1}/{total}, asked for {asked}-/{self._total}"
        if answer.length is not None and answer.length != end - start:
            return f"Content-Length {answer.length} with Content-Range {start}-{end - 1}"
        if not still_valid(self._validator, answer.headers):
            return "the file on the server has changed"
        return None

    def _take_whole(self, answer: Answer) -> None:
        """Notes what a 200 says about the archive, and refuses a wrong size at once."""
        size, length = self._wanted.size, answer.length
        if size is not None and length is not None and length != size:
            raise Failure(Kind.WRONG, f"size {length}, expected {size}")
        if length is not None and length > self._settings.largest:
            raise Failure(Kind.WRONG, f"size {length}, more than {self._settings.largest}")
        self._total = length
        self._validator = None
        if self._visit.ranges and length is not None and takes_ranges(answer.headers):
            self._validator = strong_validator(answer.headers)

    def _open_spool(self, held: int) -> Spool:
        if self._spool is None:
            with _local_trouble(self._partial):
                if held:
                    self._visit.resumed = True
                    self._tally.resumed = held
                else:
                    self._partial.restart()
                if self._validator is not None and self._total is not None:
                    self._partial.record(Sidecar(self._wanted.url, self._validator, self._total))
            self._progress.place(held)
            self._spool = Spool(self._partial.file, Intervals([(0, held)]))
            self._ready.set()
        return self._spool

    def _receive(self, answer: Answer, spool: Spool, offset: int) -> None:
        """Takes a body to its end."""
        wanted = self._wanted.size
        limit = wanted if wanted is not None else self._total or self._settings.largest
        buffer = memoryview(bytearray(_PIECE))
        filled, flushed, pace = 0, time.monotonic(), Pace(self._settings)
        try:
            while True:
                room = min(_PIECE, limit + 1 - offset)
                got = answer.read_into(buffer[filled:room])
                filled += got
                self._tally.downloaded += got
                if offset + filled > limit:
                    filled = 0
                    raise Failure(Kind.WRONG, f"size more than {limit}, expected {limit}")
                now = time.monotonic()
                if filled == room or got < _SMALL or now - flushed > _FLUSH_SECONDS:
                    self._flush(spool, offset, buffer[:filled])
                    offset, filled, flushed = offset + filled, 0, now
                    self._watch()
                if not got:
                    break
                pace.count(got, now)
        finally:
            self._flush(spool, offset, buffer[:filled])
        if offset < limit:
            self._early_end(answer, offset)
        spool.finish(offset)

    def _early_end(self, answer: Answer, offset: int) -> None:
        """Decides what a body means that ends before its time."""
        if self._total is not None and offset < self._total:
            raise Failure(Kind.TRUNCATED, f"the body ended at byte {offset} of {self._total}")
        size = self._wanted.size
        if size is not None and "transfer-encoding" in answer.headers:
            raise Failure(Kind.WRONG, f"size {offset}, expected {size}")
        if size is not None:
            raise Failure(Kind.TRUNCATED, f"the body ended at byte {offset} of {size}")

    def _flush(self, spool: Spool, offset: int, data: memoryview) -> None:
        if len(data):
            with _local_trouble(self._partial):
                spool.write(offset, data)
            self._progress.advance(len(data))


class Pace:
    """Watches that a body does not come in too slowly."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._since = time.monotonic()
        self._count = 0

    def count(self, got: int, now: float) -> None:
        """Counts bytes.

        Raises:
            Failure: They were too few over the last while; `Kind.SLOW`.
        """
        self._count += got
        elapsed = now - self._since
        if elapsed >= self._settings.rate_seconds:
            rate = self._count / elapsed
            if rate < self._settings.lowest_rate:
                raise Failure(Kind.SLOW, f"no more than {rate:.0f} bytes a second")
            self._since, self._count = now, 0


@contextlib.contextmanager
def _local_trouble(partial: Partial) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure(
            Kind.LOCAL,
            f"cannot write {partial.path}: {error.strerror or error}",
            remedy="free some disk space there, or set CGO_PREBUILT_CACHE to another disk",
        ) from error
