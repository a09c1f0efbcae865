"""The transport: fetch an archive from the first of its URLs with the right bytes.

Transport.run  mirrors in order; tells wrong bytes from missing ones  (this module)
  Transfer     one pass over one URL: tries, resume, hash, consumer   (transfer)
    HttpClient   one request: proxies, credentials, redirects         (client)
  Partial      the bytes on the disk, now and for the next run        (partial)
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.bounded_read import open_regular
from cgo_prebuilt.digest import sha256_of_open
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import (
    CgoPrebuiltError,
    IntegrityError,
    UnavailableError,
    UsageError,
)
from cgo_prebuilt.network.failure import CHECK_NETWORK, Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.job import Job, Parts, Restart, UrlState
from cgo_prebuilt.network.partial import Partial, Partials, PositionedFile
from cgo_prebuilt.network.progress import Progress, WholeProgress
from cgo_prebuilt.network.retry import Patience, Verdict, classify
from cgo_prebuilt.network.serving import check, consume_parts, serve
from cgo_prebuilt.network.spool import Spool, seekable
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.network.transfer import Transfer
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

__all__ = ["ByteStream", "Parts", "Transferred", "Transport", "TransportSettings"]


class _NotInParts(Exception):
    """No URL gave the parts: read the archive whole."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The result of a transfer: an archive that was fetched and consumed.

    Attributes:
        sha256: The SHA-256 of the whole, 64 lower-case hex digits; for parts, that of the download.
        size: The size of the whole in bytes.
        tally: Its requests and bytes, including failed attempts.
        url: The URL that it came from.
        validator: The validator of the file there; None without one.
        came_whole: Whether the server sent the whole where a part was asked for.
    """

    sha256: str
    size: int
    tally: Tally
    url: Url
    validator: str | None = None
    came_whole: bool = False


class Transport:
    """A downloader of archives; several threads may call `run` at once.

    Args:
        partials: The folder of partial files, which is created when needed.
        settings: The limits.
        progress: Receives each file's progress.

    Attributes:
        tally: The requests and bytes so far, including failed attempts.
    """

    def __init__(self, partials: Path, settings: TransportSettings, progress: Progress) -> None:
        self._partials = Partials(partials)
        self._settings = settings
        self._progress = progress
        self.tally = Tally()
        self._stopped = False
        self._active: set[Transfer] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End every transfer, from any thread; the next run can resume each."""
        with self._lock:
            self._stopped = True
            active = list(self._active)
        for transfer in active:
            transfer.stop()

    def run(
        self,
        download: Download,
        consume: Callable[[ByteStream], object],
        parts: Parts | None = None,
    ) -> Transferred:
        """Fetch an archive, and let a consumer read it as it arrives.

        Args:
            download: The archive.
            consume: Reads the archive from its first byte, in the caller's thread. It is called again
                if a server's file changed, or for the next mirror; discard earlier results then. It
                may return before the end.
            parts: Reads it in parts; tried with every URL first, before `consume`. Needs the archive's size.

        Returns:
            The result. `consume` has returned, and the archive's size and hash match; or the
            `consume` of `parts` has returned, and only the size was compared.

        Raises:
            IntegrityError: A mirror sent wrong bytes, and none the right ones.
            UnavailableError: No mirror sent any.
            UsageError: The partial file cannot be written.
            Exception: Whatever `consume` raises, unless the bytes were wrong or missing; any
                unexpected exception.
        """
        tally, deadline = Tally(self.tally), time.monotonic() + self._settings.total_seconds
        last = download.urls[-1:]
        states = [
            UrlState(url, Patience(self._settings), is_last=(url,) == last) for url in download.urls
        ]
        with contextlib.ExitStack() as stack:
            job = Job(download, consume, None if download.size is None else parts, tally, deadline)
            size = download.size
            job.progress = self._progress.start(download.file, None if job.parts else size)
            if job.parts is not None:
                try:
                    return self._try_all(job, states, stack)
                except _NotInParts as why:
                    job.progress = WholeProgress(
                        job.progress, str(why), lambda: self._progress.start(download.file, size)
                    )
                    job.parts = None
            return self._try_all(job, states, stack)

    def _try_all(
        self, job: Job, states: list[UrlState], stack: contextlib.ExitStack
    ) -> Transferred:
        """Visit one URL after another, with or without parts, until one has the bytes."""
        download, failures = job.download, list[tuple[Url, Failure]]()
        outcome: str | None = "interrupted"
        try:
            for state in states:
                try:
                    if state.wrong is not None:
                        raise state.wrong
                    sha256, size = self._visit(job, state, stack)
                except Failure as failure:
                    failures.append((state.url, failure))
                    if classify(failure) is Verdict.NEVER:
                        break
                    continue
                outcome = "done"
                came_whole = job.parts is not None and state.sent_whole
                return Transferred(sha256, size, job.tally, state.url, state.validator, came_whole)
            if (
                job.parts is not None
                and failures
                and classify(failures[-1][1]) is not Verdict.NEVER
            ):
                outcome = None  # not yet over
                raise _NotInParts(failures[-1][1].reason)
            raise error_of(download, failures)
        except CgoPrebuiltError:
            outcome = "failed"  # the error reports it once
            raise
        finally:
            if outcome is not None:
                job.progress.done(outcome)

    def _visit(self, job: Job, state: UrlState, stack: contextlib.ExitStack) -> tuple[str, int]:
        """Fetch from one URL; the result is the archive's SHA-256 and size."""
        path = _local(state.url)
        job.progress.comes_from(state.url.host if path is None else "a folder")
        if path is not None:
            return _from_file(job, path)
        if job.partial is None:
            job.partial = stack.enter_context(self._claim(job.download))
        try:
            got = self._from_server(job, job.partial, state)
        except Failure as failure:
            if failure.kind is not Kind.MISMATCH or job.partial.intact():
                raise
            # Not this server's fault: two processes wrote to the same file.
            job.partial = stack.enter_context(self._claim(job.download, private=True))
            state.patience = Patience(self._settings)
            state.ranges, state.resumed = True, False
            got = self._from_server(job, job.partial, state)
        job.partial.finished = True
        return got

    @contextlib.contextmanager
    def _claim(self, download: Download, *, private: bool = False) -> Iterator[Partial]:
        key = download.sha256 or _key_of(download.urls)
        with contextlib.ExitStack() as stack:
            try:
                partial = stack.enter_context(self._partials.claim(key, private=private))
            except OSError as error:
                raise Failure(
                    Kind.LOCAL,
                    f"cannot write {self._partials.folder}: {error.strerror or error}",
                    remedy="set CGO_PREBUILT_CACHE to a folder that can be written to",
                ) from error
            yield partial

    def _from_server(self, job: Job, partial: Partial, state: UrlState) -> tuple[str, int]:
        while True:
            transfer = Transfer(job, partial, state, self._settings)
            try:
                with self._stoppable(transfer):
                    return transfer.run()
            except Restart as restart:
                partial.restart()
                if job.parts is not None:
                    # Bytes of an earlier run may be of a different version: try once more, without them.
                    if not state.resumed:
                        raise Failure(Kind.RANGE, str(restart)) from None
                    state.ranges, state.resumed = True, False
            except Failure as failure:
                if failure.kind is not Kind.MISMATCH or not partial.intact():
                    raise
                if state.sent_whole and partial.file.size() == job.download.size:
                    state.wrong = _why_wrong(job.download, partial.file)
                partial.restart()
                # Bytes of an earlier run are not this server's fault: try once more, without them.
                if not state.resumed:
                    raise
                state.resumed = False

    @contextlib.contextmanager
    def _stoppable(self, active: Transfer) -> Iterator[None]:
        with self._lock:
            if self._stopped:
                raise Failure(Kind.STOPPED, "stopped")
            self._active.add(active)
        try:
            yield
        finally:
            with self._lock:
                self._active.discard(active)


def _why_wrong(download: Download, file: PositionedFile) -> Failure | None:
    """Return why a file that was sent whole is not the archive; None if it is."""
    try:
        check(download, *sha256_of_open(seekable(file.read_at, file.size())))
    except Failure as failure:
        return failure
    return None


def _key_of(urls: tuple[Url, ...]) -> str:
    return hashlib.sha256("\n".join(map(str, urls)).encode()).hexdigest()


def _local(url: Url) -> str | None:
    try:
        return url.file()
    except ValueError as error:
        raise Failure(Kind.MALFORMED, str(error)) from error


def _from_file(job: Job, path: str) -> tuple[str, int]:
    """Serve a `file://` URL directly from its file."""
    try:
        descriptor = open_regular(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Failure(Kind.MISSING, reason, remedy="check the path, or add a mirror") from error
    with contextlib.closing(PositionedFile(descriptor, Path(path))) as file:
        size = file.size()
        if size != (job.download.size or size):
            raise Failure(Kind.MISMATCH, f"size {size}, expected {job.download.size}")
        job.progress.set_position(size, size)
        if job.parts is not None:
            return consume_parts(job.download, job.parts, seekable(file.read_at, size))
        spool = Spool(file, Intervals([(0, size)]))
        spool.finish(size)
        try:
            return serve(job.download, spool, file, job.consume)
        finally:
            spool.fail(Failure(Kind.STOPPED, "stopped"))


def error_of(download: Download, failures: list[tuple[Url, Failure]]) -> Exception:
    """Return the error for an archive that failed at all of its URLs.

    An unexpected exception, such as a bug, is not reported as unavailable: no source build may hide it.
    """
    if not failures:
        return UnavailableError(
            f"{download.file} has no URL",
            where=download.file,
            remedy="set CGO_PREBUILT_MIRROR, or lock it again",
        )
    last = failures[-1][1]
    if last.kind is Kind.LOCAL:
        return UsageError(last.reason, where=download.file, remedy=last.remedy or CHECK_NETWORK)
    where = str(failures[0][0])
    if len(failures) > 1:
        # One below the other, aligned with the "  at: " of the error's form.
        where = "\n      ".join(f"{url}: {failure.reason}" for url, failure in failures)
    wrong = next((failure for _, failure in failures if failure.kind is Kind.MISMATCH), None)
    if wrong is not None:
        expected = f"sha256 {download.sha256}" if download.sha256 else "those of the archive"
        return IntegrityError(
            f"{download.file} has wrong bytes: {wrong.reason}"
            if len(failures) == 1
            else f"{download.file} has wrong bytes, expected {expected}",
            where=where,
            remedy="do not use it; if the publisher replaced the file, lock it again, else "
            "use another mirror",
        )
    for url, failure in failures:
        if failure.kind is Kind.UNEXPECTED:
            return failure.error(f"{download.file} cannot be downloaded", url)
    remedy = next((f.remedy for _, f in failures if f.remedy is not None), None)
    what = f"{download.file} cannot be downloaded"
    if len(failures) == 1:
        what = f"{what}: {last.reason}"
    return UnavailableError(
        what,
        where=where,
        remedy=remedy or CHECK_NETWORK,
    )
