"""The fetcher as Bazel's rules run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.commands.bazel_fetcher import console_is_terminal, reader_is_gone
from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.library_case import lock

TOOLS = Path(__file__).parents[2] / "tools"
FETCHER = [sys.executable, "-m", "cgo_prebuilt.commands.bazel_fetcher"]


def test_it_prints_nothing_and_answers_in_files(tmp_path: Path) -> None:
    done = subprocess.run(
        [*FETCHER, "answer", "none", "a library", "fetch", "--json", "--output=."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOOLS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
    assert json.loads((tmp_path / "answer/stdout").read_text())["kind"] == "lock"
    assert "cgo-prebuilt: error: " in (tmp_path / "answer/stderr").read_text()


def test_only_the_rules_say_how_to_build_from_source(tmp_path: Path) -> None:
    excerpt = lock("http://127.0.0.1:1/vec.tar.gz")
    version = replace(excerpt.versions["v1.2.3"], source=None)
    text = format_lock(replace(excerpt, versions={"v1.2.3": version}))
    (tmp_path / "prebuilt.lock.json").write_text(text)
    fetch = ["fetch", "--json", "--output=.", "--platform=linux_amd64", "--offline"]
    subprocess.run(
        [*FETCHER, "answer", "none", "a library", *fetch, "--origin=prebuilt"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOOLS), "CGO_PREBUILT_CACHE": str(tmp_path / "store")},
        check=False,
    )
    failed = json.loads((tmp_path / "answer/stdout").read_text())
    assert failed["kind"] == "unavailable"
    assert failed["next"].endswith("set CGO_PREBUILT_MIRROR to a file:// folder that has it")


@pytest.mark.parametrize(
    ("printed", "is_terminal"),
    [
        (b"Loading:\n\rAnalyzing", True),
        (b"\x1b[32mLoading:\x1b[0m\n\r\x1b[1A\x1b[KAnalyzing", True),
        (b"\x1b[32mLoading:\x1b[0m\nAnalyzing\n", False),
        (b"Loading:\r\nAnalyzing\r\n", False),
        (b"", False),
        (None, False),
    ],
    ids=["cursor", "cursor and colors", "colors", "Windows", "nothing", "no file"],
)
def test_a_terminal_is_known_by_what_bazel_printed(
    tmp_path: Path, printed: bytes | None, is_terminal: bool
) -> None:
    if printed is not None:
        (tmp_path / "command.log").write_bytes(printed)
    assert console_is_terminal(str(tmp_path / "command.log")) == is_terminal


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_closed_pipe_is_noticed() -> None:
    reader, writer = os.pipe()
    assert not reader_is_gone(writer)
    os.close(reader)
    assert reader_is_gone(writer)
    os.close(writer)
