"""A soak: fetchers of one store and one nginx, and what goes wrong around them, over and over.

`SOAK_SECONDS` says how long, a minute where nothing does. Which faults there are in which round is
drawn from `SOAK_SEED`.
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
_DAMAGED = 4  # the exit code of what has wrong bytes

# While there is a file of that name in the site, every answer is an error.
_BUSY = "busy"
_SITE = f"if (-f $document_root/{_BUSY}) {{ return 503; }}\nlimit_rate 8m;\n"


class Round:
    """Some fetchers that run at the same time, and one fault.

    Args:
        folder: For its outputs; made.
        server: What they fetch from.
        libraries: What they fetch.
        store: Where they keep it.
        rng: Draws.
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
        """A machine that a CI service takes away."""
        number = self.rng.randrange(len(self.processes))
        self.killed.add(number)
        with suppress(ProcessLookupError):
            os.killpg(self.processes[number].pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """A machine that goes down."""
        for number, process in enumerate(self.processes):
            self.killed.add(number)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def prune(self) -> None:
        """Everything goes that nobody uses at this moment, again and again while they run."""
        is_over = False
        while not is_over:
            is_over = all(process.poll() is not None for process in self.processes)
            assert self._cache("prune", "--max-size", "0") == 0, self._said("prune")

    def verify(self) -> None:
        """Which tells of damage, unless a fetcher has put it right before."""
        code = self._cache("verify")
        assert code == 0 or (self.is_damaged and code == _DAMAGED), self._said("verify")

    def break_connections(self) -> None:
        """Ends nginx's worker, for which it starts another one at once."""
        of = self.server.process.pid
        for worker in Path(f"/proc/{of}/task/{of}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)

    def be_busy(self) -> None:
        """A server that answers 503 for a while."""
        busy = self.folder.parent / "site" / _BUSY
        busy.touch()
        time.sleep(_OUTAGE_SECONDS)
        busy.unlink()

    def nothing(self) -> None:
        """A round without a fault."""

    def finish(self) -> None:
        """Waits for all; who was not killed has succeeded, and has what it should."""
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
def test_whatever_goes_wrong_around_them_fetchers_end_right(
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
