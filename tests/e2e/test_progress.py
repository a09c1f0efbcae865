"""What a person sees while the real Bazel fetches, and what happens if Bazel ends early."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace, inherited_environment
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.native_release import PLAIN, NativeRelease, archive
from tests.e2e.release import MODULE

pytestmark = pytest.mark.own_server

SIZE = 10_000_000
PLACE = r"from 127\.0\.0\.1"
FORM = (
    rf"fetching answer v1\.0\.0 for linux_amd64: \S+ MB of 10\.\d MB \((\d+)%\), \S+ .B/s, {PLACE}"
)


@pytest.fixture
def made(workspace: MakeWorkspace, native_release: NativeRelease) -> Workspace:
    """A workspace with a library of 10 MB, which is not fetched yet."""
    built = native_release.built_with_header()
    archive(built, "lib/libanswer.a", {"answer.c": "int answer(void) { return 42; }\n"})
    (built / "include/table.h").write_bytes(os.urandom(SIZE // 2).hex().encode())
    (built / "include/noise.h").write_bytes(os.urandom(SIZE // 2))
    lock = native_release.publish(f"static_library: lib/libanswer.a\n{PLAIN}")
    return workspace({"BUILD.bazel": "", "answer.lock.json": lock}, module=MODULE)


def fetchers(made: Workspace) -> list[str]:
    """The processes that fetch into the workspace's repositories."""
    base = Path(made.bazel("info", "output_base").checked().stdout.strip())
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if base in (process / "cwd").readlink().parents:
                words = (process / "cmdline").read_bytes().split(b"\0")
                if any(b"cgo_prebuilt" in word for word in words):
                    found.append(str(words))
        except OSError:
            continue
    return found


def test_a_terminal_shows_moving_bytes_percent_rate_and_place(
    made: Workspace, archive_server: ArchiveServer
) -> None:
    archive_server.pace = SIZE // 9
    built = made.bazel(
        "build", "@answer", "--curses=yes", "--show_progress", "--terminal_columns=200"
    ).checked()
    shown = [int(match[1]) for match in re.finditer(FORM, built.stderr)]
    assert len(set(shown)) >= 3, built.stderr
    assert shown == sorted(shown)
    assert "; fetching answer v1.0.0 for linux_amd64 (11 MB)" in built.stderr
    base = Path(made.bazel("info", "output_base").checked().stdout.strip())
    (spoke,) = base.glob("external/*answer__linux_amd64")
    assert not list(spoke.glob(".cgo-prebuilt*"))


@pytest.mark.slow  # two lines of a log are 40 seconds
def test_a_log_has_a_line_every_20_seconds(made: Workspace, archive_server: ArchiveServer) -> None:
    archive_server.pace = SIZE // 45
    built = made.bazel("build", "@answer", "--curses=no", "--show_progress").checked()
    assert len(re.findall(rf"^{FORM}$", built.stderr, re.MULTILINE)) == 2, built.stderr
    # Bazel itself prints two lines for each progress message of a rule.
    assert built.stderr.count("Analyzing: target") < 15


@contextmanager
def fetching(made: Workspace, server: ArchiveServer) -> Iterator[subprocess.Popen[bytes]]:
    """A build whose fetch never ends."""
    server.pause_after = 100_000
    running = subprocess.Popen(
        [*made.tools.startup_options(), "build", "@answer"],
        cwd=made.path,
        env={**inherited_environment(), **made.environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert server.paused.wait(120)
        yield running
    finally:
        with_group = os.getpgid(running.pid) if running.poll() is None else None
        if with_group is not None:
            os.killpg(with_group, signal.SIGKILL)
        running.wait()


def test_an_interrupted_bazel_ends_the_fetch(
    made: Workspace, archive_server: ArchiveServer
) -> None:
    with fetching(made, archive_server) as running:
        os.killpg(running.pid, signal.SIGINT)
        assert archive_server.left.wait(60)
        assert running.wait(60) == 8
    assert fetchers(made) == []
    archive_server.pause_after = None
    made.bazel("build", "@answer").checked()


def test_a_killed_bazel_ends_the_fetch(made: Workspace, archive_server: ArchiveServer) -> None:
    server = int(made.bazel("info", "server_pid").checked().stdout)
    with fetching(made, archive_server):
        os.kill(server, signal.SIGKILL)
        assert archive_server.left.wait(60)
    deadline = time.monotonic() + 60
    while fetchers(made) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert fetchers(made) == []
