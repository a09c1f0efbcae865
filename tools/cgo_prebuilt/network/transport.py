"""The transport: an archive's bytes from the first of its URLs that gives the right ones.

Transport.run  mirrors in order, wrong bytes told from missing ones   (this module)
  Transfer     one pass over one URL: tries, resume, hash, consumer   (transfer)
    HttpClient   one request: proxies, credentials, redirects         (client)
  Partial      what is on the disk, now and for the next run          (partial)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import (
    CgoPrebuiltError,
    IntegrityError,
    UnavailableError,
    UsageError,
)
from cgo_prebuilt.network.failure import CHECK_NETWORK, Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.partial import Partial, Partials, PositionedFile
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.network.retry import Patience, Verdict, classify
from cgo_prebuilt.network.serving import Wanted, serve
from cgo_prebuilt.network.spool import Spool
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.network.transfer import Job, Restart, Transfer, Visit
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from cgo_prebuilt.network.ranged import RangeFile

__all__ = ["ByteStream", "Download", "Transferred", "Transport", "TransportSettings"]


@dataclass(frozen=True, slots=True)
class Download:
    """An archive to be had.

    Attributes:
        file: Its name, for people.
        urls: Where it is: http, https or file, in the order to try.
        sha256: Of the whole, 64 lower-case hex digits; None only when a lock is being made.
        size: Of the whole in bytes, or None likewise.
    """

    file: str
    urls: tuple[Url, ...]
    sha256: str | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Transferred:
    """An archive that was had: whole, and consumed.

    Attributes:
        sha256: Of the whole, 64 lower-case hex digits.
        size: Of the whole in bytes.
        requests: HTTP requests sent, redirects and retries included.
        bytes_downloaded: Bytes received, of every try.
        bytes_resumed: Bytes that an earlier run had left.
        url: Which of the URLs it came from.
        validator: What shows whether the file there is still the same; None where nothing does.
    """

    sha256: str
    size: int
    requests: int
    bytes_downloaded: int
    bytes_resumed: int
    url: Url
    validator: str | None = None


class Transport:
    """Downloads archives; several threads may call `run` at the same time.

    Args:
        partials: The folder for what is on its way; made when needed.
        settings: The numbers.
        progress: Is told how far each file is.

    Attributes:
        tally: What all of it has cost so far, whether or not anything came of it.
    """

    def __init__(self, partials: Path, settings: TransportSettings, progress: Progress) -> None:
        self._partials = Partials(partials)
        self._settings = settings
        self._progress = progress
        self.tally = Tally()
        self._stopped = False
        self._active: set[Transfer | RangeFile] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Ends every transfer, from any thread; each leaves what the next run can go on from."""
        with self._lock:
            self._stopped = True
            active = list(self._active)
        for transfer in active:
            transfer.stop()

    def run(self, download: Download, consume: Callable[[ByteStream], object]) -> Transferred:
        """Gets an archive, and has it consumed as it comes in.

        Args:
            download: What to get.
            consume: Reads the archive from its first byte, in the caller's thread. It may be called
                again from the start, after a server changed its mind or for the next mirror; what
                it made before counts for nothing. It may return before the end.

        Returns:
            What was had. `consume` has returned, and size and hash of all the bytes are right.

        Raises:
            IntegrityError: A mirror gave wrong bytes, and none the right ones.
            UnavailableError: No mirror gave any.
            UsageError: The partial file cannot be written.
            Exception: Whatever `consume` raises, except where the bytes were wrong or missing; any
                error that nobody foresaw.
        """
        handle = self._progress.start(download.file, download.size)
        try:
            transferred = self._run(download, consume, handle)
        except CgoPrebuiltError:
            handle.done("failed")  # the error says why, once
            raise
        except BaseException:
            handle.done("interrupted")
            raise
        handle.done("done")
        return transferred

    def read_members(
        self, download: Download, members: Collection[str], consume: Callable[[ByteStream], object]
    ) -> bool:
        """Has some members of a zip archive read without fetching all of it.

        The archive's own hash is not checked: `consume` must check each member's.

        Args:
            download: The archive; its size must be known.
            members: The names of those that `consume` will read.
            consume: Is called with a stream whose `whole` fetches what is read of it.

        Returns:
            False where this does not work or does not pay: use `run`, which gives the right bytes
            or the reason why not.

        Raises:
            Exception: Whatever `consume` raises, except an IntegrityError, which `run` will explain.
        """
        from cgo_prebuilt.network.ranged import RangeFile, read_members

        size, url = download.size, next(iter(download.urls), Url(""))
        if size is None or url.scheme not in ("http", "https"):
            return False
        handle = self._progress.start(download.file, None)
        handle.comes_from(url.host)
        outcome = "has to be read whole"
        try:
            with RangeFile(url, size, self._settings, handle) as raw, self._stoppable(raw):
                try:
                    why_not = read_members(raw, size, members, consume)
                finally:
                    self.tally.add(requests=raw.requests, downloaded=raw.bytes_downloaded)
            outcome = f"{outcome}: {why_not}" if why_not else "done"
            return not why_not
        except Failure as failure:
            outcome = f"{outcome}: {failure.reason}"
            return False
        finally:
            handle.done(outcome)

    def _run(
        self, download: Download, consume: Callable[[ByteStream], object], handle: FileProgress
    ) -> Transferred:
        deadline = time.monotonic() + self._settings.total_seconds
        tally = Tally(self.tally)
        failures: list[tuple[Url, Failure]] = []
        with contextlib.ExitStack() as stack:
            partial: Partial | None = None
            for url in download.urls:
                wanted = Wanted(url, download.sha256, download.size)
                visit = Visit(Patience(self._settings))
                try:
                    path = _local(url)
                    handle.comes_from(url.host if path is None else "a folder")
                    if path is not None:
                        sha256, size = _from_file(wanted, path, consume, handle)
                    else:
                        if partial is None:
                            partial = stack.enter_context(self._claim(download))
                        job = Job(wanted, consume, tally, handle, deadline)
                        try:
                            sha256, size = self._from_server(job, partial, visit)
                        except Failure as failure:
                            if failure.kind is not Kind.WRONG or partial.intact():
                                raise
                            # Not this server's fault: two processes wrote to the same file.
                            partial = stack.enter_context(self._claim(download, private=True))
                            visit = Visit(Patience(self._settings))
                            sha256, size = self._from_server(job, partial, visit)
                        partial.finished = True
                except Failure as failure:
                    failures.append((url, failure))
                    if classify(failure) is Verdict.NEVER:
                        break
                    continue
                return Transferred(
                    sha256,
                    size,
                    tally.requests,
                    tally.downloaded,
                    tally.resumed,
                    url,
                    visit.validator,
                )
        raise error_of(download, failures)

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

    def _from_server(self, job: Job, partial: Partial, visit: Visit) -> tuple[str, int]:
        while True:
            transfer = Transfer(job, partial, visit, self._settings)
            try:
                with self._stoppable(transfer):
                    return transfer.run()
            except Restart:
                partial.restart()
            except Failure as failure:
                if failure.kind is not Kind.WRONG or not partial.intact():
                    raise
                partial.restart()
                # Bytes of an earlier run are not this server's fault: once more, without them.
                if not visit.resumed or not visit.ranges:
                    raise
                visit.ranges = False

    @contextlib.contextmanager
    def _stoppable(self, active: Transfer | RangeFile) -> Iterator[None]:
        with self._lock:
            if self._stopped:
                raise Failure(Kind.STOPPED, "stopped")
            self._active.add(active)
        try:
            yield
        finally:
            with self._lock:
                self._active.discard(active)


def _key_of(urls: tuple[Url, ...]) -> str:
    return hashlib.sha256("\n".join(map(str, urls)).encode()).hexdigest()


def _local(url: Url) -> str | None:
    try:
        return url.file()
    except ValueError as error:
        raise Failure(Kind.MALFORMED, str(error)) from error


def _from_file(
    wanted: Wanted, path: str, consume: Callable[[ByteStream], object], handle: FileProgress
) -> tuple[str, int]:
    """Serves a `file://` URL from where the file is."""
    try:
        # Without O_NONBLOCK, opening a pipe waits for whoever writes into it.
        flags = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, os.O_RDONLY | flags)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Failure(Kind.MISSING, reason, remedy="check the path, or add a mirror") from error
    with contextlib.closing(PositionedFile(descriptor, Path(path))) as file:
        if not file.is_regular():
            raise Failure(Kind.MISSING, "not a file")
        size = file.size()
        if wanted.size is not None and size != wanted.size:
            raise Failure(Kind.WRONG, f"size {size}, expected {wanted.size}")
        spool = Spool(file, Intervals([(0, size)]))
        spool.finish(size)
        handle.place(size)
        try:
            return serve(wanted, spool, file, consume)
        finally:
            spool.fail(Failure(Kind.STOPPED, "stopped"))


def error_of(download: Download, failures: list[tuple[Url, Failure]]) -> Exception:
    """The error that stands for what went wrong at every URL of an archive.

    No unforeseen error, such as a bug here, is a want of bytes, for which another source would be taken.
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
        # Below each other, behind the "  at: " that the error's own form puts before the first.
        where = "\n      ".join(f"{url}: {failure.reason}" for url, failure in failures)
    wrong = next((failure for _, failure in failures if failure.kind is Kind.WRONG), None)
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
        if failure.kind is Kind.FAULT:
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
