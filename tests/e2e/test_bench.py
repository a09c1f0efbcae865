"""`make bench`, with a payload of one file: every scenario runs, with every available peer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import run
from bench.scenarios import IN_BAZEL, SCENARIOS
from tests.e2e.bazel_workspace import REPOSITORY


def test_the_peak_is_that_of_the_command(tmp_path: Path) -> None:
    """For a child process, Linux counts the memory that this process had at the fork, too."""
    assert run("true", tmp_path, {}).peak_bytes < 10e6


def test_a_failed_command_ends_the_benchmark_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="exit code 3: echo no; exit 3\nno"):
        run("echo no; exit 3", tmp_path, {})


@pytest.mark.slow
def test_every_scenario_runs(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    options = ["--size", "1", "--rounds", "1", "--no-install", "--results", str(results)]
    command = [sys.executable, "-m", "bench", "--folder", str(tmp_path / "bench"), *options]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = json.loads(results.read_text())["lines"]
    assert {line["scenario"] for line in lines} == {*SCENARIOS, *IN_BAZEL}
    ours = [line for line in lines if line["contender"].startswith("cgo-prebuilt")]
    assert all(line["seconds"] for line in ours)
    cold = {line["scenario"]: line["sent_bytes"] for line in ours if line["sent_bytes"]}
    assert [name for name in SCENARIOS if name in cold] == [
        name for name in SCENARIOS if name not in ("second workspace", "nothing changed", "pack")
    ]
