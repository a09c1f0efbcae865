"""The packages that the fetcher needs in Bazel: installed where they are not there, offline too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer, serving
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MODULE, Release

ANSWER = "the answer is 42\n"


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish()
    return made


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    files = {"BUILD.bazel": BUILD, "main.cc": MAIN_CC, "main.go": ""}
    lock = {"answer.lock.json": release.lock.read_bytes()}
    return workspace({**files, **lock}, module=MODULE, name=name)


def packages_of(workspace: Workspace) -> set[str]:
    """What the repository of the fetcher's packages holds."""
    base = Path(workspace.bazel("info", "output_base").checked().stdout.strip())
    (folder,) = (base / "external").glob("*rules_cgo_prebuilt_python/site-packages")
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_what_only_the_users_pythonpath_has_is_installed_all_the_same(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    """The fetcher is not given that PYTHONPATH, so what is there is none of its packages."""
    for name in ("isal", "requests", "backports"):
        (tmp_path / "users" / name).mkdir(parents=True)
        (tmp_path / "users" / name / "__init__.py").write_text("__version__ = '2.99'\n")
    made = consumer(workspace, release)
    built = made.bazel("run", "//:main_cc", env={"PYTHONPATH": str(tmp_path / "users")})
    assert built.checked().stdout == ANSWER


@pytest.mark.parametrize("origin", ["mirror", "store"])
def test_offline_neither_an_index_nor_requests_is_needed(
    workspace: MakeWorkspace, release: Release, tmp_path: Path, origin: str
) -> None:
    (tmp_path / "index").mkdir()
    environment = {"CGO_PREBUILT_OFFLINE": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
    if origin == "mirror":
        shutil.copytree(release.server.folder, tmp_path / "mirror")
        environment["CGO_PREBUILT_MIRROR"] = (tmp_path / "mirror").as_uri()
    else:
        first = consumer(workspace, release, "first")
        assert first.bazel("run", "//:main_cc").checked().stdout == ANSWER
    release.server.requests.clear()
    made = consumer(workspace, release)
    with serving(tmp_path / "index") as index:
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url}/simple\n")
        environment["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
        built = made.bazel("run", "//:main_cc", env=environment)
        assert built.checked().stdout == ANSWER
        assert index.requests == []
        # One that is named is asked: it may be on this machine.
        named = {"PIP_INDEX_URL": f"{index.url}/named"}
        made.bazel("shutdown").checked()
        made.bazel("clean", "--expunge").checked()
        built = made.bazel("run", "//:main_cc", env={**environment, **named})
        assert built.checked().stdout == ANSWER
        assert {path.split("/")[1] for path in index.paths()} <= {"named"}
    assert release.server.requests == []
    assert "requests" not in packages_of(made)

    # With a network again, they are installed by the first fetch that may need them.
    release.publish(answer=43)
    made.write({"answer.lock.json": release.lock.read_bytes()})
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 43\n"
    has_it_itself = made.in_root("python3", "-c", "import requests").code == 0
    assert ("requests" in packages_of(made)) is not has_it_itself
    assert bool(index.requests) is not has_it_itself
