"""Run many `cgo-prebuilt fetch` at once: their libraries, and the output of each."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.locks.lock import Lock, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.servers import SiteServer
from tests.unit.library_case import FILES, archive_of, locked_platform
from tests.unit.trees import read

FILE = "vec-v1.2.3-linux_amd64.tar.gz"

# Twice the measured memory of a fetcher, since other programs need memory, too.
_FETCHER_BYTES = 96 << 20
_FEWEST = 8


@dataclass(frozen=True)
class Library:
    """A library that a server has.

    Attributes:
        archive: Its archive, in the server's folder.
        path: The path of the archive's URL.
        lock: Its lock.
        contents: Its files.
    """

    archive: Path
    path: str
    lock: Path
    contents: Mapping[str, bytes]

    def fetch(self, output: Path) -> list[str]:
        """The command that fetches it."""
        command = [sys.executable, "-m", "cgo_prebuilt", "fetch", "--platform", "linux_amd64"]
        return [*command, "--lock", str(self.lock), "--output", str(output), "--json"]

    def is_in(self, output: Path) -> bool:
        """Whether a folder has its files and nothing else."""
        return read(output) == self.contents


@dataclass(frozen=True)
class Fetched:
    """How one process ended, and when it began and ended, in seconds of one clock."""

    code: int
    stdout: str
    stderr: str
    began: float
    ended: float


def publish(folder: Path, server: SiteServer, site: Path, name: str, size: int) -> Library:
    """Puts a library into a running server's folder.

    Args:
        folder: The folder for its lock.
        server: The server.
        site: The server's folder.
        name: The library's name, unique on the server.
        size: The approximate size of its archive in bytes.
    """
    contents = {**FILES, "lib/libvec.a": b"!<arch>\n" + random.Random(name).randbytes(size)}
    data = archive_of(contents)
    archive = site / name / FILE
    archive.parent.mkdir(parents=True)
    archive.write_bytes(data)
    path = f"/{name}/{FILE}"
    platform = locked_platform(server.url + path, files=contents, data=data)
    lock = folder / f"{name}.lock.json"
    versions = {"v1": LockedVersion({"": {"linux_amd64": platform}})}
    lock.write_text(format_lock(Lock(name, "v1", versions)))
    return Library(archive, path, lock, contents)


def environment(store: Path) -> dict[str, str]:
    """Return the environment of a fetcher with this store, without the caller's settings for it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CGO_")}
    path = str(REPOSITORY / "tools")
    return {**inherited, "PYTHONPATH": path, "CGO_PREBUILT_CACHE": str(store)}


def room_for_fetchers(wanted: int) -> int:
    """How many fetchers this machine's memory has room for at once; `wanted` at most."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return max(_FEWEST, min(wanted, kilobytes * 1024 // _FETCHER_BYTES))


def run_all(
    commands: Sequence[tuple[Sequence[str], Mapping[str, str]]], at_once: int
) -> list[Fetched]:
    """Run commands with their environments, `at_once` at a time; return the results in order."""

    def run(one: tuple[Sequence[str], Mapping[str, str]]) -> Fetched:
        command, environ = one
        began = time.monotonic()
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Fetched(done.returncode, done.stdout, done.stderr, began, time.monotonic())

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(run, commands))


def most_at_once(processes: Sequence[Fetched]) -> int:
    """How many of them ran at the busiest instant."""
    changes = [(one.began, 1) for one in processes] + [(one.ended, -1) for one in processes]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most
