"""The vecsearch example: its demo, and its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.bazel_workspace import REPOSITORY, Tools

EXAMPLE = REPOSITORY / "examples" / "vecsearch"
ANSWER = [
    "vecsearch 0.3.0: the 3 nearest of 1000 vectors",
    "  vector 213 at distance 0.814097",
    "  vector 338 at distance 0.880319",
    "  vector   0 at distance 0.938904",
]


def _run(command: list[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_demo_ends_with_the_same_answer_from_both_programs(
    bazel_tools: Tools, tmp_path: Path
) -> None:
    output = _run(
        [sys.executable, "-B", str(EXAMPLE / "demo.py")],
        tmp_path,
        BAZEL=bazel_tools.bazel.executable,
        TMPDIR=str(tmp_path),
    )
    answers = [line.removeprefix("   > ") for line in output.splitlines() if "   > " in line]
    assert answers == ANSWER * 2
    # Once, for the lock: the store keeps it for all of Bazel's builds.
    assert output.count("[server] GET /vecsearch-v0.3.0-linux_amd64.tar.zst: 200") == 1
    assert "Done:" in output
    assert list(tmp_path.iterdir()) == []


def test_the_crate_and_the_go_package_pass_their_own_tests(tmp_path: Path) -> None:
    target = {"CARGO_TARGET_DIR": str(tmp_path)}
    native = EXAMPLE / "native"
    _run(["cargo", "test", "--quiet", "--locked"], native, **target)
    _run(["cargo", "build", "--quiet", "--release", "--locked"], native, **target)
    library = tmp_path / "release" / "libvecsearch.a"
    _run(
        ["go", "test", "./..."],
        EXAMPLE,
        CGO_CFLAGS=f"-I{native / 'include'}",
        CGO_LDFLAGS=f"{library} -lgcc_s -lm -ldl -lpthread",
    )
