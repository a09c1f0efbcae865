"""Progress of transfers: a line per file on a terminal, lines in a log, or nothing."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from cgo_prebuilt.amounts import format_size, format_time
from cgo_prebuilt.network.meter import REDRAW_SECONDS, Meter, facts_of, format_line

LOG_SECONDS = 20.0
_LONGEST_REASON = 60


class FileProgress:
    """The progress of one file, callable from any thread; this one shows nothing."""

    def comes_from(self, place: str) -> None:
        """Note the host or folder that the bytes now come from."""

    def waits(self, seconds: float, why: str) -> None:
        """Note that the next request is sent only in some seconds, and why."""

    def set_position(self, position: int, total: int | None = None) -> None:
        """Note the `position` to resume from (0 after a restart) and the total (0 if unknown)."""

    def expect_more(self, count: int, there: int) -> None:
        """Add `count` bytes to the total, of which `there` are present."""

    def advance(self, count: int) -> None:
        """Note `count` more bytes."""

    def done(self, outcome: str) -> None:
        """Note the end: `done`, or the reason of a failure."""


class WholeProgress(FileProgress):
    """The progress of a file that is read whole, because reading parts of it failed.

    It says so only once the server sends the whole: a server may refuse that, too.

    Args:
        in_parts: The progress of the attempt to read parts, shown until bytes of the whole arrive.
        why: Why it failed.
        start: Starts the progress of the whole.
    """

    def __init__(self, in_parts: FileProgress, why: str, start: Callable[[], FileProgress]) -> None:
        self._shown = in_parts
        self._why = why
        self._start: Callable[[], FileProgress] | None = start
        self._place = ""
        self._lock = threading.Lock()

    def comes_from(self, place: str) -> None:
        """See `FileProgress`."""
        self._place = place
        self._shown.comes_from(place)

    def waits(self, seconds: float, why: str) -> None:
        """See `FileProgress`."""
        self._shown.waits(seconds, why)

    def set_position(self, position: int, total: int | None = None) -> None:
        """See `FileProgress`; called once there is a good answer."""
        self._whole().set_position(position, total)

    def advance(self, count: int) -> None:
        """See `FileProgress`."""
        self._whole().advance(count)

    def done(self, outcome: str) -> None:
        """See `FileProgress`."""
        self._shown.done(outcome)

    def _whole(self) -> FileProgress:
        with self._lock:
            if self._start is not None:
                self._shown.done(f"has to be read whole: {self._why}")
                self._shown, self._start = self._start(), None
                self._shown.comes_from(self._place)
            return self._shown


class Progress:
    """A receiver of transfers' progress; this one shows nothing."""

    def start(self, file: str, total: int | None) -> FileProgress:
        """Start the transfer of a file of `total` bytes (None if unknown)."""
        return FileProgress()


class Shown(Progress):
    """A progress that is printed; subclasses decide how. Calls are serialized.

    Args:
        out: The output.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, out: TextIO | None, clock: Callable[[], float]) -> None:
        self.lock = threading.Lock()
        self.active: list[Meter] = []
        self._out = out if out is not None else sys.stderr
        self._clock = clock

    def start(self, file: str, total: int | None) -> FileProgress:
        """See `Progress.start`."""
        meter = Meter(file, total, self._clock)
        with self.lock:
            self.active.append(meter)
            self.started(meter)
        return _ShownFile(self, meter)

    def started(self, meter: Meter) -> None:
        """Note that a file has started."""

    def moved(self) -> None:
        """Note that bytes arrived."""

    def ended(self, meter: Meter) -> None:
        """Note that a file has ended."""

    def write(self, text: str) -> None:
        """Write a text at once."""
        with suppress(OSError, ValueError):  # the reader has gone, or it is closed
            self._out.write(text)
            self._out.flush()


class _ShownFile(FileProgress):
    def __init__(self, owner: Shown, meter: Meter) -> None:
        self._owner = owner
        self._meter = meter

    def comes_from(self, place: str) -> None:
        with self._owner.lock:
            self._meter.source = place
            self._meter.waiting = ""

    def waits(self, seconds: float, why: str) -> None:
        with self._owner.lock:
            self._meter.waiting = f"waiting {format_time(seconds)} after {why[:_LONGEST_REASON]}"
            self._owner.moved()

    def set_position(self, position: int, total: int | None = None) -> None:
        with self._owner.lock:
            self._meter.position = position
            if total is not None:
                self._meter.total = total

    def expect_more(self, count: int, there: int) -> None:
        with self._owner.lock:
            self._meter.total = (self._meter.total or 0) + count
            self._meter.position += there

    def advance(self, count: int) -> None:
        with self._owner.lock:
            self._meter.advance(count)
            self._owner.moved()

    def done(self, outcome: str) -> None:
        with self._owner.lock:
            if self._meter.outcome is None:
                self._meter.outcome = outcome
                self._owner.active.remove(self._meter)
                self._owner.ended(self._meter)


class TerminalProgress(Shown):
    """A line for each file at the bottom of a terminal, redrawn ten times a second at most.

    Args:
        out: The terminal.
        clock: A monotonic clock, in seconds.
        width: The terminal's columns.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        super().__init__(out, clock)
        self._width = width
        self._drawn = 0
        self._last = float("-inf")

    def started(self, meter: Meter) -> None:
        """Draw its line below the others."""
        self._draw()

    def moved(self) -> None:
        """Redraw if it is due."""
        if self._clock() - self._last >= REDRAW_SECONDS:
            self._draw()

    def ended(self, meter: Meter) -> None:
        """Leave the file's last line above the lines of unfinished files."""
        self._draw(leave=meter)

    def _draw(self, leave: Meter | None = None) -> None:
        # One column stays free: a full line would wrap, and the next redraw would start a line too low.
        width = max(1, self._width() - 1)
        meters = [leave, *self.active] if leave is not None else self.active
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = "".join(f"\r\x1b[K{format_line(meter, width)}\n" for meter in meters)
        self.write(f"{up}{lines}\x1b[J")
        self._drawn = len(self.active)
        self._last = self._clock()


class LogProgress(Shown):
    """Plain lines: when a file starts, when it ends, and at intervals between.

    Args:
        out: The output for the lines.
        clock: A monotonic clock, in seconds.
        verb: `download` or `upload`.
        every: The longest time without a line, in seconds.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        verb: str = "download",
        every: float = LOG_SECONDS,
    ) -> None:
        super().__init__(out, clock)
        self.verb = verb
        self._every = every
        self._all_over = threading.Condition(self.lock)
        self._reporter: threading.Thread | None = None

    def started(self, meter: Meter) -> None:
        """Print that the file has started."""
        of = f" ({format_size(meter.total)})" if meter.total else ""
        self.write(f"{self.verb}ing {meter.file}{of}\n")
        if self._reporter is None:
            self._reporter = threading.Thread(
                target=self._report, name="cgo-prebuilt-report", daemon=True
            )
            with suppress(RuntimeError):  # no thread can be started: print no such lines
                self._reporter.start()

    def ended(self, meter: Meter) -> None:
        """Print the result."""
        text = facts_of(meter)
        if meter.outcome == "done":
            elapsed = meter.elapsed()
            if meter.received and elapsed > 0:
                text += f" ({format_size(meter.received / elapsed)}/s)"
            self.write(f"{self.verb}ed {meter.file}: {text}\n")
        else:
            self.write(f"{meter.file}: {text}\n")
        if not self.active:
            self._all_over.notify_all()

    def _report(self) -> None:
        """Print lines at intervals, so that a log shows progress or its absence."""
        with self.lock:
            while self.active:
                if not self._all_over.wait(self._every):
                    for meter in self.active:
                        self.write(f"{meter.file}: {facts_of(meter).strip()}\n")
            self._reporter = None


def progress_for(out: TextIO, *, verb: str = "download") -> Progress:
    """Return the progress for a stream: for a terminal, or for a log.

    Args:
        out: The stream.
        verb: `download` or `upload`.
    """
    return TerminalProgress(out) if out.isatty() else LogProgress(out, verb=verb)
