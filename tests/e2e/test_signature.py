"""A signed release inside Bazel."""

from __future__ import annotations

import json
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
