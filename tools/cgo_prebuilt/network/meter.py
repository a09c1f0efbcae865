"""Measure the progress and rate of transfers, and format them for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cgo_prebuilt.amounts import format_size, format_time

REDRAW_SECONDS = 0.1
_RATE_SECONDS = 3.0


class Meter:
    """The progress of one file, and its rate over the last few seconds."""

    def __init__(self, file: str, total: int | None, clock: Callable[[], float]) -> None:
        self.file = file
        self.total = total
        self.position = 0
        self.received = 0
        self.source = ""
        self.waiting = ""
        self.outcome: str | None = None
        self._clock = clock
        self.started = clock()
        self._marks = [(self.started, 0)]

    def advance(self, count: int) -> None:
        """Add `count` received bytes."""
        self.position += count
        self.received += count
        self.waiting = ""
        now = self._clock()
        if now - self._marks[-1][0] >= REDRAW_SECONDS:
            self._marks.append((now, self.received))
            while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_SECONDS:
                self._marks.pop(0)

    def rate(self) -> float:
        """Return the recent rate in bytes a second; 0 if it is too early to tell."""
        then, received = self._marks[0]
        elapsed = self._clock() - then
        return (self.received - received) / elapsed if elapsed > 0 else 0.0

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self._clock() - self.started


def facts_of(meter: Meter) -> str:
    """Format a file's progress, rate and remaining time."""
    if meter.outcome == "done":
        return f"{format_size(meter.position)} in {format_time(meter.elapsed())}"
    if meter.outcome is not None:
        return meter.outcome
    rate, total = meter.rate(), meter.total
    facts = [format_size(meter.position)]
    if total:
        facts = [f"{min(100, 100 * meter.position // total):3}% of {format_size(total)}"]
    # A file that is present already has no received bytes.
    if meter.received or meter.position != total:
        facts.append(f"{format_size(rate)}/s")
    if total and rate > 0 and meter.position < total:
        facts.append(f"{format_time((total - meter.position) / rate)} left")
    if meter.waiting:
        facts.append(meter.waiting)
    return "  ".join(facts)


def format_line(meter: Meter, width: int) -> str:
    """Format one file's line to at most `width` columns."""
    facts = facts_of(meter)[: max(0, width)]
    room = width - len(facts) - 2
    name = meter.file
    if len(name) > room:
        # Keep the end of the name, where platforms differ.
        name = "…" + name[len(name) - room + 1 :] if room >= 8 else ""
    return f"{name}  {facts}" if name else facts


def percent_of(meters: Sequence[Meter]) -> int:
    """Return the percentage of several files that is present."""
    total = sum(meter.total or 0 for meter in meters)
    return min(100, 100 * sum(meter.position for meter in meters) // total) if total else 0


def format_sum(meters: Sequence[Meter]) -> str:
    """Format several files' progress: `60 MB of 102 MB (58%), 12.1 MB/s, from example.com`."""
    active = [meter for meter in meters if meter.outcome is None]
    position = sum(meter.position for meter in meters)
    facts = [format_size(position)]
    if meters and all(meter.total for meter in meters):
        total = sum(meter.total or 0 for meter in meters)
        if position >= total:
            return f"{format_size(total)}, unpacking"
        facts = [f"{facts[0]} of {format_size(total)} ({percent_of(meters)}%)"]
    if any(meter.received for meter in active):
        facts.append(f"{format_size(sum(meter.rate() for meter in active))}/s")
    places = sorted({meter.source for meter in active if meter.source})
    if places:
        facts.append(f"from {', '.join(places)}")
    facts += sorted({meter.waiting for meter in active if meter.waiting})
    return ", ".join(facts)
