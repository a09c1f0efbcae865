"""A lock between processes: what it keeps out, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.files.file_lock import LockIsHeldError, hold

TOOLS = Path(__file__).parents[2] / "tools"

# Adds one to the number in a file, as slowly as it takes to lose others' additions.
COUNT = """\
import sys, time
from pathlib import Path
from cgo_prebuilt.files.file_lock import hold
number, lock = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(10):
    with hold(lock, leave=sys.argv[3] == "leave"):
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
    with pytest.raises(KeyError), hold(tmp_path / "lock", leave=False):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_who_does_not_want_to_wait_does_not_remove_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        hold(path, leave=False) as held,
        pytest.raises(LockIsHeldError),
        hold(path, wait=False, leave=False),
    ):
        raise AssertionError("it is held twice")
    assert held
    assert not path.exists()


def test_a_folder_that_is_not_there_has_no_lock(tmp_path: Path) -> None:
    with hold(tmp_path / "nothing/lock", leave=False) as held:
        assert not held
