"""A remote cache, as a fleet has it: what one machine built is a hit on another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.another_user import NOBODY, as_another_user
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.execution_log import read_execution_log
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release
from tests.e2e.remote_cache import remote_cache

pytestmark = [pytest.mark.slow, pytest.mark.own_server]

SOURCE = """\
source:
  path: native
  build: {tool: make}
  static_library: libanswer.a
  headers: [include/answer.h]
"""
ORIGINS = ("prebuilt", "source")


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(from_source=SOURCE)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[str]:
    with remote_cache(tmp_path / "remote-cache") as address:
        yield address


def machine(workspace: MakeWorkspace, release: Release, name: str, tag: str = "") -> Workspace:
    """A checkout with its own path, user and store."""
    home = release.folder.parent / f"home-of-{Path(name).name}"
    home.mkdir()
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
            "native/answer.c": "int answer(void) { return 43; }\n",
            "native/Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n",
            "native/include/answer.h": '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n',
        },
        module=MODULE.replace('.lock.json"', f'.lock.json"{tag}'),
        name=name,
        environment={
            "CGO_PREBUILT_CACHE": str(home / "store"),
            "HOME": str(home),
            "LOGNAME": home.name,
            "USER": home.name,
        },
    )


def actions(log: Path) -> list[dict[str, Any]]:
    """The actions in an execution log, without what differs from run to run; sorted."""
    keyed = ("commandArgs", "environmentVariables", "inputs", "platform", "listedOutputs")
    found = [{name: action.get(name) for name in keyed} for action in read_execution_log(log)]
    return sorted(found, key=lambda action: json.dumps(action["listedOutputs"]))


def test_a_build_of_one_machine_is_a_remote_cache_hit_on_another(
    workspace: MakeWorkspace, release: Release, cache: str
) -> None:
    def build(made: Workspace, origin: str) -> tuple[str, list[dict[str, Any]]]:
        log = made.path / f"{origin}.json"
        built = made.bazel(
            "build",
            "//:main_cc",
            f"--@answer//:origin={origin}",
            f"--remote_cache={cache}",
            f"--execution_log_json_file={log}",
        ).checked()
        return built.stderr, actions(log)

    first = machine(workspace, release, "first")
    with as_another_user(machine(workspace, release, "second")) as second:
        for origin in ORIGINS:
            _, of_first = build(first, origin)
            said, of_second = build(second, origin)
            assert (second.path / f"{origin}.json").stat().st_uid == NOBODY
            assert "remote cache hit" in said
            summary = next(line for line in said.splitlines() if "processes:" in line)
            assert "sandbox" not in summary, summary
            assert len(of_first) >= 2  # compiled and linked, at least
            assert of_first == of_second
            assert str(first.path.parent) not in json.dumps(of_first)


def test_the_remote_downloader_fetches_for_bazel(
    workspace: MakeWorkspace, release: Release, cache: str, tmp_path: Path
) -> None:
    flags = (
        f"--remote_cache={cache}",
        f"--experimental_remote_downloader={cache}",
        f"--repository_cache={tmp_path}/repositories",
    )
    by_bazel = ', transport = "bazel"'
    first = machine(workspace, release, "first", by_bazel)
    assert first.bazel("run", "//:main_cc", *flags).checked().stdout == "the answer is 42\n"
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]

    # The cache has it now, so the release's server gets no further request.
    release.server.requests.clear()
    second = machine(workspace, release, "second", by_bazel)
    assert second.bazel("run", "//:main_cc", *flags[:2], "--repository_cache=").code == 0
    assert release.server.requests == []
