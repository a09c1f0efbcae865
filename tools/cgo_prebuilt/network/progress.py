"""What a person sees of transfers: a line a file on a terminal, lines in a log, or nothing."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TextIO

from cgo_prebuilt.amounts import format_size, format_time

_REDRAW_SECONDS = 0.1
_RATE_SECONDS = 3.0


class FileProgress(Protocol):
    """One file on its way. Its methods may be called from any thread."""

    def place(self, position: int) -> None:
        """`position` bytes are there already, from an earlier run; or 0 after a restart."""

    def advance(self, count: int) -> None:
        """`count` more bytes came in."""

    def done(self, outcome: str) -> None:
        """It is over: `done`, or why not in a few words."""


class Progress(Protocol):
    """Where transfers say how far they are."""

    def start(self, file: str, total: int | None) -> FileProgress:
        """A file of `total` bytes (None: not known) is on its way."""


class _SilentFile:
    def place(self, position: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def done(self, outcome: str) -> None: ...


class SilentProgress:
    """Says nothing."""

    def start(self, file: str, total: int | None) -> FileProgress:
        """See `Progress.start`."""
        return _SilentFile()


class _Meter:
    """How far one file is, and how fast: the rate is that of the last few seconds."""

    def __init__(self, file: str, total: int | None, clock: Callable[[], float]) -> None:
        self.file = file
        self.total = total
        self.position = 0
        self.received = 0
        self.outcome: str | None = None
        self._clock = clock
        self.started = clock()
        self._marks = [(self.started, 0)]

    def advance(self, count: int) -> None:
        self.position += count
        self.received += count
        now = self._clock()
        if now - self._marks[-1][0] >= _REDRAW_SECONDS:
            self._marks.append((now, self.received))
            while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_SECONDS:
                self._marks.pop(0)

    def rate(self) -> float:
        """Bytes a second of late; 0 where it is too early to say."""
        then, received = self._marks[0]
        elapsed = self._clock() - then
        return (self.received - received) / elapsed if elapsed > 0 else 0.0

    def elapsed(self) -> float:
        return self._clock() - self.started


def format_line(meter: _Meter, width: int) -> str:
    """One file's line, at most `width` columns wide."""
    if meter.outcome is not None and meter.outcome != "done":
        facts = meter.outcome
    elif meter.outcome is not None:
        facts = f"{format_size(meter.position)} in {format_time(meter.elapsed())}"
    else:
        rate = meter.rate()
        facts = f"{format_size(meter.position)}"
        if meter.total:
            percent = min(100, 100 * meter.position // meter.total)
            facts = f"{percent:3}% of {format_size(meter.total)}"
        facts += f"  {format_size(rate)}/s"
        if meter.total and rate > 0 and meter.position < meter.total:
            facts += f"  {format_time((meter.total - meter.position) / rate)} left"
    facts = facts[: max(0, width)]
    room = width - len(facts) - 2
    name = meter.file
    if len(name) > room:
        # The end of a name tells the platforms apart.
        name = "…" + name[len(name) - room + 1 :] if room >= 8 else ""
    return f"{name}  {facts}" if name else facts


class TerminalProgress:
    """A line for each file at the bottom of a terminal, redrawn at most ten times a second.

    Args:
        out: The terminal.
        clock: Seconds that only go forward.
        width: The terminal's columns.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        self._out = out if out is not None else sys.stderr
        self._clock = clock
        self._width = width
        self._lock = threading.Lock()
        self._active: list[_Meter] = []
        self._drawn = 0
        self._last = float("-inf")

    def start(self, file: str, total: int | None) -> FileProgress:
        """See `Progress.start`."""
        meter = _Meter(file, total, self._clock)
        with self._lock:
            self._active.append(meter)
            self._draw()
        return _TerminalFile(self, meter)

    def update(self, meter: _Meter, count: int) -> None:
        """Counts and, when it is time, draws."""
        with self._lock:
            meter.advance(count)
            if self._clock() - self._last >= _REDRAW_SECONDS:
                self._draw()

    def place(self, meter: _Meter, position: int) -> None:
        """Sets where a file stands."""
        with self._lock:
            meter.position = position

    def finish(self, meter: _Meter, outcome: str) -> None:
        """Leaves the file's last line above those that go on."""
        with self._lock:
            if meter.outcome is None:
                meter.outcome = outcome
                self._active.remove(meter)
                self._draw(leave=meter)

    def _draw(self, leave: _Meter | None = None) -> None:
        # One column stays free: a full line would wrap, and the next redraw start a line too low.
        width = max(1, self._width() - 1)
        meters = [leave, *self._active] if leave is not None else self._active
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = "".join(f"\r\x1b[K{format_line(meter, width)}\n" for meter in meters)
        with suppress(OSError):  # nobody looks any more
            self._out.write(f"{up}{lines}\x1b[J")
            self._out.flush()
        self._drawn = len(self._active)
        self._last = self._clock()


class _TerminalFile:
    def __init__(self, owner: TerminalProgress, meter: _Meter) -> None:
        self._owner = owner
        self._meter = meter

    def place(self, position: int) -> None:
        self._owner.place(self._meter, position)

    def advance(self, count: int) -> None:
        self._owner.update(self._meter, count)

    def done(self, outcome: str) -> None:
        self._owner.finish(self._meter, outcome)


class LogProgress:
    """One plain line when a file starts and one when it ends.

    Args:
        out: Where the lines go.
        clock: Seconds that only go forward.
        verb: What happens to the files: `download` or `upload`.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        verb: str = "download",
    ) -> None:
        self._out = out if out is not None else sys.stderr
        self._clock = clock
        self._lock = threading.Lock()
        self.verb = verb

    def start(self, file: str, total: int | None) -> FileProgress:
        """See `Progress.start`."""
        self.line(f"{self.verb}ing {file}" + (f" ({format_size(total)})" if total else ""))
        return _LogFile(self, _Meter(file, total, self._clock))

    def line(self, text: str) -> None:
        """Writes one line whole, whoever else is writing."""
        with self._lock, suppress(OSError):  # nobody reads it any more
            self._out.write(text + "\n")
            self._out.flush()


class _LogFile:
    def __init__(self, owner: LogProgress, meter: _Meter) -> None:
        self._owner = owner
        self._meter = meter
        self._lock = threading.Lock()

    def place(self, position: int) -> None:
        with self._lock:
            self._meter.position = position

    def advance(self, count: int) -> None:
        with self._lock:
            self._meter.advance(count)

    def done(self, outcome: str) -> None:
        with self._lock:
            if self._meter.outcome is not None:
                return
            self._meter.outcome = outcome
            facts = outcome
            if outcome == "done":
                elapsed = self._meter.elapsed()
                rate = self._meter.received / elapsed if elapsed > 0 else 0.0
                facts = (
                    f"{format_size(self._meter.position)} in {format_time(elapsed)}"
                    f" ({format_size(rate)}/s)"
                )
        self._owner.line(
            f"{self._owner.verb}ed {self._meter.file}: {facts}"
            if outcome == "done"
            else f"{self._meter.file}: {facts}"
        )


def progress_for(out: TextIO, *, quiet: bool = False, verb: str = "download") -> Progress:
    """The form that suits a stream: a terminal's, a log's, or none.

    Args:
        out: The stream.
        quiet: Whether to say nothing.
        verb: What happens to the files: `download` or `upload`.
    """
    if quiet:
        return SilentProgress()
    return TerminalProgress(out) if out.isatty() else LogProgress(out, verb=verb)
