"""What a person sees of transfers."""

from __future__ import annotations

import io
import threading
import time

import pytest

from cgo_prebuilt.amounts import format_size, format_time
from cgo_prebuilt.network.joint_progress import SharedOutputProgress, is_due
from cgo_prebuilt.network.progress import (
    LogProgress,
    Progress,
    TerminalProgress,
    progress_for,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(text: str) -> list[str]:
    """What a terminal shows after it was sent `text`: knows CR, LF, cursor up and erase."""
    lines, row = [""], 0
    rest = text
    while rest:
        if rest.startswith("\x1b["):
            code = rest[2:].lstrip("0123456789")[0]
            number = rest[2 : rest.index(code)]
            if code == "A":
                row -= int(number)
            elif code == "K":
                lines[row] = ""
            elif code == "J":
                lines[row:] = [""]
            rest = rest[rest.index(code) + 1 :]
            continue
        if rest[0] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif rest[0] != "\r":
            lines[row] += rest[0]
        rest = rest[1:]
    return lines


def test_terminal_shows_bytes_rate_and_time_left() -> None:
    clock, out = Clock(), Terminal()
    handle = TerminalProgress(out, clock=clock, width=lambda: 80).start("lib.zip", 100_000_000)
    clock.now += 2
    handle.advance(20_000_000)
    assert screen(out.getvalue()) == ["lib.zip   20% of 100 MB  10.0 MB/s  8 s left", ""]
    clock.now += 8
    handle.advance(80_000_000)
    handle.done("done")
    assert screen(out.getvalue()) == ["lib.zip  100 MB in 10 s", ""]


def test_terminal_shows_a_line_for_each_file_and_leaves_those_that_are_done() -> None:
    out = Terminal()
    progress = TerminalProgress(out, clock=Clock(), width=lambda: 80)
    first, second = progress.start("a", None), progress.start("b", 10)
    first.done("HTTP 404")
    assert screen(out.getvalue())[:2] == ["a  HTTP 404", "b    0% of 10 B  0 B/s"]
    second.done("done")
    second.done("again")
    assert screen(out.getvalue()) == ["a  HTTP 404", "b  0 B in 0 s", ""]


def test_terminal_is_redrawn_ten_times_a_second_at_most() -> None:
    clock, out = Clock(), Terminal()
    handle = TerminalProgress(out, clock=clock, width=lambda: 80).start("a", 1000)
    before = out.getvalue()
    for _ in range(9):
        clock.now += 0.01
        handle.advance(1)
    assert out.getvalue() == before
    clock.now += 0.02
    handle.advance(1)
    assert out.getvalue() != before


@pytest.mark.parametrize("width", [0, 1, 5, 20, 30, 40])
def test_terminal_line_is_never_wider_than_the_terminal(width: int) -> None:
    clock, out = Clock(), Terminal()
    progress = TerminalProgress(out, clock=clock, width=lambda: width)
    handle = progress.start("a-very-long-name-linux_amd64.tar.zst", 10**9)
    clock.now += 1
    handle.advance(123_456)
    assert all(len(line) <= max(1, width - 1) for line in screen(out.getvalue()))


def test_terminal_cuts_a_long_name_at_its_start() -> None:
    out = Terminal()
    progress = TerminalProgress(out, clock=Clock(), width=lambda: 42)
    progress.start("a-very-long-name-linux_amd64.tar.zst", None)
    assert screen(out.getvalue())[0] == "…ong-name-linux_amd64.tar.zst  0 B  0 B/s"


def test_bytes_of_an_earlier_run_do_not_count_for_the_rate() -> None:
    clock, out = Clock(), Terminal()
    handle = TerminalProgress(out, clock=clock, width=lambda: 80).start("a", 100_000_000)
    handle.set_position(50_000_000)
    clock.now += 1
    handle.advance(10_000_000)
    assert screen(out.getvalue())[0] == "a   60% of 100 MB  10.0 MB/s  4 s left"


def test_log_has_a_plain_line_at_the_start_and_at_the_end() -> None:
    clock, out = Clock(), io.StringIO()
    handle = LogProgress(out, clock=clock).start("lib.zip", 20_000_000)
    clock.now += 4
    handle.advance(20_000_000)
    handle.done("done")
    handle.done("again")
    assert out.getvalue().splitlines() == [
        "downloading lib.zip (20.0 MB)",
        "downloaded lib.zip: 20.0 MB in 4 s (5.0 MB/s)",
    ]


def test_a_wait_is_shown_with_its_reason_until_bytes_arrive() -> None:
    clock, out = Clock(), Terminal()
    handle = TerminalProgress(out, clock=clock, width=lambda: 100).start("lib.zip", 1000)
    clock.now += 1
    handle.waits(45, "HTTP 503 Service Unavailable")
    assert screen(out.getvalue())[0].endswith("waiting 45 s after HTTP 503 Service Unavailable")
    clock.now += 46
    handle.advance(10)
    assert "waiting" not in screen(out.getvalue())[0]


def test_log_says_why_a_file_was_not_downloaded() -> None:
    out = io.StringIO()
    LogProgress(out).start("lib.zip", None).done("HTTP 404")
    assert out.getvalue().splitlines() == ["downloading lib.zip", "lib.zip: HTTP 404"]


def test_log_has_a_line_now_and_then_also_where_nothing_moves() -> None:
    clock, out, others = Clock(), io.StringIO(), set(threading.enumerate())
    handle = LogProgress(out, clock=clock, every=0.05).start("lib.zip", 20_000_000)
    (reporter,) = set(threading.enumerate()) - others
    handle.advance(5_000_000)
    while out.getvalue().count("\n") < 3:
        time.sleep(0.01)
    handle.done("done")
    said = out.getvalue().splitlines()
    assert said[1].startswith("lib.zip: 25% of 20.0 MB  ")
    assert said[-1].startswith("downloaded lib.zip: 5.0 MB in 0 s")
    reporter.join(60)
    assert not reporter.is_alive()
    assert out.getvalue().splitlines() == said


def test_the_thread_that_writes_a_log_ends_with_the_last_file() -> None:
    """It would be there for seconds otherwise, and write to a log that is closed by then."""
    out, others = io.StringIO(), set(threading.enumerate())
    progress = LogProgress(out, every=3600)
    first, second = progress.start("a", 1), progress.start("b", 1)
    (reporter,) = set(threading.enumerate()) - others
    first.done("done")
    reporter.join(0.1)
    assert reporter.is_alive()
    second.done("done")
    reporter.join(60)
    assert not reporter.is_alive()
    out.close()
    progress.start("c", 1).done("done")


def test_of_a_file_that_is_there_no_rate_is_shown() -> None:
    clock, out, log = Clock(), Terminal(), io.StringIO()
    terminal = TerminalProgress(out, clock=clock, width=lambda: 80)
    for progress in (terminal, LogProgress(log, clock=clock)):
        handle = progress.start("lib.zip", 20_000_000)
        handle.set_position(20_000_000)
        clock.now += 1
        if progress is terminal:
            progress.start("other", 1)
            assert screen(out.getvalue())[0] == "lib.zip  100% of 20.0 MB"
        handle.done("done")
    assert log.getvalue().splitlines()[-1] == "downloaded lib.zip: 20.0 MB in 1 s"


def test_silent_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handle = Progress().start("a", 1)
    handle.set_position(0)
    handle.advance(1)
    handle.done("done")
    assert capsys.readouterr() == ("", "")


def test_progress_for_picks_the_form_that_suits() -> None:
    assert isinstance(progress_for(Terminal()), TerminalProgress)
    assert isinstance(progress_for(io.StringIO()), LogProgress)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (123_456, "123 kB"),
        (10**15, "1000 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert format_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1:00"), (3725, "1:02:05")]
)
def test_times(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def among(out: io.StringIO, clock: Clock, *, is_terminal: bool) -> SharedOutputProgress:
    return SharedOutputProgress(
        out,
        "lancedb v0.3.0 for linux_amd64",
        is_terminal=lambda: is_terminal,
        is_gone=lambda: False,
        end=lambda: None,
        clock=clock,
    )


def test_lines_among_others_add_up_files_and_say_where_they_come_from() -> None:
    clock, out = Clock(), io.StringIO()
    progress = among(out, clock, is_terminal=True)
    first, second = progress.start("a", 60_000_000), progress.start("b", 40_000_000)
    first.comes_from("example.com")
    second.comes_from("example.com")
    for _ in range(2):
        clock.now += 2
        first.advance(10_000_000)
        second.advance(2_000_000)
        progress.look()
    assert out.getvalue() == (
        "fetching lancedb v0.3.0 for linux_amd64: 12.0 MB of 100 MB (12%), 6.0 MB/s, from example.com\n"
        "fetching lancedb v0.3.0 for linux_amd64: 24.0 MB of 100 MB (24%), 6.0 MB/s, from example.com\n"
    )
    clock.now += 2
    first.advance(40_000_000)
    second.advance(36_000_000)
    progress.look()
    assert out.getvalue().endswith(" for linux_amd64: 100 MB, unpacking\n")
    second.done("done")
    first.done("HTTP 404")
    progress.look()
    assert out.getvalue().count("\n") == 3


def test_lines_among_others_without_a_size_say_how_much_came() -> None:
    clock, out = Clock(), io.StringIO()
    progress = among(out, clock, is_terminal=False)
    file = progress.start("a", None)
    clock.now += 20
    file.advance(5_000_000)
    progress.look()
    assert out.getvalue().endswith(": 5.0 MB, 250 kB/s\n")


@pytest.mark.parametrize(
    ("seconds", "gain", "on_terminal", "in_log"),
    [
        (1.9, 50, False, False),
        (2, None, True, False),
        (2, 9, False, False),
        (2, 10, True, False),
        (9.9, 0, False, False),
        (10, 0, True, False),
        (19.9, 50, True, False),
        (20, 0, True, True),
    ],
)
def test_a_log_has_a_line_every_20_seconds_and_a_person_more(
    seconds: float, gain: int | None, on_terminal: bool, in_log: bool
) -> None:
    assert is_due(seconds, gain, is_terminal=lambda: True) == on_terminal
    assert is_due(seconds, gain, is_terminal=lambda: False) == in_log


def test_the_fetch_ends_when_nobody_reads_its_lines() -> None:
    ended = threading.Event()
    SharedOutputProgress(
        io.StringIO(), "", is_terminal=lambda: True, is_gone=lambda: True, end=ended.set
    ).watch(0.01)
    assert ended.wait(60)
