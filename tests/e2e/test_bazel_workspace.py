"""Test what the end-to-end tests rely on: Bazel, its root if it has one, and the server."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import pytest

from tests.bazel.debian_root import provide_root
from tests.bazel.newest import newest_of
from tests.e2e.archive_server import ArchiveServer, Request
from tests.e2e.bazel_workspace import REGISTRY, Tools
from tests.e2e.conftest import MakeWorkspace

pytestmark = pytest.mark.own_server


@pytest.fixture
def in_root(bazel_tools: Tools) -> str:
    if bazel_tools.bazel.in_root is None:
        pytest.skip("this machine's own Bazel is used, which needs no root folder")
    return bazel_tools.bazel.in_root


def _get(server: ArchiveServer, path: str, **headers: str) -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.getheader("Content-Range")
    connection.close()
    return answer


def test_a_cpp_program_is_built_and_run(workspace: MakeWorkspace) -> None:
    made = workspace(
        {
            "BUILD.bazel": """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "hello",
    srcs = ["hello.cc"],
)
""",
            "hello.cc": '#include <iostream>\nint main() { std::cout << "hello" << std::endl; }\n',
        }
    )
    assert made.bazel("run", "//:hello").checked().stdout == "hello\n"


def test_the_modules_are_the_newest_of_a_registry(workspace: MakeWorkspace) -> None:
    if not REGISTRY:
        pytest.skip(
            "CGO_PREBUILT_TEST_REGISTRY names no registry: no test runs with the newest modules"
        )
    asked = (workspace({}).path / "MODULE.bazel").read_text()
    for name, version in newest_of(REGISTRY).items():
        if name not in ("gazelle", "rules_go"):
            assert f'name = "{name}", version = "{version}"' in asked


def test_a_bazel_in_a_root_knows_its_version(in_root: str, workspace: MakeWorkspace) -> None:
    """bazel_features assumes that a Bazel without a version is the newest one."""
    made = workspace({})
    release = made.bazel("info", "release").checked().stdout
    assert release == f"release {made.tools.bazel.version}\n"


def test_a_later_command_reaches_the_same_server(workspace: MakeWorkspace) -> None:
    made = workspace({})
    first = made.bazel("info", "server_pid").checked().stdout
    assert made.bazel("info", "server_pid").checked().stdout == first


def test_a_failed_build_has_an_exit_code(workspace: MakeWorkspace) -> None:
    result = workspace({}).bazel("build", "//:absent")
    assert result.code == 1
    assert "BUILD" in result.stderr


def test_the_callers_environment_does_not_affect_the_fetcher(
    workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_OFFLINE", "1")
    printed = workspace({}, environment={"CGO_OF_THE_TEST": "yes"}).in_root("env").checked().stdout
    assert "CGO_PREBUILT_OFFLINE" not in printed
    assert "CGO_OF_THE_TEST=yes" in printed


def test_the_root_holds_the_tools_and_sees_the_hosts_files(
    workspace: MakeWorkspace, in_root: str
) -> None:
    made = workspace({"a file": "text"})
    assert made.in_root("cat", "a file").checked().stdout == "text"
    tools = made.in_root("which", "bazel", "cargo", "gcc", "go", "python3").checked().stdout
    assert set(tools.split()) == {
        f"/usr/bin/{n}" for n in ["bazel", "cargo", "gcc", "go", "python3"]
    }


def test_the_root_leaves_nothing_mounted_on_the_host(
    workspace: MakeWorkspace, in_root: str
) -> None:
    made = workspace({})
    made.bazel("info", "server_pid").checked()  # its server is still there
    root = str(Path(in_root).parents[1])
    assert root not in Path("/proc/self/mountinfo").read_text()
    made.in_root("touch", "seen").checked()
    assert (made.path / "seen").exists()


def test_an_existing_root_is_not_created_again(in_root: str) -> None:
    made = Path(in_root).parents[1]
    before = (made / "root").stat().st_ino
    assert provide_root(made.parent) == made
    assert (made / "root").stat().st_ino == before


def test_the_root_has_its_own_system_folders(in_root: str, workspace: MakeWorkspace) -> None:
    release = workspace({}).in_root("cat", "/etc/os-release").checked().stdout
    root = Path(in_root).parents[1] / "root"
    assert release == (root / "usr/lib/os-release").read_text()


def test_the_server_serves_its_folder_and_remembers_the_requests(
    archive_server: ArchiveServer,
) -> None:
    (archive_server.folder / "a.tar").write_bytes(b"0123456789")
    assert _get(archive_server, "/a.tar") == (200, b"0123456789", None)
    assert _get(archive_server, "/a.tar", Range="bytes=4-") == (206, b"456789", "bytes 4-9/10")
    assert _get(archive_server, "/a.tar", Range="bytes=2-3") == (206, b"23", "bytes 2-3/10")
    assert _get(archive_server, "/b.tar")[0] == 404
    assert archive_server.requests == [
        Request("GET", "/a.tar"),
        Request("GET", "/a.tar", "bytes=4-"),
        Request("GET", "/a.tar", "bytes=2-3"),
        Request("GET", "/b.tar"),
    ]
    assert archive_server.paths() == ["/a.tar", "/b.tar"]


def test_the_server_keeps_to_its_folder(archive_server: ArchiveServer) -> None:
    (archive_server.folder.parent / "secret").write_text("x")
    assert _get(archive_server, "/../secret")[0] == 404
    assert _get(archive_server, "/%2e%2e/secret")[0] == 404


def test_a_program_in_the_root_reaches_the_server(
    archive_server: ArchiveServer, workspace: MakeWorkspace
) -> None:
    (archive_server.folder / "a").write_text("served")
    script = f"import urllib.request as u; print(u.urlopen('{archive_server.url}/a').read())"
    no_proxy = {name: "" for name in os.environ if name.lower() == "http_proxy"}
    result = workspace({}).in_root("python3", "-c", script, env=no_proxy)
    assert result.checked().stdout == "b'served'\n"
