"""A system whose calls fail: at any of them a fetch ends, soon, with the right files or an error of ours.

`PROPERTY_CASES=10000` tries all calls of a fetch with all errors, in place of a sample.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.files.temporary_names import PREFIX
from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.command_case import Run, runner
from tests.unit.hostile_server import HostileServer, ranges
from tests.unit.library_case import files_below
from tests.unit.test_every_byte import TARGETS

CASES = int(os.environ.get("PROPERTY_CASES", "80"))
SEED = int(os.environ.get("PROPERTY_SEED", "2026"))
SECONDS = 60.0
ERRORS = {
    "open": (errno.EMFILE, errno.EIO, errno.EACCES),
    "close": (errno.EIO, errno.EINTR),
    "write": (errno.ENOSPC, errno.EIO),
    "pwrite": (errno.ENOSPC, errno.EIO),
    "pread": (errno.EIO,),
    "fsync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.EIO, errno.EXDEV),
    "replace": (errno.EIO, errno.ENOSPC),
    "link": (errno.EMLINK, errno.EPERM),
    "mkdir": (errno.ENOSPC, errno.EACCES),
    "unlink": (errno.EIO, errno.EBUSY),
    "rmdir": (errno.EBUSY,),
    "stat": (errno.EIO,),
    "lstat": (errno.EIO,),
    "fstat": (errno.EIO,),
    "scandir": (errno.EMFILE, errno.EIO),
    "listdir": (errno.EMFILE,),
    "chmod": (errno.EPERM,),
    "fchmod": (errno.EPERM,),
    "utime": (errno.EPERM,),
    "ftruncate": (errno.EIO,),
    "flock": (errno.ENOLCK, errno.EINTR),
}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other calls")


class System:
    """The calls of this process's `os`, of which one fails.

    Args:
        at: Which, counted from 1; 0 for none.
        error: With what. A `close` closes all the same, as Linux does.
        name: Only those of this name count.
    """

    def __init__(self, name: str = "", at: int = 0, error: int = 0) -> None:
        self.calls: list[str] = []
        self._name, self._at, self._error = name, at, error
        self._lock = threading.Lock()

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **options: Any) -> Any:
            with self._lock:
                self.calls.append(name)
                fails = name == self._name and self.calls.count(name) == self._at
            if not fails:
                return call(*args, **options)
            if name == "close":
                call(*args, **options)
            raise OSError(self._error, os.strerror(self._error))

        return failing


@contextmanager
def installed(system: System) -> Iterator[None]:
    import fcntl

    with pytest.MonkeyPatch.context() as patch:
        for name in ERRORS:
            place = fcntl if name == "flock" else os
            if hasattr(place, name):
                patch.setattr(place, name, system.wrap(name, getattr(place, name)))
        opening = system.wrap("open", io.open)
        patch.setattr(io, "open", opening)
        patch.setattr(builtins, "open", opening)
        yield


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("kind", ["the whole", "parts of zst"])
def test_any_call_may_fail(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    target = TARGETS[kind]()
    files = target.files
    with HostileServer({"/vec": [ranges(target.body)]}) as server:
        path = tmp_path / "vec.lock.json"
        made, beside = target.lock(server.url("/vec"))
        path.write_text(format_lock(made))
        path.with_suffix(".ranges").write_bytes(beside)
        command = ("fetch", "--lock", path, "--platform", "linux_amd64", "--origin", "prebuilt")
        work = tmp_path / "work"
        output = work / "out"
        monkeypatch.setenv("CGO_PREBUILT_CACHE", str(work / "store"))

        # What is temporary and cannot be removed is left for another process: this one is alive.

        def fetch(system: System, told: str) -> int:
            began = time.monotonic()
            with installed(system):
                done = run(*command, "--output", output)
            assert time.monotonic() - began < SECONDS, told
            assert done.code in (0, 2, 3), f"{told}: {done.err}"
            assert "Traceback" not in done.err, told
            assert done.code == 0 or "next: " in done.err, told
            if done.code == 0:
                assert {name: (output / name).read_bytes() for name in files} == dict(files), told
                found = {name for name in files_below(output) if PREFIX not in name}
                assert found == set(files), told
            return done.code

        assert fetch(System(), "warm up") == 0
        shutil.rmtree(work)
        sound = System()
        assert fetch(sound, "none fails") == 0
        cases = [
            (name, at + 1, error)
            for name in ERRORS
            for at in range(sound.calls.count(name))
            for error in ERRORS[name]
        ]
        draw = random.Random(SEED)
        failed = 0
        for name, at, error in draw.sample(cases, min(CASES, len(cases))):
            told = f"{name} fails at call {at} with {errno.errorcode[error]}"
            shutil.rmtree(work)
            failed += fetch(System(name, at, error), told) != 0
            # What is left of it does not harm the next one.
            assert fetch(System(), f"after {told}") == 0
        print(f"{len(cases)} calls may fail, {failed} of those tried ended a fetch")
        assert failed
