"""A zip or tar is read in parts if the lock needs little of it and the server has ranges."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.kill_loop import command, kill_at_random_instants
from tests.e2e.partial_files import wait_until
from tests.e2e.release import cgo_prebuilt
from tests.unit.archive_builders import END_OF_TAR, compress, tar_member

_MANIFEST = """\
name: wheel
version: v1
urls: ['{url}/{{file}}']
archives: [{{file: {file}, strip_prefix: wheel}}]
static_library: {library}
headers: [include/*.h]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
"""
_WHEEL = "wheel-1-py3-none-any.whl"


def archive_of(file: str, members: Mapping[str, bytes], stream: int) -> bytes:
    """An archive by its name; a compressed tar in streams that decode to so many bytes each."""
    memory = BytesIO()
    if file == _WHEEL:
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, data in members.items():
                wheel.writestr(name, data)
        return memory.getvalue()
    tar = b"".join(tar_member(name, data) for name, data in members.items()) + END_OF_TAR
    pieces = (tar[start : start + stream] for start in range(0, len(tar), stream))
    return b"".join(compress(piece, file.partition(".")[2]) for piece in pieces)


def make_lock(
    folder: Path,
    server: ArchiveServer,
    library: str,
    size: int,
    file: str = _WHEEL,
    stream: int = 1 << 30,
) -> Path:
    """A lock of an archive with 8 MB of other files and a library, which the server has."""
    members = {
        "wheel/data.bin": random.Random(1).randbytes(4_000_000),
        f"wheel/{library}": random.Random(2).randbytes(size),
        "wheel/include/wheel.h": b"int wheel(void);\n",
        "wheel/more.bin": random.Random(3).randbytes(4_000_000),
    }
    (server.folder / file).write_bytes(archive_of(file, members, stream))
    manifest = folder / "wheel.yaml"
    manifest.write_text(_MANIFEST.format(url=server.url, library=library, file=file))
    cgo_prebuilt("lock", manifest, cwd=folder, env=store(folder / "maintainer")).checked()
    server.requests.clear()
    return folder / "wheel.lock.json"


@pytest.fixture
def lock(tmp_path: Path, archive_server: ArchiveServer) -> Path:
    return make_lock(tmp_path, archive_server, "lib/libwheel.a", 300_000)


def store(folder: Path) -> dict[str, str]:
    return {"CGO_PREBUILT_CACHE": str(folder / "store")}


def test_only_the_directory_and_the_members_are_requested(
    tmp_path: Path, archive_server: ArchiveServer, lock: Path
) -> None:
    fetch = ("fetch", "--lock", lock, "--platform", "linux_amd64", "--output", "out", "--json")
    answer = json.loads(cgo_prebuilt(*fetch, cwd=tmp_path, env=store(tmp_path)).checked().stdout)
    assert answer["status"] == "downloaded"
    assert 300_000 < answer["bytes_downloaded"] < 900_000
    assert answer["requests"] == len(archive_server.requests) <= 3
    assert all(request.range for request in archive_server.requests)
    assert (tmp_path / "out/lib/libwheel.a").stat().st_size == 300_000


MOST = 11_500_000
"""The most bytes to fetch for the library of 9 MB: up to 1 MiB more at each end, for deflate."""


@pytest.fixture(
    params=[
        pytest.param((_WHEEL, 0), id="zip"),
        pytest.param(("wheel.tar.gz", 1 << 30), id="gz"),
        pytest.param(("wheel.tar.gz", 1 << 20), id="gz members", marks=pytest.mark.slow),
        pytest.param(("wheel.tar.zst", 1 << 20), id="zst", marks=pytest.mark.slow),
        pytest.param(("wheel.tar.xz", 1 << 20), id="xz", marks=pytest.mark.slow),
        pytest.param(("wheel.tar.bz2", 1 << 20), id="bz2", marks=pytest.mark.slow),
    ]
)
def large(
    request: pytest.FixtureRequest, tmp_path: Path, archive_server: ArchiveServer
) -> list[str]:
    """The command that fetches a library of 9 MB."""
    file, stream = request.param
    if stream == 1 << 30:
        pytest.importorskip("indexed_gzip")
    path = make_lock(tmp_path, archive_server, "lib/libwheel.a", 9_000_000, file, stream)
    assert path.with_suffix(".ranges").is_file() == (file != _WHEEL)
    fetch = ["fetch", "--lock", str(path), "--platform", "linux_amd64", "--json"]
    return [sys.executable, "-m", "cgo_prebuilt", *fetch, "--output", str(tmp_path / "out")]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "tools"), **store(folder)}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_parts_survive_a_kill(
    tmp_path: Path, archive_server: ArchiveServer, large: list[str]
) -> None:
    archive_server.pause_after = 6_000_000
    killed = subprocess.Popen(large, env=environment(tmp_path), stdout=subprocess.DEVNULL)
    assert archive_server.paused.wait(60)
    wait_until(lambda: recorded(tmp_path / "store") > 4_000_000)
    killed.kill()
    killed.wait()
    archive_server.pause_after = None
    done = subprocess.run(large, env=environment(tmp_path), stdout=subprocess.PIPE, check=True)
    answer = json.loads(done.stdout)
    assert answer["bytes_resumed"] > 4_000_000
    assert answer["bytes_resumed"] + answer["bytes_downloaded"] < MOST
    assert len((tmp_path / "out/lib/libwheel.a").read_bytes()) == 9_000_000


def recorded(folder: Path) -> int:
    """Return the number of present bytes, by the sidecars below a folder."""
    sidecars = [json.loads(path.read_text()) for path in folder.rglob("*.partial.json")]
    return sum(end - start for sidecar in sidecars for start, end in sidecar["done"])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_after_a_kill_at_any_instant_the_next_fetch_of_parts_is_right(
    tmp_path: Path, large: list[str]
) -> None:
    def begin(_: int) -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        shutil.rmtree(tmp_path / "store/v1/trees", ignore_errors=True)

    def check() -> None:
        answer = json.loads((tmp_path / "answer").read_text())
        assert answer["bytes_resumed"] + answer["bytes_downloaded"] < MOST
        assert (tmp_path / "out/lib/libwheel.a").read_bytes() == random.Random(2).randbytes(
            9_000_000
        )
        assert not list((tmp_path / "store").rglob("*.partial*"))

    arguments = ["sh", "-c", f'exec "$@" >{tmp_path}/answer 2>/dev/null', "sh", *large]
    start = command(arguments, environment(tmp_path))
    kill_at_random_instants(start, instants=8, begin=begin, check=check)


def test_a_changed_member_is_refused_although_the_archive_was_never_hashed(
    tmp_path: Path, archive_server: ArchiveServer, lock: Path
) -> None:
    archive = archive_server.folder / _WHEEL
    with zipfile.ZipFile(archive) as wheel:
        place = wheel.getinfo("wheel/lib/libwheel.a").header_offset + 1000
    content = bytearray(archive.read_bytes())
    content[place] ^= 1
    archive.write_bytes(content)
    fetch = ("fetch", "--lock", lock, "--platform", "linux_amd64", "--output", "out")
    failed = cgo_prebuilt(*fetch, cwd=tmp_path, env=store(tmp_path))
    assert failed.code == 4
    assert not (tmp_path / "out/lib").exists()
