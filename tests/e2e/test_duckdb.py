"""DuckDB's own prebuilt archives, as they are published: 21 files, 116 MB, to be linked in one order."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import cgo_prebuilt

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the archives are those for linux_amd64",
)

EXAMPLE = REPOSITORY / "examples" / "duckdb"
ARCHIVE = "duckdb-v1.4.3-linux_amd64.tar.zst"
ANSWER = "v1.4.3 | 500000500000 | yes\n"

_MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "duckdb", lock = "//:prebuilt.lock.json")
use_repo(prebuilt, "duckdb")
"""

# Replaces the example's BUILD file, which is for rules_go.
_GO_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")

cgo_binary(
    name = "select",
    srcs = ["main.go"],
    cdeps = ["@duckdb"],
)
"""


def _run(command: list[str], folder: Path, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tools"), **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _cgo_prebuilt(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cgo_prebuilt", *arguments]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release: the Go modules' files, packed as the example's README says."""
    folder = tmp_path_factory.mktemp("duckdb")
    _run([str(EXAMPLE / "stage.sh"), "stage"], folder)
    pack = ("pack", str(EXAMPLE / "prebuilt.yaml"), "--platform", "linux_amd64")
    done = cgo_prebuilt(*pack, "--from", "stage", "--output", "dist", cwd=folder).checked()
    (folder / "findings.txt").write_text(done.stderr)
    return folder / "dist" / ARCHIVE


@pytest.fixture
def lock(packed: Path, archive_server: ArchiveServer, tmp_path: Path) -> Path:
    """The lock of the release on the server, whose requests are counted from here on."""
    shutil.copy(packed, archive_server.folder)
    manifest = yaml.safe_load((EXAMPLE / "prebuilt.yaml").read_text())
    manifest["urls"] = [f"{archive_server.url}/{{file}}"]
    (tmp_path / "prebuilt.yaml").write_text(yaml.safe_dump(manifest))
    store = str(tmp_path / "lock-store")
    _run(_cgo_prebuilt("lock", "prebuilt.yaml"), tmp_path, CGO_PREBUILT_CACHE=store)
    archive_server.requests.clear()
    return tmp_path / "prebuilt.lock.json"


def test_pack_says_what_it_found_in_the_libraries(packed: Path) -> None:
    findings = (packed.parents[1] / "findings.txt").read_text()
    # 514 objects of gcc for x86_64, and no symbol is missing. Paths of the building machine show.
    assert findings.startswith(
        "cgo-prebuilt: warning: lib/libtpcds_extension.a: it contains 12 paths of the build machine:"
        " /home/runner/"
    )
    assert findings.count("warning: ") == 1
    assert "error" not in findings


def test_bazel_links_it_into_a_cpp_and_a_cgo_program_that_run_a_query(
    lock: Path, archive_server: ArchiveServer, workspace: MakeWorkspace
) -> None:
    made = workspace(
        {
            "BUILD.bazel": 'exports_files(["prebuilt.lock.json"])\n',
            "prebuilt.lock.json": lock.read_bytes(),
            "cpp/BUILD.bazel": (EXAMPLE / "cpp" / "BUILD.bazel").read_bytes(),
            "cpp/select.cc": (EXAMPLE / "cpp" / "select.cc").read_bytes(),
            "go/BUILD.bazel": _GO_BUILD,
            "go/main.go": (EXAMPLE / "cmd" / "select" / "main.go").read_bytes(),
        },
        module=_MODULE,
    )
    assert made.bazel("run", "//cpp:select").checked().stdout == ANSWER
    assert made.bazel("run", "//go:select").checked().stdout == ANSWER
    assert archive_server.paths() == [f"/{ARCHIVE}"]


def test_without_bazel_it_is_fetched_and_a_plain_go_program_runs_a_query(
    lock: Path, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    store = str(tmp_path / "store")
    output = tmp_path / "duckdb"
    fetch = _cgo_prebuilt("fetch", "--lock", str(lock), "--output", str(output), "--json")
    report = json.loads(_run(fetch, tmp_path, CGO_PREBUILT_CACHE=store))
    assert report["status"] == "downloaded"
    assert len(list((output / "lib").glob("lib*.a"))) == 21

    show = _cgo_prebuilt("env", "--lock", str(lock), "--shell", "json")
    variables = json.loads(_run(show, tmp_path, CGO_PREBUILT_CACHE=store))
    assert _run(["go", "run", "./cmd/select"], EXAMPLE, **variables) == ANSWER
    assert archive_server.paths() == [f"/{ARCHIVE}"]
