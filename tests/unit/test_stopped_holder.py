"""A fetch that is stopped in the middle keeps no other one waiting; continued, it accepts what is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.library_case import FILES, archive_of, lock
from tests.unit.trees import read

TOOLS = Path(__file__).parents[2] / "tools"
SECONDS = 120

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it cannot stop a process")


def start(folder: Path, output: str) -> subprocess.Popen[str]:
    fetch = [sys.executable, "-m", "cgo_prebuilt", "fetch", "--platform", "linux_amd64", "--json"]
    return subprocess.Popen(
        [*fetch, "--lock", str(folder / "lock"), "--output", str(folder / output)],
        env={
            "PYTHONPATH": str(TOOLS),
            "CGO_PREBUILT_CACHE": str(folder / "store"),
            "CGO_PREBUILT_WAIT_SECONDS": "1",
            "PATH": os.environ["PATH"],
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_stopped_fetch_does_not_stop_the_next_one(tmp_path: Path, httpserver: HTTPServer) -> None:
    data = archive_of(FILES)
    stopped = threading.Event()
    running: list[subprocess.Popen[str]] = []

    def answer(_request: Request) -> Response:
        if not stopped.is_set():
            os.kill(running[0].pid, signal.SIGSTOP)
            stopped.set()
        return Response(data)

    httpserver.expect_request("/vec.tar.gz").respond_with_handler(answer)
    (tmp_path / "lock").write_text(format_lock(lock(httpserver.url_for("/vec.tar.gz"))))
    first = start(tmp_path, "first")
    running.append(first)
    try:
        assert stopped.wait(SECONDS)
        second = start(tmp_path, "second")
        out, err = second.communicate(timeout=SECONDS)
        assert second.returncode == 0, err
        assert json.loads(out)["status"] == "downloaded"
        assert f"process {first.pid} has shown no sign of life for 1 s" in err
        assert err.count("not waiting for it") == 1
        assert read(tmp_path / "second") == FILES
        os.kill(first.pid, signal.SIGCONT)
        out, err = first.communicate(timeout=SECONDS)
        assert first.returncode == 0, err
        assert read(tmp_path / "first") == FILES
    finally:
        first.kill()
        first.wait()
    assert len(list((tmp_path / "store/v1/trees").iterdir())) == 1
    assert list((tmp_path / "store/v1/staging").iterdir()) == []
    assert list((tmp_path / "store/v1/damaged").iterdir()) == []
