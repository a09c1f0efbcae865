"""The progress of transfers in Bazel: lines about all files together, among Bazel's output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from cgo_prebuilt.network.meter import Meter, format_sum, percent_of
from cgo_prebuilt.network.progress import LOG_SECONDS, Shown

_PERSON_SECONDS = 2.0
_PERSON_PERCENT = 10


class SharedOutputProgress(Shown):
    """Lines about all files together, among the output of another program, such as Bazel's.

    Args:
        out: The output for the lines.
        what: A description of the files.
        is_terminal: Returns whether a terminal shows the lines.
        is_gone: Returns whether the reader of the lines has gone.
        end: Called once when the reader has gone.
        clock: A monotonic clock, in seconds.
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
        self._all: list[Meter] = []
        self._last = clock()
        self._percent: int | None = None

    def watch(self, every: float = 0.5) -> None:
        """Start printing, in a thread."""

        def run() -> None:
            while not self._is_gone():
                time.sleep(every)
                self.look()
            self._end()

        with suppress(RuntimeError):  # no thread can be started: print no lines
            threading.Thread(target=run, name="cgo-prebuilt-report", daemon=True).start()

    def look(self) -> None:
        """Print a line if it is due."""
        with self.lock:
            if not self.active:
                return
            percent = percent_of(self._all)
            seconds = self._clock() - self._last
            gain = None if self._percent is None else percent - self._percent
            if is_due(seconds, gain, is_terminal=self._is_terminal):
                self._last, self._percent = self._clock(), percent
                self.write(f"fetching {self._what}: {format_sum(self._all)}\n")

    def started(self, meter: Meter) -> None:
        """Count the file, too."""
        self._all.append(meter)

    def ended(self, meter: Meter) -> None:
        """Count a failed file no longer, since another attempt may start."""
        if meter.outcome != "done":
            self._all.remove(meter)


def is_due(seconds: float, gain: int | None, *, is_terminal: Callable[[], bool]) -> bool:
    """Return whether it is time for another line.

    Args:
        seconds: The time since the last line.
        gain: The percentage points since then; None for the first line.
        is_terminal: Whether a terminal shows the lines. In a log, lines are rare.
    """
    if seconds < _PERSON_SECONDS:
        return False
    if seconds >= LOG_SECONDS:
        return True
    return (gain is None or gain >= _PERSON_PERCENT or seconds >= LOG_SECONDS / 2) and is_terminal()
