"""The machine fails: killed at any instant, disk full, interrupted."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cgo_prebuilt
from cgo_prebuilt.errors import UsageError
from tests.unit.hostile_server import Exchange, HostileServer, ranges
from tests.unit.transport_case import download, fetch, left_over

LARGE = random.Random(4).randbytes(4 << 20)
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cgo_prebuilt.network.progress import SilentProgress
from cgo_prebuilt.network.transport import Download, Transport, TransportSettings

def consume(stream):
    while stream.read(65536):
        pass

settings = TransportSettings(
    connections=4, probe_seconds=0.02, worthwhile_seconds=0.05, record_seconds=0.05
)
wanted = Download("lib", (sys.argv[3],), sys.argv[4], int(sys.argv[5]))
print(Transport(Path(sys.argv[2]), settings, SilentProgress()).run(wanted, consume).sha256)
"""


def test_killed_at_any_instant_and_the_next_run_is_right(tmp_path: Path) -> None:
    """A few rounds here; the whole command is killed a hundred times in the end-to-end tests."""

    def slow(exchange: Exchange) -> None:
        send = exchange.send

        def throttled(data: bytes) -> None:
            for start in range(0, len(data), 50_000):
                send(data[start : start + 50_000])
                exchange.server.stopping.wait(0.01)

        exchange.send = throttled  # type: ignore[method-assign]
        ranges(LARGE)(exchange)

    package = Path(cgo_prebuilt.__file__).parent.parent
    digest = hashlib.sha256(LARGE).hexdigest()
    instants = random.Random(5)
    with HostileServer({"/a": [slow]}) as server:
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
