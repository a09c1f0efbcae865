"""The machine fails: killed at any instant, disk full, interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import cgo_prebuilt
from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import UsageError
from tests.unit.hostile_server import Exchange, HostileServer, ranges, slow
from tests.unit.transport_case import EAGER, download, fetch, left_over

LARGE = random.Random(4).randbytes(4 << 20)
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.download import Download
from cgo_prebuilt.network.transport import Transport, TransportSettings
from cgo_prebuilt.url import Url

def consume(stream):
    while stream.read(65536):
        pass

settings = TransportSettings(
    connections=4, probe_seconds=0.02, worthwhile_seconds=0.05, record_seconds=0.05
)
wanted = Download("lib", (Url(sys.argv[3]),), sys.argv[4], int(sys.argv[5]))
print(Transport(Path(sys.argv[2]), settings, Progress()).run(wanted, consume).sha256)
"""


def test_killed_at_any_instant_and_the_next_run_is_right(tmp_path: Path) -> None:
    """A few rounds here; the whole command is killed a hundred times in the end-to-end tests."""

    package = Path(cgo_prebuilt.__file__).parent.parent
    digest = hashlib.sha256(LARGE).hexdigest()
    instants = random.Random(5)
    with HostileServer({"/a": [slow(LARGE, rate=5_000_000)]}) as server:
        words = [str(package), str(tmp_path / "partials"), server.url("/a"), digest]
        command = [sys.executable, "-c", CHILD, *words, str(len(LARGE))]
        for _ in range(8):
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(instants.uniform(0.1, 0.8))
            child.kill()
            child.wait()
        last = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (last.stdout.strip(), last.stderr) == (digest, "")
    assert [name for name in left_over(tmp_path) if not name.endswith(".private")] == []


def test_a_kill_loses_little_of_what_several_connections_have_written(tmp_path: Path) -> None:
    """Four megabytes, and what each connection has in its buffer; the parts of all are kept."""
    body = random.Random(6).randbytes(48 << 20)
    sent = list[int]()

    def counted(exchange: Exchange) -> None:
        send = exchange.send

        def count(data: bytes) -> None:
            if sum(sent) >= 36 << 20:
                exchange.stall()
            send(data)
            sent.append(len(data))

        exchange.send = count  # type: ignore[method-assign]
        slow(body, rate=8 << 20)(exchange)

    package = Path(cgo_prebuilt.__file__).parent.parent
    digest = hashlib.sha256(body).hexdigest()
    with HostileServer({"/a": [counted]}) as server:
        words = [str(package), str(tmp_path / "partials"), server.url("/a"), digest]
        command = [sys.executable, "-c", CHILD.replace(", record_seconds=0.05", ""), *words]
        child = subprocess.Popen([*command, str(len(body))])
        # What is sent is in the file some time later.
        while on_disk(tmp_path) < 32 << 20 and child.poll() is None:
            time.sleep(0.01)
        child.kill()
        child.wait()
        written = on_disk(tmp_path)
        server.replace("/a", [ranges(body)])
        wanted = download(server.url("/a"), body=body)
        got = fetch(tmp_path, wanted, lambda stream: stream.whole().close())
    assert got.tally.resumed + got.tally.downloaded == len(body)
    # A record that takes long may leave out as much again.
    assert got.tally.resumed > written - 2 * (4 << 20)


def on_disk(folder: Path) -> int:
    """How much of a file with holes is there."""
    return sum(part.stat().st_blocks * 512 for part in folder.rglob("*.partial"))


@pytest.mark.parametrize("limit", [0, 1000, 1 << 20, (4 << 20) - 1])
def test_disk_full_at_any_stage_names_the_file_and_the_remedy(tmp_path: Path, limit: int) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HostileServer({"/a": [ranges(LARGE)]}) as server:
        wanted = download(server.url("/a"), body=LARGE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(UsageError, match=r"cannot write .*partial") as caught:
                fetch(tmp_path, wanted)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "free some disk space" in (caught.value.remedy or "")
        assert fetch(tmp_path, wanted).size == len(LARGE)
    assert left_over(tmp_path) == []


def in_the_way_of_the_sidecar(folder: Path, wanted: Download) -> Path:
    """Where the sidecar of an archive's partial file is; a folder there cannot be written over."""
    return folder / "partials" / f"{wanted.sha256}.partial.json"


@pytest.fixture
def of_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What threads have ended with, which Python would print."""
    printed = list[str]()
    monkeypatch.setattr(threading, "excepthook", lambda told: printed.append(repr(told.exc_value)))
    return printed


def test_a_sidecar_that_cannot_be_written_costs_no_download(
    tmp_path: Path, of_threads: list[str]
) -> None:
    """What is lost is that a later run could go on from there."""
    with HostileServer({"/a": [ranges(LARGE)]}) as server:
        wanted = download(server.url("/a"), body=LARGE)
        place = in_the_way_of_the_sidecar(tmp_path, wanted)
        (place / "full").mkdir(parents=True)
        assert fetch(tmp_path, wanted).size == len(LARGE)
    assert (left_over(tmp_path), of_threads) == ([place.name], [])


def test_a_sidecar_that_can_no_longer_be_written_costs_nothing_over_several_connections(
    tmp_path: Path, of_threads: list[str]
) -> None:
    with HostileServer({"/a": [slow(LARGE, rate=1 << 20)]}) as server:
        wanted = download(server.url("/a"), body=LARGE)
        place = in_the_way_of_the_sidecar(tmp_path, wanted)

        def consume(stream: ByteStream) -> None:
            while stream.read(1 << 16):
                # The thread that records may write it in between; then it is tried at the next piece.
                with contextlib.suppress(NotADirectoryError, FileExistsError):
                    if not place.is_dir():
                        place.unlink(missing_ok=True)
                        (place / "full").mkdir(parents=True)

        got = fetch(tmp_path, wanted, consume, **{**EAGER, "record_seconds": 0.05})
        assert server.connections > 1
        assert (got.size, got.tally.downloaded) == (len(LARGE), len(LARGE))
    assert (left_over(tmp_path), of_threads) == ([place.name], [])


def test_threads_that_cannot_be_started_leave_a_single_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_threads: list[str]
) -> None:
    """As under a limit of processes: only the further connections can do without."""
    start, connections = threading.Thread.start, itertools.count()

    def refuse(thread: threading.Thread) -> None:
        # The first of the name only measures.
        if thread.name == "cgo-prebuilt-connection" and next(connections) > 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with HostileServer({"/a": [slow(LARGE, rate=4 << 20)]}) as server:
        got = fetch(tmp_path, download(server.url("/a"), body=LARGE), **EAGER)
        starts = [request.range[0] for request in server.requests if request.range is not None]
        assert starts == sorted(starts), "one after the other"
    assert next(connections) > 1
    assert (got.size, of_threads) == (len(LARGE), [])


@pytest.mark.parametrize("name", ["cgo-prebuilt-network", "cgo-prebuilt-hash"])
def test_a_thread_that_cannot_be_done_without_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with (
        HostileServer({"/a": [ranges(LARGE)]}) as server,
        pytest.raises(UsageError, match="no thread can be started: can't start new") as caught,
    ):
        fetch(tmp_path, download(server.url("/a"), body=LARGE))
    assert "ulimit -u" in (caught.value.remedy or "")
