"""CI builds without a network, from what was fetched or vendored before."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release
from tests.guide import read_guide, shell_script, under
from tests.programs import provide

pytestmark = pytest.mark.own_server

ANSWER = "the answer is 42\n"
GUIDE = read_guide("docs/hermetic-ci.md")


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(platforms=("linux_amd64", "linux_arm64"))
    return made


@pytest.fixture
def programs(bazel_tools: Tools, tmp_path: Path) -> Path:
    """A folder for the PATH: the guide's programs, and a Bazel that has no network but a loopback."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can make a network namespace, with unshare")
    ip = provide("ip", "iproute2")
    in_root = bazel_tools.bazel.in_root or "env"
    # --batch: the next command could not reach a server in this command's namespace.
    startup = shlex.join([*bazel_tools.startup_options(), "--batch"])
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, command in {
        "bazel": f'unshare --net sh -c \'{ip} link set lo up && exec "$0" "$@"\' ' + startup,
        "cgo-prebuilt": f"env PYTHONPATH={REPOSITORY}/tools {sys.executable} -m cgo_prebuilt",
        "python3": f"{in_root} python3",
    }.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    """A workspace with a store of its own, which is empty."""
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "third_party/BUILD.bazel": "",
            "third_party/answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE.replace("//:", "//third_party:"),
        name=name,
        environment={"CGO_PREBUILT_CACHE": str(release.folder.parent / f"store-of-{name}")},
    )


def on_the_host(workspace: Workspace) -> Workspace:
    """Return the workspace with commands on the host: programs enter Bazel's root themselves."""
    tools = replace(workspace.tools, bazel=replace(workspace.tools.bazel, in_root=None))
    return replace(workspace, tools=tools)


def test_a_mirror_is_filled_as_the_guide_says(
    workspace: MakeWorkspace, release: Release, programs: Path
) -> None:
    made = consumer(workspace, release)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    for block in under(GUIDE, "A mirror"):  # each on a machine of its own
        on_the_host(made).in_root("sh", "-euc", shell_script([block]), env=path).checked()
    for platform in ("linux_amd64", "linux_arm64"):
        archive = (release.server.folder / release.archive(platform)).read_bytes()
        for layout in ("", "answer/v1.0.0"):
            assert (
                made.path / "mirror" / layout / release.archive(platform)
            ).read_bytes() == archive


def test_without_any_network_a_mirror_and_a_folder_of_wheels_are_enough(
    workspace: MakeWorkspace, release: Release, programs: Path
) -> None:
    made = consumer(workspace, release)
    before, behind = (shell_script([block]) for block in under(GUIDE, "No network at all"))
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    shell = on_the_host(made)
    shell.in_root("sh", "-euc", before, env={**path, "RULES": str(REPOSITORY)}).checked()
    assert {path.name for path in (made.path / "transfer/mirror").glob("*.tar.zst")} == {
        release.archive("linux_amd64"),
        release.archive("linux_arm64"),
    }
    release.server.requests.clear()

    without_mirror = behind.replace("CGO_PREBUILT_MIRROR=", "UNUSED=")
    failed = shell.in_root("sh", "-euc", without_mirror, env=path)
    assert failed.code != 0
    assert "could not be fetched (unavailable)" in failed.stderr

    shell.in_root("sh", "-euc", behind, env=path).checked()
    assert made.in_root("bazel-bin/main_cc").checked().stdout == ANSWER
    assert release.server.requests == []


@pytest.mark.both_modes
def test_fetched_libraries_are_built_with_nofetch(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    early = made.bazel("build", "--nofetch", "//:main_cc")
    assert early.code != 0
    assert release.server.requests == []

    made.bazel("fetch", "//:main_cc").checked()
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]
    release.server.requests.clear()
    elsewhere = {"CGO_PREBUILT_CACHE": "/nowhere", "CGO_PREBUILT_MIRROR": "https://nowhere"}
    assert made.bazel("run", "--nofetch", "//:main_cc", env=elsewhere).checked().stdout == ANSWER
    built = made.bazel("run", "//:main_cc", env=elsewhere)
    assert built.checked().stdout == ANSWER
    assert release.server.requests == []


@pytest.mark.both_modes
def test_vendored_libraries_are_built_elsewhere_without_a_fetch(
    workspace: MakeWorkspace, release: Release
) -> None:
    first = consumer(workspace, release)
    first.bazel("vendor", "--vendor_dir=vendor", "//:main_cc").checked()
    release.server.requests.clear()

    second = consumer(workspace, release, "second")
    shutil.copytree(first.path / "vendor", second.path / "vendor", symlinks=True)
    offline = {"CGO_PREBUILT_OFFLINE": "1"}
    built = second.bazel("run", "--vendor_dir=vendor", "//:main_cc", env=offline)
    assert built.checked().stdout == ANSWER
    assert not list(release.folder.parent.glob("store-of-second/v1/trees/*"))
    assert release.server.requests == []


@pytest.mark.both_modes
def test_vendored_libraries_are_built_without_network_and_python(
    workspace: MakeWorkspace, release: Release, programs: Path, tmp_path: Path
) -> None:
    first = consumer(workspace, release)
    first.bazel("vendor", "--vendor_dir=vendor", "//:main_cc", "//:main_go").checked()
    vendored = {path.name for path in (first.path / "vendor").iterdir()}
    assert any("answer__linux_amd64" in name for name in vendored)
    # These two repositories are specific to a machine, so they are not vendored.
    for of_a_machine in ("host_tools", "cgo_prebuilt_python"):
        assert not [name for name in vendored if of_a_machine in name]

    second = consumer(workspace, release, "second")
    shutil.move(first.path / "vendor", second.path / "vendor")
    for name in ("python3", "python", "py", "cargo"):
        (tmp_path / "broken" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "broken" / name).write_text("#!/bin/sh\nexit 49\n")
        (tmp_path / "broken" / name).chmod(0o755)
    command = (
        f'"{programs}/bazel" build --vendor_dir=vendor'
        f' --repo_env=PATH="{tmp_path}/broken:/usr/bin:/bin" //:main_cc'
    )
    on_the_host(second).in_root("sh", "-euc", command).checked()
    assert second.in_root("bazel-bin/main_cc").checked().stdout == ANSWER
