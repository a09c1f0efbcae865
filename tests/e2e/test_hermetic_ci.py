"""Builds of a CI that reaches nothing: without a network, from what was fetched or vendored before."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bazel.debian_root import cache_folder
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release, cgo_prebuilt

ANSWER = "the answer is 42\n"
REQUIREMENTS = REPOSITORY / "rules/private/requirements"


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(platforms=("linux_amd64", "linux_arm64"))
    return made


@pytest.fixture
def without_network(bazel_tools: Tools, tmp_path: Path) -> Tools:
    """Bazel in a network namespace of its own, which has nothing but its loopback."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("only root can make a network namespace, with unshare and ip")
    bazel = tmp_path / "bazel-without-network"
    # --batch: a server would be out of the next command's reach, in the namespace of this one.
    bazel.write_text(
        "#!/bin/sh\n"
        'exec unshare --net sh -c \'ip link set lo up && exec "$0" "$@"\''
        f' {bazel_tools.bazel.executable} --batch "$@"\n'
    )
    bazel.chmod(bazel.stat().st_mode | stat.S_IXUSR)
    return replace(bazel_tools, bazel=replace(bazel_tools.bazel, executable=str(bazel)))


@pytest.fixture(scope="session")
def wheels(bazel_tools: Tools) -> Path:
    """A folder with the fetcher's Python packages, as docs/hermetic-ci.md says to fill it."""
    folder = cache_folder(os.environ) / "wheels"
    enter = [bazel_tools.bazel.in_root] if bazel_tools.bazel.in_root else []
    for requirements in ("requests.txt", "decoders.txt"):
        subprocess.run(
            [*enter, "python3", "-m", "pip", "download", "--quiet", "--only-binary=:all:",
             "--no-deps", "--require-hashes", "--dest", folder, "-r", REQUIREMENTS / requirements],
            check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return folder


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    """A workspace with a store of its own, which is empty."""
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE,
        name=name,
        environment={"CGO_PREBUILT_CACHE": str(release.folder.parent / f"store-of-{name}")},
    )


def test_without_any_network_a_mirror_and_a_folder_of_wheels_are_enough(
    workspace: MakeWorkspace,
    release: Release,
    without_network: Tools,
    wheels: Path,
    tmp_path: Path,
) -> None:
    mirror = tmp_path / "mirror"
    cgo_prebuilt("mirror", "--lock", release.lock, "--to", mirror, cwd=tmp_path).checked()
    assert {path.name for path in mirror.glob("*.tar.zst")} == {
        release.archive("linux_amd64"),
        release.archive("linux_arm64"),
    }
    release.server.requests.clear()
    made = replace(consumer(workspace, release), tools=without_network)
    packages = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}

    failed = made.bazel("build", "//:main_cc", env=packages)
    assert failed.code != 0
    assert "could not be fetched (exit code 3)" in failed.stderr

    mirrored = {**packages, "CGO_PREBUILT_MIRROR": mirror.as_uri()}
    assert made.bazel("run", "//:main_cc", env=mirrored).checked().stdout == ANSWER
    assert release.server.requests == []


def test_what_was_fetched_is_built_with_nofetch(workspace: MakeWorkspace, release: Release) -> None:
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


def test_what_was_vendored_is_built_elsewhere_without_a_fetch(
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
