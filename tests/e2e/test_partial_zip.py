"""A zip of which the lock needs little, on a server with ranges, is read in parts."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.release import cgo_prebuilt

_MANIFEST = """\
name: wheel
version: v1
urls: ['{url}/{{file}}']
archives: [{{file: wheel-1-py3-none-any.whl, strip_prefix: wheel}}]
static_library: lib/libwheel.a
headers: [include/*.h]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
"""


@pytest.fixture
def lock(tmp_path: Path, archive_server: ArchiveServer) -> Path:
    with zipfile.ZipFile(
        archive_server.folder / "wheel-1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED
    ) as wheel:
        wheel.writestr("wheel/data.bin", random.Random(1).randbytes(4_000_000))
        wheel.writestr("wheel/lib/libwheel.a", random.Random(2).randbytes(300_000))
        wheel.writestr("wheel/include/wheel.h", "int wheel(void);\n")
        wheel.writestr("wheel/more.bin", random.Random(3).randbytes(4_000_000))
    manifest = tmp_path / "wheel.yaml"
    manifest.write_text(_MANIFEST.format(url=archive_server.url))
    cgo_prebuilt("lock", manifest, cwd=tmp_path, env=store(tmp_path / "maintainer")).checked()
    archive_server.requests.clear()
    return tmp_path / "wheel.lock.json"


def store(folder: Path) -> dict[str, str]:
    return {"CGO_PREBUILT_CACHE": str(folder / "store")}


def test_only_the_directory_and_the_members_are_asked_for(
    tmp_path: Path, archive_server: ArchiveServer, lock: Path
) -> None:
    fetch = ("fetch", "--lock", lock, "--platform", "linux_amd64", "--output", "out", "--json")
    answer = json.loads(cgo_prebuilt(*fetch, cwd=tmp_path, env=store(tmp_path)).checked().stdout)
    assert answer["status"] == "downloaded"
    assert 300_000 < answer["bytes_downloaded"] < 900_000
    assert answer["requests"] == len(archive_server.requests) <= 3
    assert all(request.range for request in archive_server.requests)
    assert (tmp_path / "out/lib/libwheel.a").stat().st_size == 300_000


def test_a_changed_member_is_refused_although_the_archive_was_never_hashed(
    tmp_path: Path, archive_server: ArchiveServer, lock: Path
) -> None:
    archive = archive_server.folder / "wheel-1-py3-none-any.whl"
    with zipfile.ZipFile(archive) as wheel:
        place = wheel.getinfo("wheel/lib/libwheel.a").header_offset + 1000
    content = bytearray(archive.read_bytes())
    content[place] ^= 1
    archive.write_bytes(content)
    fetch = ("fetch", "--lock", lock, "--platform", "linux_amd64", "--output", "out")
    failed = cgo_prebuilt(*fetch, cwd=tmp_path, env=store(tmp_path))
    assert failed.code == 4
    assert not (tmp_path / "out/lib").exists()
