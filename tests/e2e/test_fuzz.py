"""Run each fuzz target for FUZZ_SECONDS: any bytes are read, or refused with our own error."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import REPOSITORY

_SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="no atheris: its wheels are for Linux and Python 3.11 to 3.14",
)
@pytest.mark.timeout(_SECONDS + 120)
@pytest.mark.parametrize("reader", ["tar", "zip", "lock"])
def test_no_input_crashes_or_hangs_a_reader(reader: str, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, str(REPOSITORY / f"tests/fuzz/fuzz_{reader}.py")),
            f"-max_total_time={_SECONDS}",
            "-timeout=10",
            f"-artifact_prefix={found}/",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    inputs = [(path.name, path.read_bytes()) for path in found.iterdir()]
    assert done.returncode == 0, f"{inputs}\n{done.stdout[-4000:]}"
    assert "Done " in done.stdout, done.stdout[-4000:]
