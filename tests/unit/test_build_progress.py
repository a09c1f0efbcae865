"""What a person sees of a build from source."""

from __future__ import annotations

import io

from cgo_prebuilt.commands.build_progress import BuildProgress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_twice_a_minute() -> None:
    out, clock = io.StringIO(), Clock()
    progress = BuildProgress(out, clock)
    for _ in range(130):
        progress.line("   Compiling serde v1.0.0\x1b[2J")
        clock.now += 1
    progress.end()
    assert out.getvalue().splitlines() == [
        "  30 s: Compiling serde v1.0.0\\x1b[2J",
        "  1:00: Compiling serde v1.0.0\\x1b[2J",
        "  1:30: Compiling serde v1.0.0\\x1b[2J",
        "  2:00: Compiling serde v1.0.0\\x1b[2J",
    ]


def test_a_terminal_shows_the_last_line_in_place_and_then_nothing() -> None:
    out, clock = Terminal(), Clock()
    progress = BuildProgress(out, clock)
    progress.line("too soon")
    clock.now += 1
    progress.line("x" * 1000)
    progress.end()
    drawn, cleared = out.getvalue().split("\r\x1b[K")[1:]
    assert drawn.startswith("  1 s: xxx")
    assert len(drawn) < 1000
    assert cleared == ""
