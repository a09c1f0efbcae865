"""A lock between processes: what it keeps out, and what it leaves behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgo_prebuilt.files.file_lock import LockIsHeldError, Waiting, hold

TOOLS = Path(__file__).parents[2] / "tools"

# Adds one to the number in a file, as slowly as it takes to lose others' additions.
COUNT = """\
import sys, time
from pathlib import Path
from cgo_prebuilt.files.file_lock import hold
number, lock = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(10):
    with hold(lock, keep_file=sys.argv[3] == "leave"):
        value = int(number.read_text())
        time.sleep(0.002)
        number.write_text(str(value + 1))
"""


@pytest.mark.parametrize("leave", [True, False])
def test_it_keeps_others_out_whether_its_file_stays_or_goes(tmp_path: Path, leave: bool) -> None:
    number, lock = tmp_path / "number", tmp_path / "lock"
    number.write_text("0")
    arguments = [str(number), str(lock), "leave" if leave else "remove"]
    counting = [
        subprocess.Popen([sys.executable, "-c", COUNT, *arguments], env={"PYTHONPATH": str(TOOLS)})
        for _ in range(4)
    ]
    assert [process.wait() for process in counting] == [0] * 4
    assert number.read_text() == "40"
    assert lock.exists() is leave


def test_its_file_goes_where_the_block_fails_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hold(tmp_path / "lock", keep_file=False):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_who_does_not_want_to_wait_does_not_remove_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        hold(path, keep_file=False) as held,
        pytest.raises(LockIsHeldError),
        hold(path, None, keep_file=False),
    ):
        raise AssertionError("it is held twice")
    assert held
    assert not path.exists()


def test_a_folder_that_is_not_there_has_no_lock(tmp_path: Path) -> None:
    with hold(tmp_path / "nothing/lock", keep_file=False) as held:
        assert not held


# Holds a lock until its input ends.
HOLD = """\
import sys
from pathlib import Path
from cgo_prebuilt.files.file_lock import Waiting, hold
with hold(Path(sys.argv[1]), Waiting(patience=0.5), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(lock: Path, kind: str = "alone") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock), kind],
        env={"PYTHONPATH": str(TOOLS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="it cannot stop a process")
@pytest.mark.parametrize("kind", ["alone", "shared"])
def test_nobody_waits_for_a_holder_that_was_stopped(tmp_path: Path, kind: str) -> None:
    lock = tmp_path / "lock"
    told: list[str] = []
    with holder(lock, kind) as process:
        os.kill(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        with hold(lock, Waiting(patience=0.5, on_stuck=told.append)) as held:
            assert not held
        assert 0.4 < time.monotonic() - began < 60
    assert told == [f"process {process.pid}" if kind == "alone" else "another process"]


@pytest.mark.parametrize("kind", ["alone", "shared"])
def test_a_holder_that_lives_is_waited_for(tmp_path: Path, kind: str) -> None:
    """Twice as long as the waiter's patience; it shows signs of life meanwhile."""
    lock = tmp_path / "lock"
    with holder(lock, kind) as process:
        assert process.stdin is not None
        ended = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(4)"], stdout=process.stdin
        )
        process.stdin.close()  # the other one has it, for as long as it runs
        with hold(lock, Waiting(patience=2, on_stuck=pytest.fail)) as held:
            assert held
        assert ended.wait() == 0


def test_after_a_holder_its_name_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock, Waiting(patience=1)):
        assert lock.read_text().endswith(f" {os.getpid()}")
    assert lock.read_text() == ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("", "another process"),
        ("another.4026531836 17", "a process elsewhere"),
        ("x y", "another process"),
        ("\x1b[31m 1", "a process elsewhere"),
    ],
)
def test_a_holder_elsewhere_is_not_named_by_a_number_that_means_nothing(
    tmp_path: Path, said: str, shown: str
) -> None:
    told: list[str] = []
    with hold(tmp_path / "lock"):
        (tmp_path / "lock").write_text(said)
        with hold(tmp_path / "lock", Waiting(patience=0, on_stuck=told.append)) as held:
            assert not held
    assert told == [shown]


def test_a_file_that_fails_to_close_is_not_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be that of another thread's file, or connection, by then."""
    close, closed = os.close, list[int]()

    def failing(descriptor: int) -> None:
        closed.append(descriptor)
        close(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("cgo_prebuilt.files.file_lock._is_at", lambda *_: False)
    monkeypatch.setattr(os, "close", failing)
    with (
        pytest.raises(OSError, match="Input/output error"),
        hold(tmp_path / "lock", keep_file=False),
    ):
        pass
    assert len(closed) == 1
