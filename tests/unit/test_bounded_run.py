"""Programs that are asked for a short answer: what they cannot do to who asks."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.bounded_run import Completed, TooMuchError, run_bounded, running
from cgo_prebuilt.commands.doctor_probe import probe_tool
from cgo_prebuilt.interruption import interruption


def test_a_programs_output_is_returned_with_its_exit_code(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "cat; pwd; echo $A; echo no >&2; exit 3"]
    said = run_bounded(command, stdin=b"in ", environ={"A": "a"}, folder=tmp_path, seconds=9)
    assert said == Completed(3, f"in {tmp_path}\na\n".encode(), b"no\n")


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (1, b"", "ended with status 1 and no message"),
        (2, b"no\n such\tfile\n", "ended with status 2: no such file"),
        (-9, b" \n", "was killed by signal 9 and no message"),
        (1, b"x" * 999 + b" the end", f"ended with status 1: {'x' * 292} the end"),
    ],
)
def test_how_a_program_failed_is_told_where_it_says_nothing(
    code: int, stderr: bytes, words: str
) -> None:
    assert Completed(code, b"a secret", stderr).failure() == words


@pytest.mark.parametrize("script", ["exec yes", "exec yes >&2", "yes & wait"])
def test_a_program_that_prints_without_end_is_ended(script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TooMuchError, match="it prints more than 1 MB"):
        run_bounded(["/bin/sh", "-c", script], seconds=60)
    assert time.monotonic() - begun < 55


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"it did not end within 0\.2 s"):
        run_bounded(["/bin/sh", "-c", "sleep 60 & wait"], seconds=0.2)


def test_a_tool_that_prints_without_end_has_no_version(tmp_path: Path) -> None:
    tool = tmp_path / "go"
    tool.write_text("#!/bin/sh\nexec yes\n")
    tool.chmod(0o755)
    found = probe_tool("go", ("version",), {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert found is not None
    assert (found.path, found.version) == (str(tool), "")


def test_an_interrupt_while_a_program_is_started_ends_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            started.append(self)
            interruption.request()  # as the handler of a signal does

    monkeypatch.setattr("subprocess.Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), running(["/bin/sh", "-c", "sleep 60 & wait"]):
        pytest.fail("the block has begun")
    assert [process.returncode for process in started] == [-9]


def test_an_interrupt_after_a_start_is_raised_at_once() -> None:
    with running(["/bin/sh", "-c", "exit"]), pytest.raises(KeyboardInterrupt):
        interruption.request()
    with pytest.raises(KeyboardInterrupt):
        interruption.request()
