"""What a person sees of transfers in Bazel: lines about all files together, among those of others."""

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


class LinesAmongOthers(Shown):
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

        with suppress(RuntimeError):  # no thread is left: then without lines
            threading.Thread(target=run, name="cgo-prebuilt-report", daemon=True).start()

    def look(self) -> None:
        """Print a line, if it is time."""
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
        """Count it, too."""
        self._all.append(meter)

    def ended(self, meter: Meter) -> None:
        """Count only its received bytes: another attempt may start."""
        if meter.outcome != "done":
            self._all.remove(meter)


def is_due(seconds: float, gain: int | None, *, is_terminal: Callable[[], bool]) -> bool:
    """Return whether it is time for another line.

    Args:
        seconds: Since the one before it.
        gain: The percent that came since; None for the first line.
        is_terminal: Whether a person looks on. In a log, lines are rare.
    """
    if seconds < _PERSON_SECONDS:
        return False
    if seconds >= LOG_SECONDS:
        return True
    return (gain is None or gain >= _PERSON_PERCENT or seconds >= LOG_SECONDS / 2) and is_terminal()
