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
from tests.e2e.bazel_workspace import Tools, Workspace, empty_folder, make_workspace
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
    for path in folder.rglob("*"):  # Bazel makes its outputs read-only
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


_LIKE_NEWER = frozenset({"test_flavors", "test_prebuilt"})
"""Modules whose workspaces build as newer Bazels do by default; others build as this one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose a test's Bazel mode; for the mark `both_modes`, add a slow test in the other mode."""
    if "workspace" not in metafunc.fixturenames:
        return
    like_newer = metafunc.module.__name__.rpartition(".")[2] in _LIKE_NEWER
    is_both = any(metafunc.definition.iter_markers("both_modes"))
    if like_newer or is_both:
        names = {True: "newer", False: "as it is"}
        modes = [pytest.param(like_newer, id=names[like_newer])]
        if is_both:
            other = pytest.param(not like_newer, id=names[not like_newer], marks=pytest.mark.slow)
            modes.append(other)
        metafunc.parametrize("newer_bazel", modes, indirect=True)


@pytest.fixture
def newer_bazel(request: pytest.FixtureRequest) -> bool:
    """Whether Bazel behaves as newer ones do: always with CGO_PREBUILT_TEST_NEWER_BAZEL=1."""
    return bool(getattr(request, "param", os.environ.get("CGO_PREBUILT_TEST_NEWER_BAZEL")))


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    """The release v1.0.0 of `answer`, which is published, in the maintainer's folder."""
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish()
    return made


@pytest.fixture(scope="session")
def idle_workspaces(
    bazel_tools: Tools,  # which is taken down after this
    ending_servers: list[subprocess.Popen[bytes]],
) -> Iterator[dict[bool, list[Workspace]]]:
    """Workspaces with a warm Bazel server that no test uses now, by their flags: newer, or not."""
    idle: dict[bool, list[Workspace]] = {True: [], False: []}
    yield idle
    ending_servers.extend(one.start_shutdown() for ones in idle.values() for one in ones)


@pytest.fixture
def workspace(
    request: pytest.FixtureRequest,
    bazel_tools: Tools,
    tmp_path: Path,
    ending_servers: list[subprocess.Popen[bytes]],
    idle_workspaces: dict[bool, list[Workspace]],
    newer_bazel: bool,
) -> Iterator[MakeWorkspace]:
    """Makes workspaces, each with a Bazel server of its own, and passes them on after the test.

    A workspace takes over an earlier test's folder, server and output base, without its files and
    outputs. Bazel fetches a repository again only if what it depends on changed; a library's depends
    on the store, which is the test's own. With the mark `own_server`, nothing is taken over, and the
    servers end after the test.
    """
    shares = request.node.get_closest_marker("own_server") is None
    idle = idle_workspaces[newer_bazel]
    made = []

    def make(
        files: Mapping[str, str | bytes],
        *,
        module: str = "",
        name: str = "workspace",
        environment: Mapping[str, str] | None = None,
    ) -> Workspace:
        own = {"CGO_PREBUILT_CACHE": str(tmp_path / "store"), **(environment or {})}
        path = tmp_path / name
        is_used = shares and bool(idle)
        if is_used:
            path = idle.pop().path
            empty_folder(path)
        elif shares:
            path = Path(tempfile.mkdtemp(dir=bazel_tools.folder))
        one = make_workspace(path, bazel_tools, files, module, own, newer=newer_bazel)
        made.append(one)
        if is_used:
            one.bazel("clean").checked()
        return one

    yield make
    if shares:
        idle.extend(made)
    else:
        ending_servers.extend(one.start_shutdown() for one in made)


@pytest.fixture
def archive_server(tmp_path: Path) -> Iterator[ArchiveServer]:
    """A server of the files in its `folder`, which is empty at first."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as server:
        yield server


@pytest.fixture
def native_release(tmp_path: Path, archive_server: ArchiveServer) -> NativeRelease:
    """The release of a library `answer`; nothing of it is built yet."""
    return NativeRelease(tmp_path / "answer", archive_server, "answer")
