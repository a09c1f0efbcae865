"""A soak test: fetchers share a store and an nginx, while faults occur again and again.

`SOAK_SECONDS` sets the duration, a minute by default. `SOAK_SEED` determines each round's fault.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.crowd import Library, environment, publish
from tests.e2e.servers import SiteServer, running

_SECONDS = float(os.environ.get("SOAK_SECONDS") or 60)
_SEED = int(os.environ.get("SOAK_SEED") or 2026)

_SIZES = (2_000, 300_000, 1_500_000, 5_000_000)
# Long enough that a fetcher has begun to download, short enough that some have not.
_LONGEST_DELAY = 0.8
_OUTAGE_SECONDS = 0.4
_DAMAGED_PART = 0.3
_DAMAGED = 4  # the exit code for wrong bytes

# While there is a file of that name in the site, every answer is an error.
_BUSY = "busy"
_SITE = f"if (-f $document_root/{_BUSY}) {{ return 503; }}\nlimit_rate 8m;\n"


class Round:
    """Some fetchers that run at the same time, and one fault.

    Args:
        folder: The folder for its outputs, which is created.
        server: The server that they fetch from.
        libraries: The libraries that they fetch.
        store: Their store.
        rng: The source of random numbers.
        is_damaged: Whether something in the store is damaged.
    """

    def __init__(
        self,
        folder: Path,
        server: SiteServer,
        libraries: list[Library],
        store: Path,
        rng: random.Random,
        is_damaged: bool,
    ) -> None:
        self.folder = folder
        self.server = server
        self.store = store
        self.rng = rng
        self.is_damaged = is_damaged
        folder.mkdir()
        self.chosen = [rng.choice(libraries) for _ in range(rng.randint(2, 5))]
        self.processes = [
            self._start(library.fetch(self._output(number)), f"fetch-{number}")
            for number, library in enumerate(self.chosen)
        ]
        self.killed: set[int] = set()

    def kill_one(self) -> None:
        """Kill one fetcher, as when a CI service reclaims a machine."""
        number = self.rng.randrange(len(self.processes))
        self.killed.add(number)
        with suppress(ProcessLookupError):
            os.killpg(self.processes[number].pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill all fetchers, as when a machine goes down."""
        for number, process in enumerate(self.processes):
            self.killed.add(number)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def prune(self) -> None:
        """Prune all unused trees, again and again, while the fetchers run."""
        is_over = False
        while not is_over:
            is_over = all(process.poll() is not None for process in self.processes)
            assert self._cache("prune", "--max-size", "0") == 0, self._said("prune")

    def verify(self) -> None:
        """Verify the store, which reports damage unless a fetcher has repaired it."""
        code = self._cache("verify")
        assert code == 0 or (self.is_damaged and code == _DAMAGED), self._said("verify")

    def break_connections(self) -> None:
        """End nginx's worker process; nginx starts another one at once."""
        of = self.server.process.pid
        for worker in Path(f"/proc/{of}/task/{of}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)

    def be_busy(self) -> None:
        """Make the server answer 503 for a while."""
        busy = self.folder.parent / "site" / _BUSY
        busy.touch()
        time.sleep(_OUTAGE_SECONDS)
        busy.unlink()

    def nothing(self) -> None:
        """A round without a fault."""

    def finish(self) -> None:
        """Wait for all; check that each fetcher that was not killed has its library."""
        for number, (library, process) in enumerate(zip(self.chosen, self.processes, strict=True)):
            code = process.wait(120)
            said = self._said(f"fetch-{number}")
            assert code == 0 or (number in self.killed and code == -signal.SIGKILL), said
            if code == 0:
                assert library.is_in(self._output(number)), said
        shutil.rmtree(self.folder)

    def _output(self, number: int) -> Path:
        return self.folder / f"output-{number}"

    def _cache(self, *arguments: str) -> int:
        command = [sys.executable, "-m", "cgo_prebuilt", "cache", *arguments]
        return self._start(command, arguments[0]).wait(120)

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                command,
                env=environment(self.store),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


FAULTS: tuple[Callable[[Round], None], ...] = (
    Round.kill_one,
    Round.kill_all,
    Round.prune,
    Round.verify,
    Round.break_connections,
    Round.be_busy,
    Round.nothing,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SiteServer]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "nginx-site.conf").write_text(_SITE)
    with running("nginx", site, tmp_path / "nginx") as nginx:
        yield nginx


def damage(store: Path, rng: random.Random) -> bool:
    """Damages one file of a tree, as a disk or a careless person does; False without one."""
    files = sorted(path for path in store.glob("v1/trees/*/**/*") if path.is_file())
    if not files:
        return False
    path = rng.choice(files)
    path.parent.chmod(0o755)
    path.chmod(0o644)
    match rng.choice(["cut", "gone", "flipped"]):
        case "cut":
            os.truncate(path, path.stat().st_size // 2)
        case "gone":
            path.unlink()
        case "flipped":
            content = bytearray(path.read_bytes() or b"x")
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it looks for nginx's worker in /proc")
@pytest.mark.timeout(_SECONDS + 300)
def test_fetchers_succeed_whatever_goes_wrong_around_them(
    tmp_path: Path, server: SiteServer
) -> None:
    store, rng = tmp_path / "store", random.Random(_SEED)
    libraries = [
        publish(tmp_path, server, tmp_path / "site", f"library-{size}", size) for size in _SIZES
    ]

    def begin(is_damaged: bool = False) -> Round:
        return Round(tmp_path / "round", server, libraries, store, rng, is_damaged)

    happened: Counter[str] = Counter()
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end or len(happened) < len(FAULTS):
        fault = FAULTS[happened.total() % len(FAULTS)]
        is_damaged = rng.random() < _DAMAGED_PART and damage(store, rng)
        print(f"round {happened.total()}: {fault.__name__}, {is_damaged=}")
        one = begin(is_damaged)
        time.sleep(rng.uniform(0, _LONGEST_DELAY))
        fault(one)
        one.finish()
        happened[fault.__name__] += 1
    print(happened)

    last = begin()
    last.prune()
    last.finish()
    for folder in ("trees", "staging", "damaged"):
        assert not list((store / "v1" / folder).iterdir())
