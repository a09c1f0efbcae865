"""A command that is ended ends what it has started: git, a build, and what those have started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.git_repository import make_repository
from tests.unit.source_case import Project
from tests.unit.test_git_crates import Repository

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

HANGING = """\
echo $$ >>{pids}
sleep 120 &
echo $! >>{pids}
wait
"""


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended, and that nobody asked for, does not."""
    asked = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def end_after_two_have_started(
    project: Project, words: Sequence[str], pids: Path, number: signal.Signals, path: str
) -> list[int]:
    """Runs a command, ends it alone, and gives those of what it started that live on."""
    command = subprocess.Popen(
        [sys.executable, "-m", "cgo_prebuilt", *words],
        cwd=project.folder,
        env={**project.environ, "CC": "cc", "PATH": path},
        stderr=subprocess.PIPE,
    )
    started: list[int] = []
    try:
        deadline = time.monotonic() + 300
        while len(started) < 2 and time.monotonic() < deadline and command.poll() is None:
            time.sleep(0.05)
            started = [int(pid) for pid in pids.read_text().split()] if pids.exists() else []
        command.send_signal(number)
        said = command.communicate(timeout=120)[1].decode()
        assert command.returncode == 130, said
        assert "error: interrupted" in said
        assert len(started) == 2
        deadline = time.monotonic() + 60
        while any(map(lives, started)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [pid for pid in started if lives(pid)]
    finally:
        for pid in started:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        command.kill()


@pytest.mark.skipif(not shutil.which("make"), reason="it runs make")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_build_ends_with_the_command(number: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    pids = tmp_path / "pids"
    (tmp_path / "hang.sh").write_text(HANGING.format(pids=pids))
    project.write({"Makefile": f"libanswer.a:\n\tsh {tmp_path}/hang.sh\n"})
    fetch = ("fetch", "--lock", "answer.lock.json", "--output", str(project.output))
    words = (*fetch, "--origin", "source", "--platform", "linux_amd64")
    left = end_after_two_have_started(
        project, words, pids, getattr(signal, number), os.environ["PATH"]
    )
    assert left == []


@pytest.mark.skipif(
    not all(map(shutil.which, ("cargo", "git"))), reason="a fixture runs cargo and git"
)
@pytest.mark.parametrize("verb", ["lock", "crates"])
def test_git_ends_with_the_command(verb: str, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    commit = make_repository(tmp_path / "remote")
    made = Repository(tmp_path, (tmp_path / "remote").as_uri(), commit)
    made.lock()
    pids, git = tmp_path / "pids", tmp_path / "programs/git"
    git.parent.mkdir()
    script = f'#!/bin/sh\ncase "$*" in *" init "* | *" config "*) exit 0 ;; esac\n{HANGING.format(pids=pids)}'
    git.write_text(script)
    git.chmod(0o755)
    made.project.environ["CGO_PREBUILT_CACHE"] = str(tmp_path / "other")
    words = {
        "lock": ("lock", "answer.yaml"),
        "crates": ("crates", "--lock", "answer.lock.json", "--source", "native", "--output", "o"),
    }
    path = f"{git.parent}{os.pathsep}{os.environ['PATH']}"
    left = end_after_two_have_started(made.project, words[verb], pids, signal.SIGTERM, path)
    assert left == []
    assert not Path(tmp_path, "o").exists()
