"""One platform of a tar.gz with all platforms, in Bazel: with the ranges file, or read whole."""

from __future__ import annotations

import random
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.compilers import static_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, HEADER, MAIN_CC, MODULE, cgo_prebuilt

pytestmark = pytest.mark.slow

_ARCHIVE = "answer-v1.0.0.tar.gz"
_MANIFEST = """\
name: answer
version: v1.0.0
urls: ['{url}/{{file}}']
archives: [{{file: 'answer-{{version}}.tar.gz'}}]
headers: [include/answer.h]
include_dirs: [include]
platforms:
  linux_amd64: {{static_library: lib/linux_amd64/libanswer.a}}
  linux_arm64: {{static_library: lib/linux_arm64/libanswer.a}}
"""


@pytest.fixture
def lock(tmp_path: Path, archive_server: ArchiveServer) -> Path:
    """The lock of a release whose other platform has nearly all the bytes."""
    pytest.importorskip("indexed_gzip")
    library = tmp_path / "libanswer.a"
    static_library("linux_amd64", "int answer(void) { return 42; }", library)
    members = {
        "lib/linux_arm64/libanswer.a": random.Random(1).randbytes(6_000_000),
        "lib/linux_amd64/libanswer.a": library.read_bytes(),
        "include/answer.h": HEADER.encode(),
        "lib/windows_amd64/answer.lib": random.Random(2).randbytes(6_000_000),
    }
    with tarfile.open(archive_server.folder / _ARCHIVE, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    (tmp_path / "answer.yaml").write_text(_MANIFEST.format(url=archive_server.url))
    store = {"CGO_PREBUILT_CACHE": str(tmp_path / "maintainers-store")}
    cgo_prebuilt("lock", "answer.yaml", cwd=tmp_path, env=store).checked()
    archive_server.requests.clear()
    return tmp_path / "answer.lock.json"


def consumer(workspace: MakeWorkspace, lock: Path, name: str, *beside: Path) -> Workspace:
    files = {path.name: path.read_bytes() for path in (lock, *beside)}
    texts = {"BUILD.bazel": BUILD, "main.cc": MAIN_CC}
    store = {"CGO_PREBUILT_CACHE": str(lock.parent / f"store-of-{name}")}
    return workspace({**texts, **files}, module=MODULE, name=name, environment=store)


def test_a_spoke_requests_only_its_platforms_bytes_if_the_ranges_file_exists(
    workspace: MakeWorkspace, archive_server: ArchiveServer, lock: Path
) -> None:
    made = consumer(workspace, lock, "parts", lock.with_suffix(".ranges"))
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert [request.path for request in archive_server.requests if not request.range] == []
    assert archive_server.requests
    base = Path(made.bazel("info", "output_base").checked().stdout.strip())
    (spoke,) = base.glob("external/*answer__linux_amd64")
    assert not list(spoke.glob("*.ranges"))

    archive_server.requests.clear()
    whole = consumer(workspace, lock, "whole")
    assert whole.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert [request.path for request in archive_server.requests if not request.range] == [
        f"/{_ARCHIVE}"
    ]
