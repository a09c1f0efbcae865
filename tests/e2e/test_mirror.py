"""`cgo-prebuilt mirror`: from a real server, also interrupted, and then served by nginx."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import Lock, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Result
from tests.e2e.kill_loop import command, kill_at_random_instants
from tests.e2e.partial_files import wait_for_bytes
from tests.e2e.release import cgo_prebuilt
from tests.e2e.servers import running
from tests.unit.library_case import FILES, archive_of, locked_platform
from tests.unit.trees import read

FILE = "vec-v1.2.3-linux_amd64.tar.gz"
LAYOUT = "{name}/{version}/{file}"
VERSIONS = {
    version: {**FILES, "lib/libvec.a": b"!<arch>\n" + random.Random(version).randbytes(6_000_000)}
    for version in ("v1", "v2")
}


@pytest.fixture
def lock(tmp_path: Path, archive_server: ArchiveServer) -> Path:
    """The lock of two releases whose archives have one name."""
    locked = {}
    for version, files in VERSIONS.items():
        data = archive_of(files)
        (archive_server.folder / version).mkdir()
        (archive_server.folder / version / FILE).write_bytes(data)
        url = f"{archive_server.url}/{version}/{FILE}"
        platform = locked_platform(url, files=files, data=data)
        locked[version] = LockedVersion({"": {"linux_amd64": platform}})
    path = tmp_path / "vec.lock.json"
    path.write_text(format_lock(Lock("vec", "v2", locked)))
    return path


def run(tmp_path: Path, *arguments: str | Path, mirror: str = "") -> Result:
    env = {"CGO_PREBUILT_CACHE": str(tmp_path / "store"), "CGO_PREBUILT_MIRROR": mirror}
    return cgo_prebuilt(*arguments, cwd=tmp_path, env=env)


def test_two_archives_of_one_name_are_refused_and_then_served_from_their_folders(
    lock: Path, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    fill = ("mirror", "--lock", lock, "--to", tmp_path / "mirror")
    refused = run(tmp_path, *fill)
    assert refused.code == 2
    assert f"--layout '{LAYOUT}'" in refused.stderr
    assert f"CGO_PREBUILT_MIRROR='https://MIRROR/{LAYOUT}'" in refused.stderr
    assert not (tmp_path / "mirror").exists()

    run(tmp_path, *fill, "--layout", LAYOUT).checked()
    (tmp_path / "mirror/nginx-site.conf").write_text("")
    archive_server.requests.clear()
    with running("nginx", tmp_path / "mirror", tmp_path / "nginx") as nginx:
        for version, files in VERSIONS.items():
            output = tmp_path / version
            which = ("--platform", "linux_amd64", "--version", version)
            fetch = ("fetch", "--lock", lock, *which, "--output", output)
            run(tmp_path, *fetch, mirror=f"{nginx.url}/{LAYOUT}").checked()
            assert (output / "lib/libvec.a").read_bytes() == files["lib/libvec.a"]
    assert archive_server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C for one process")
def test_an_interrupted_mirror_resumes(
    lock: Path, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    to = str(tmp_path / "mirror")
    fill = ["mirror", "--lock", str(lock), "--to", to, "--layout", LAYOUT]
    archive_server.pause_after = 4_000_000
    filling = subprocess.Popen(
        [sys.executable, "-m", "cgo_prebuilt", *fill],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "tools"),
            "CGO_PREBUILT_CACHE": str(tmp_path / "store"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert archive_server.paused.wait(60)
    wait_for_bytes(tmp_path / "store")
    filling.send_signal(signal.SIGINT)
    assert filling.wait(60) == 130
    assert not list((tmp_path / "mirror").rglob("*.tar.gz"))

    archive_server.pause_after = None
    archive_server.requests.clear()
    done = json.loads(run(tmp_path, *fill, "--json").checked().stdout)
    assert done["fetched"] == [f"vec/{version}/{FILE}" for version in VERSIONS]
    sizes = sum(path.stat().st_size for path in archive_server.folder.rglob("*.tar.gz"))
    assert done["bytes_downloaded"] < sizes
    again = json.loads(run(tmp_path, *fill, "--json").checked().stdout)
    assert (again["fetched"], again["bytes_downloaded"]) == ([], 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_mirror_that_was_killed_at_any_instant_is_right_the_next_time(
    lock: Path, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    served = {
        f"vec/{version}/{FILE}": (archive_server.folder / version / FILE).read_bytes()
        for version in VERSIONS
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {p}\n" for p, data in served.items())

    def begin(number: int) -> None:
        if number % 3:  # else the mirror is complete, and is only checked
            shutil.rmtree(mirror, ignore_errors=True)

    def check() -> None:
        assert read(mirror) == {**served, "SHA256SUMS": sums.encode()}
        folders = {
            path.relative_to(mirror).as_posix() for path in mirror.rglob("*") if path.is_dir()
        }
        assert folders == {"vec", *(f"vec/{version}" for version in VERSIONS)}, "nothing piles up"

    fill = ["mirror", "--lock", str(lock), "--to", str(mirror), "--layout", LAYOUT]
    environ = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "tools"),
        "CGO_PREBUILT_CACHE": str(tmp_path / "store"),
    }
    start = command([sys.executable, "-m", "cgo_prebuilt", *fill], environ)
    kill_at_random_instants(start, instants=8, begin=begin, check=check)
