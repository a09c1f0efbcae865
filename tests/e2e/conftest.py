"""Fixtures of the end-to-end tests: a real Bazel, its workspaces, a real server of archives."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.bazel.debian_root import cache_folder
from tests.bazel.provision import find_bazel
from tests.e2e.archive_server import ArchiveServer, serving
from tests.e2e.bazel_workspace import Tools, Workspace, make_workspace
from tests.e2e.native_release import NativeRelease
from tests.e2e.release import Release


class MakeWorkspace(Protocol):
    """Makes a workspace; see `make_workspace`."""

    def __call__(
        self,
        files: Mapping[str, str | bytes],
        *,
        module: str = "",
        name: str = "workspace",
        environment: Mapping[str, str] | None = None,
        fresh: bool = False,
    ) -> Workspace: ...


@pytest.fixture(scope="session")
def ending_servers() -> list[subprocess.Popen[bytes]]:
    """Bazel servers that were told to end."""
    return []


@pytest.fixture(scope="session")
def bazel_tools(ending_servers: list[subprocess.Popen[bytes]]) -> Iterator[Tools]:
    """The Bazel to test with; its output bases are in a temporary folder of this test run."""
    bazel = find_bazel()
    go_cache = cache_folder(os.environ) / "go-build"
    go_cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bz-"))
    yield Tools(bazel, folder, go_cache)
    for ending in ending_servers:
        ending.wait()
    remove(folder)


def remove(folder: Path) -> None:
    """Removes a folder in which Bazel made others read-only."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kept_workspaces(
    bazel_tools: Tools, ending_servers: list[subprocess.Popen[bytes]]
) -> Iterator[dict[Path, Workspace]]:
    """The workspaces whose Bazel servers later tests take over, by their folders."""
    made: dict[Path, Workspace] = {}
    yield made
    ending_servers.extend(one.start_shutdown() for one in made.values())


_TWICE = {
    **dict.fromkeys(("test_flavors", "test_prebuilt"), True),
    **dict.fromkeys(("test_bazel_transport", "test_fallback", "test_hermetic_ci"), False),
    **dict.fromkeys(("test_linking", "test_source_library"), False),
}
"""Modules whose tests run twice, by what newer Bazels do by default and by what this one does.

The value says whether the first is the one that is not slow: the time of `make test` is limited.
"""


_SHARING = frozenset(
    f"test_{name}" for name in ("bazel_workspace", "fallback", "misuse", "prebuilt", "verified_use")
)
"""Modules whose tests take over the Bazel servers of earlier tests."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has the tests of some modules run twice."""
    newer_first = _TWICE.get(metafunc.module.__name__.rpartition(".")[2])
    if newer_first is not None and "workspace" in metafunc.fixturenames:
        modes = [
            pytest.param(newer, id=name, marks=() if newer == newer_first else pytest.mark.slow)
            for newer, name in ((True, "newer"), (False, "as it is"))
        ]
        metafunc.parametrize("newer_bazel", modes, indirect=True)


@pytest.fixture
def newer_bazel(request: pytest.FixtureRequest) -> bool:
    """Whether Bazel does what newer ones do; CGO_PREBUILT_TEST_NEWER_BAZEL=1: in all tests."""
    return bool(getattr(request, "param", os.environ.get("CGO_PREBUILT_TEST_NEWER_BAZEL")))


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    """The release v1.0.0 of `answer`, which is published, in the maintainer's folder."""
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish()
    return made


@pytest.fixture
def workspace(
    request: pytest.FixtureRequest,
    bazel_tools: Tools,
    tmp_path: Path,
    ending_servers: list[subprocess.Popen[bytes]],
    kept_workspaces: dict[Path, Workspace],
    newer_bazel: bool,
) -> Iterator[MakeWorkspace]:
    """Makes workspaces, which have the store of fetched libraries in common: the test's own.

    In the modules of `_SHARING`, the first one of a test takes the place of the earlier tests' first
    one, and so on: its files and outputs are gone, but its Bazel server runs, and has the repositories
    that need not be fetched again. Newer Bazels call those otherwise, and have an output base of their
    own. One that is `fresh`, as all are in other modules, has a server that no other test has.
    """
    shares = request.module.__name__.rpartition(".")[2] in _SHARING
    places: dict[str, Path] = {}
    fresh_ones: list[Workspace] = []

    def make(
        files: Mapping[str, str | bytes],
        *,
        module: str = "",
        name: str = "workspace",
        environment: Mapping[str, str] | None = None,
        fresh: bool = False,
    ) -> Workspace:
        own = {"CGO_PREBUILT_CACHE": str(tmp_path / "store"), **(environment or {})}
        if fresh or not shares:
            one = make_workspace(
                tmp_path / name, bazel_tools, files, module, own, newer=newer_bazel
            )
            fresh_ones.append(one)
            return one
        if name not in places:
            # Each path has another length.
            deeper = ["deeper"] * len(places)
            mode = "newer" if newer_bazel else "as-it-is"
            places[name] = Path(bazel_tools.folder, mode, *deeper, "workspace")
            if places[name] in kept_workspaces:
                earlier = kept_workspaces[places[name]]
                earlier.write({".bazelrc": ""})  # whatever it said of builds
                earlier.bazel("clean").checked()
                remove(earlier.path)
        one = make_workspace(places[name], bazel_tools, files, module, own, newer=newer_bazel)
        kept_workspaces[one.path] = one
        return one

    yield make
    ending_servers.extend(one.start_shutdown() for one in fresh_ones)


@pytest.fixture
def archive_server(tmp_path: Path) -> Iterator[ArchiveServer]:
    """A server of the files in its `folder`, which is empty at first."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as server:
        yield server


@pytest.fixture
def native_release(tmp_path: Path, archive_server: ArchiveServer) -> NativeRelease:
    """The release of a library `answer`, of which nothing is built yet."""
    return NativeRelease(tmp_path / "answer", archive_server, "answer")
