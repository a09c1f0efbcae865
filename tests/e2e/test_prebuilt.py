"""The main path, with a real Bazel: a lock, a hub, a spoke, a fetch, a link."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release

ANSWER = "the answer is 42\n"


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(platforms=("linux_amd64", "linux_arm64", "darwin_arm64"))
    return made


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE,
        name=name,
    )


@pytest.mark.own_server
def test_the_first_build_requests_this_platforms_archive_and_later_builds_nothing(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    assert made.bazel("run", "//:main_cc").checked().stdout == ANSWER
    assert [(r.method, r.path) for r in release.server.requests] == [
        ("GET", "/" + release.archive("linux_amd64"))
    ]

    release.server.requests.clear()
    assert made.bazel("run", "//:main_go").checked().stdout == ANSWER
    # `clean` would fail while a server still deletes sandboxes.
    made.bazel("shutdown").checked()
    made.bazel("clean", "--expunge").checked()
    assert made.bazel("run", "//:main_cc").checked().stdout == ANSWER
    another = consumer(workspace, release, "another")
    assert another.bazel("run", "//:main_cc").checked().stdout == ANSWER
    assert release.server.requests == []

    # The second workspace hard-linked the store's files, which changes their ctime.
    again = made.bazel("build", "//:main_cc").checked()
    assert "1 process: 1 internal" in again.stderr, again.stderr


def test_a_changed_byte_on_the_server_fails_the_build_and_leaves_nothing(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    archive = release.server.folder / release.archive("linux_amd64")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)

    failed = consumer(workspace, release).bazel("build", "//:main_cc")

    assert failed.code != 0
    assert "(integrity)" in failed.stderr
    assert f"{release.server.url}/{archive.name}" in failed.stderr
    assert "next: " in failed.stderr
    assert not list(tmp_path.glob("store/v1/trees/*"))


@pytest.mark.both_modes
def test_an_edited_lock_is_fetched_anew(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release)
    made.bazel("build", "//:main_cc").checked()
    release.publish(answer=43)
    made.write({"answer.lock.json": release.lock.read_bytes()})
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 43\n"
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]


@pytest.mark.both_modes
def test_an_edit_of_another_platform_in_the_lock_fetches_nothing(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    made.bazel("build", "//:main_cc").checked()
    release.publish(platforms=("linux_amd64", "windows_amd64"))
    made.write({"answer.lock.json": release.lock.read_bytes()})
    assert made.bazel("run", "//:main_cc").checked().stdout == ANSWER
    assert release.server.requests == []


def test_another_platform_selects_its_spoke_and_leaves_the_hosts_alone(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    found = made.bazel("cquery", "deps(@answer)", "--platforms=//:linux_arm64").checked()
    assert "answer__linux_arm64//:lib/libanswer.a" in found.stdout
    assert "linux_amd64//" not in found.stdout
    assert release.server.paths() == ["/" + release.archive("linux_arm64")]
    # A query follows every branch of a select(), and `fetch --all` names no target, as docs/consume.md says.
    made.bazel("query", "deps(@answer)").checked()
    every = {"/" + release.archive(name) for name in ("darwin_arm64", "linux_amd64", "linux_arm64")}
    assert set(release.server.paths()) == every
    release.server.requests.clear()
    again = consumer(workspace, release, "again")
    store = {"CGO_PREBUILT_CACHE": str(again.path.parent / "store-of-again")}
    again.bazel("fetch", "//...", env=store).checked()
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]
    again.bazel("fetch", "--all", env=store)  # other modules' repositories may need a network
    assert set(release.server.paths()) == every


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        (["--platforms=//:windows_amd64"], "//:windows_amd64, which is windows_amd64"),
        (["--platforms=//:linux_amd64_musl"], "//:linux_amd64_musl, which is linux_amd64_musl"),
        (["--@rules_cgo_prebuilt//rules/libc=musl"], "host_platform, which is linux_amd64_musl"),
    ],
    ids=["operating system", "musl by platform", "musl by flag"],
)
def test_an_unsupported_platform_fails_at_analysis_with_the_supported_ones(
    workspace: MakeWorkspace, release: Release, flags: list[str], asked: str
) -> None:
    failed = consumer(workspace, release).bazel("cquery", "@answer", *flags)
    assert failed.code != 0
    assert "answer has no prebuilt for the platform" in failed.stderr
    assert asked in failed.stderr
    assert "it has: darwin_arm64, linux_amd64, linux_arm64" in failed.stderr
    added = asked.rpartition(" ")[2]
    assert f"add `{added}: {{}}` under 'platforms' in the library's prebuilt.yaml" in failed.stderr
    assert "cgo-prebuilt lock" in failed.stderr
    assert release.server.requests == []


def test_the_host_platform_that_knows_the_c_library_selects_the_hosts_prebuilt(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    host = "--host_platform=@rules_cgo_prebuilt//rules/host"
    assert made.bazel("run", "//:main_cc", host).checked().stdout == ANSWER
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]


_MUSL_MACHINE = """
source = use_extension("@rules_cgo_prebuilt//rules/source:extensions.bzl", "source")
override_repo(source, rules_cgo_prebuilt_host_libc = "musl_machine")
local_repository = use_repo_rule("@bazel_tools//tools/build_defs/repo:local.bzl", "local_repository")
local_repository(name = "musl_machine", path = "musl_machine")
"""


def test_a_machine_with_musl_is_not_given_an_archive_for_glibc(
    workspace: MakeWorkspace, release: Release
) -> None:
    """The detection of the C library is replaced by its result on Alpine."""
    made = consumer(workspace, release)
    module = (made.path / "MODULE.bazel").read_text()
    made.write(
        {
            "MODULE.bazel": module + _MUSL_MACHINE,
            "musl_machine/REPO.bazel": "",
            "musl_machine/BUILD.bazel": "",
            "musl_machine/libc.bzl": 'HOST_LIBC = "musl"\n',
        }
    )
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "host_platform, which is linux_amd64_musl" in failed.stderr
    assert "add `linux_amd64_musl: {}` under 'platforms'" in failed.stderr
    # If the target is not the host platform, the host's C library does not matter.
    for other in ("--platforms=//:linux_amd64", "--@rules_cgo_prebuilt//rules/libc=glibc"):
        assert made.bazel("run", "//:main_cc", other).checked().stdout == ANSWER
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]


@pytest.mark.both_modes
def test_a_plain_go_build_works_under_cgo_env(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release)
    # Many modules name the library themselves, as an option that needs its folder.
    program = MAIN_GO.replace("// #include", "// #cgo LDFLAGS: -lanswer\n// #include", 1)
    made.write({"cmd/main.go": program, "go.mod": "module example.com/main\n\ngo 1.20\n"})
    go = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    exports = made.bazel("run", "@answer//:cgo_env").checked().stdout
    (made.path / "env.sh").write_text(exports)
    by_eval = made.in_root("sh", "-c", ". ./env.sh && go run ./cmd", env=go).checked()
    assert by_eval.stdout == ANSWER
    by_run = made.bazel("run", "@answer//:cgo_env", "--", "go", "run", "./cmd", env=go).checked()
    assert by_run.stdout == ANSWER


def test_a_mirror_replaces_every_url_and_gets_all_requests(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(release.server.folder, mirror)
    made = consumer(workspace, release)
    built = made.bazel("run", "//:main_cc", env={"CGO_PREBUILT_MIRROR": mirror.as_uri()})
    assert built.checked().stdout == ANSWER
    assert release.server.requests == []


def test_a_missing_release_fails_with_the_url_and_the_next_step(
    workspace: MakeWorkspace, release: Release
) -> None:
    (release.server.folder / release.archive("linux_amd64")).unlink()
    failed = consumer(workspace, release).bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "(unavailable)" in failed.stderr
    assert f"{release.server.url}/{release.archive('linux_amd64')}" in failed.stderr
    assert "404" in failed.stderr


@pytest.mark.own_server
@pytest.mark.both_modes
def test_the_module_lock_file_is_the_same_on_every_machine_and_names_no_host(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    made.bazel("build", "//:main_cc").checked()
    text = (made.path / "MODULE.bazel.lock").read_text()
    assert "rules_cgo_prebuilt" not in text or str(made.path) not in text
    before = text
    made.bazel("cquery", "@answer", "--platforms=//:linux_arm64").checked()
    assert (made.path / "MODULE.bazel.lock").read_text() == before
