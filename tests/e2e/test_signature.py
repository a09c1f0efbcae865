"""A public key in a lock holds inside Bazel, too: a spoke takes no archive that it did not sign."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.native_release import NativeRelease, archive
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE
from tests.ssh_key import make_key

_MANIFEST = """\
public_key: {key}
static_library: lib/libanswer.a
headers: [include/**]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
"""
_HEADER = '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n'
_BY_BAZEL = MODULE.replace(".lock.json", '.lock.json", transport = "bazel')


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> NativeRelease:
    return NativeRelease(tmp_path / "maintainer", archive_server, "answer")


def signed_lock(release: NativeRelease) -> dict[str, Any]:
    """Publishes a signed release, and gives its lock."""
    built = release.built()
    archive(built, "lib/libanswer.a", {"answer.c": "int answer(void) { return 42; }\n"})
    (built / "include").mkdir()
    (built / "include/answer.h").write_text(_HEADER)
    public = make_key(release.folder)
    lock: dict[str, Any] = json.loads(
        release.publish(_MANIFEST.format(key=public), pack=("--sign", "key"))
    )
    return lock


def consumer(workspace: MakeWorkspace, lock: dict[str, Any], module: str = MODULE) -> Workspace:
    files = {
        "BUILD.bazel": BUILD,
        "main.cc": MAIN_CC,
        "main.go": MAIN_GO,
        "answer.lock.json": json.dumps(lock),
    }
    return workspace(files, module=module)


@pytest.mark.parametrize("module", [MODULE, _BY_BAZEL], ids=["python", "bazel"])
def test_what_the_key_signed_is_linked(
    workspace: MakeWorkspace, release: NativeRelease, module: str
) -> None:
    made = consumer(workspace, signed_lock(release), module)
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert release.server.paths() == [release.archive_path("linux_amd64")]


def _signed_by_nobody(version: dict[str, Any]) -> None:
    version["signature"]["signature"] = ""


def _signed_something_else(version: dict[str, Any]) -> None:
    version["signature"]["sums"] = version["signature"]["sums"].replace("answer", "question")


def _another_archive(version: dict[str, Any]) -> None:
    version["platforms"]["linux_amd64"]["archives"][0]["sha256"] = "0" * 64


_WRONG = "the signature of SHA256SUMS is not that of the public key"


@pytest.mark.parametrize(
    ("module", "change", "words"),
    [
        (MODULE, _signed_by_nobody, _WRONG),
        (MODULE, _another_archive, "the publisher's signature does not cover answer-v1.0.0-"),
        (_BY_BAZEL, _signed_something_else, _WRONG),
    ],
)
def test_what_the_key_did_not_sign_fails_the_spoke(
    workspace: MakeWorkspace,
    release: NativeRelease,
    module: str,
    change: Callable[[dict[str, Any]], None],
    words: str,
    tmp_path: Path,
) -> None:
    lock = signed_lock(release)
    change(lock["versions"]["v1.0.0"])
    failed = consumer(workspace, lock, module).bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "answer v1.0.0 for linux_amd64 could not be fetched (exit code 4)" in failed.stderr
    assert words in failed.stderr
    assert lock["versions"]["v1.0.0"]["signature"]["public_key"] in failed.stderr
    assert not list(tmp_path.glob("store/v1/trees/*"))
    if module == MODULE:  # Bazel's downloader has it by then; the fetcher's own has not asked
        assert release.server.paths() == []
