"""What a person sees of transfers: a line a file on a terminal, lines in a log or among others, nothing."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, TextIO

from cgo_prebuilt.amounts import format_size, format_time

_REDRAW_SECONDS = 0.1
_RATE_SECONDS = 3.0
_LOG_SECONDS = 20.0
_PERSON_SECONDS = 2.0
_PERSON_PERCENT = 10


class FileProgress(Protocol):
    """One file on its way. Its methods may be called from any thread."""

    def comes_from(self, place: str) -> None:
        """Its bytes come from this host or folder now."""

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
    def comes_from(self, place: str) -> None: ...

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
        self.source = ""
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


def _facts(meter: _Meter) -> str:
    """How far a file is, how fast, and how long it will take."""
    if meter.outcome == "done":
        return f"{format_size(meter.position)} in {format_time(meter.elapsed())}"
    if meter.outcome is not None:
        return meter.outcome
    rate, total = meter.rate(), meter.total
    facts = [format_size(meter.position)]
    if total:
        facts = [f"{min(100, 100 * meter.position // total):3}% of {format_size(total)}"]
    # Of a file that is there already nothing is received.
    if meter.received or meter.position != total:
        facts.append(f"{format_size(rate)}/s")
    if total and rate > 0 and meter.position < total:
        facts.append(f"{format_time((total - meter.position) / rate)} left")
    return "  ".join(facts)


def format_line(meter: _Meter, width: int) -> str:
    """One file's line, at most `width` columns wide."""
    facts = _facts(meter)[: max(0, width)]
    room = width - len(facts) - 2
    name = meter.file
    if len(name) > room:
        # The end of a name tells the platforms apart.
        name = "…" + name[len(name) - room + 1 :] if room >= 8 else ""
    return f"{name}  {facts}" if name else facts


class _Shown:
    """Files that are shown: a subclass says how. Changes come one at a time.

    Args:
        out: Where to.
        clock: Seconds that only go forward.
    """

    def __init__(self, out: TextIO | None, clock: Callable[[], float]) -> None:
        self.lock = threading.Lock()
        self.active: list[_Meter] = []
        self._out = out if out is not None else sys.stderr
        self._clock = clock

    def start(self, file: str, total: int | None) -> FileProgress:
        """See `Progress.start`."""
        meter = _Meter(file, total, self._clock)
        with self.lock:
            self.active.append(meter)
            self.started(meter)
        return _ShownFile(self, meter)

    def started(self, meter: _Meter) -> None:
        """A file is on its way."""

    def moved(self) -> None:
        """Bytes came in."""

    def ended(self, meter: _Meter) -> None:
        """A file is over, and not active any more."""

    def write(self, text: str) -> None:
        """Writes it at once."""
        with suppress(OSError, ValueError):  # nobody looks any more, or it is closed
            self._out.write(text)
            self._out.flush()


class _ShownFile:
    def __init__(self, owner: _Shown, meter: _Meter) -> None:
        self._owner = owner
        self._meter = meter

    def comes_from(self, place: str) -> None:
        with self._owner.lock:
            self._meter.source = place

    def place(self, position: int) -> None:
        with self._owner.lock:
            self._meter.position = position

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


class TerminalProgress(_Shown):
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
        super().__init__(out, clock)
        self._width = width
        self._drawn = 0
        self._last = float("-inf")

    def started(self, meter: _Meter) -> None:
        """Draws its line below the others."""
        self._draw()

    def moved(self) -> None:
        """Draws, when it is time."""
        if self._clock() - self._last >= _REDRAW_SECONDS:
            self._draw()

    def ended(self, meter: _Meter) -> None:
        """Leaves the file's last line above those that are still on their way."""
        self._draw(leave=meter)

    def _draw(self, leave: _Meter | None = None) -> None:
        # One column stays free: a full line would wrap, and the next redraw start a line too low.
        width = max(1, self._width() - 1)
        meters = [leave, *self.active] if leave is not None else self.active
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = "".join(f"\r\x1b[K{format_line(meter, width)}\n" for meter in meters)
        self.write(f"{up}{lines}\x1b[J")
        self._drawn = len(self.active)
        self._last = self._clock()


class LogProgress(_Shown):
    """Plain lines: when a file starts, when it ends, and now and then in between.

    Args:
        out: Where the lines go.
        clock: Seconds that only go forward.
        verb: What happens to the files: `download` or `upload`.
        every: The longest time without a line, in seconds.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        verb: str = "download",
        every: float = _LOG_SECONDS,
    ) -> None:
        super().__init__(out, clock)
        self.verb = verb
        self._every = every
        self._all_over = threading.Condition(self.lock)
        self._reporter: threading.Thread | None = None

    def started(self, meter: _Meter) -> None:
        """Says what is on its way."""
        of = f" ({format_size(meter.total)})" if meter.total else ""
        self.write(f"{self.verb}ing {meter.file}{of}\n")
        if self._reporter is None:
            self._reporter = threading.Thread(
                target=self._report, name="cgo-prebuilt-report", daemon=True
            )
            with suppress(RuntimeError):  # no thread is left: then without such lines
                self._reporter.start()

    def ended(self, meter: _Meter) -> None:
        """Says how it went."""
        text = _facts(meter)
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
        """Shows whoever reads a log that something happens, or that nothing does."""
        with self.lock:
            while self.active:
                if not self._all_over.wait(self._every):
                    for meter in self.active:
                        self.write(f"{meter.file}: {_facts(meter).strip()}\n")
            self._reporter = None


class LinesAmongOthers(_Shown):
    """Lines about all files together, among the output of another program, such as Bazel's.

    Args:
        out: Where the lines go.
        what: What is fetched.
        is_terminal: Whether a person looks on.
        is_gone: Whether nobody reads the lines any more.
        end: Is called once, when nobody does.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        out: TextIO,
        what: str,
        *,
        is_terminal: Callable[[], bool],
        is_gone: Callable[[], bool],
        end: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(out, clock)
        self._what = what
        self._is_terminal = is_terminal
        self._is_gone = is_gone
        self._end = end
        self._all: list[_Meter] = []
        self._last = clock()
        self._percent: int | None = None

    def watch(self, every: float = 0.5) -> None:
        """Writes from now on, in a thread of its own."""

        def run() -> None:
            while not self._is_gone():
                time.sleep(every)
                self.look()
            self._end()

        with suppress(RuntimeError):  # no thread is left: then without lines
            threading.Thread(target=run, name="cgo-prebuilt-report", daemon=True).start()

    def look(self) -> None:
        """Writes a line, when it is time."""
        with self.lock:
            if not self.active:
                return
            percent = _percent(self._all)
            seconds = self._clock() - self._last
            gain = None if self._percent is None else percent - self._percent
            if is_due(seconds, gain, is_terminal=self._is_terminal):
                self._last, self._percent = self._clock(), percent
                self.write(f"fetching {self._what}: {format_sum(self._all)}\n")

    def started(self, meter: _Meter) -> None:
        """Counts it, too."""
        self._all.append(meter)

    def ended(self, meter: _Meter) -> None:
        """Counts what came, and no more: another try at it may start."""
        if meter.outcome != "done":
            self._all.remove(meter)


def is_due(seconds: float, gain: int | None, *, is_terminal: Callable[[], bool]) -> bool:
    """Whether it is time for another line.

    Args:
        seconds: Since the one before it.
        gain: The percent that came since; None for the first line.
        is_terminal: Whether a person looks on. In a log, lines are rare.
    """
    if seconds < _PERSON_SECONDS:
        return False
    if seconds >= _LOG_SECONDS:
        return True
    return (
        gain is None or gain >= _PERSON_PERCENT or seconds >= _LOG_SECONDS / 2
    ) and is_terminal()


def _percent(meters: Sequence[_Meter]) -> int:
    total = sum(meter.total or 0 for meter in meters)
    return min(100, 100 * sum(meter.position for meter in meters) // total) if total else 0


def format_sum(meters: Sequence[_Meter]) -> str:
    """How far several files are together: `60 MB of 102 MB (58%), 12.1 MB/s, from example.com`."""
    active = [meter for meter in meters if meter.outcome is None]
    position = sum(meter.position for meter in meters)
    facts = [format_size(position)]
    if meters and all(meter.total for meter in meters):
        total = sum(meter.total or 0 for meter in meters)
        if position >= total:
            return f"{format_size(total)}, unpacking"
        facts = [f"{facts[0]} of {format_size(total)} ({_percent(meters)}%)"]
    if any(meter.received for meter in active):
        facts.append(f"{format_size(sum(meter.rate() for meter in active))}/s")
    places = sorted({meter.source for meter in active if meter.source})
    if places:
        facts.append(f"from {', '.join(places)}")
    return ", ".join(facts)


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
