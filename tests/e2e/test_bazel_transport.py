"""`transport = "bazel"`: Bazel downloads in each of its ways; the fetcher verifies and extracts."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.e2e.bazel_workspace import Result, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release

ANSWER = "the answer is 42\n"
BY_BAZEL = ', transport = "bazel"'

_SOURCE = """\
source:
  path: native
  build: {tool: make}
  static_library: libanswer.a
  headers: [include/answer.h]
"""
_NATIVE = {
    "native/answer.c": "int answer(void) { return 43; }\n",
    "native/Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n",
    "native/include/answer.h": '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n',
}


@pytest.fixture
def caches(tmp_path: Path) -> dict[str, str]:
    """Return the options for an empty repository cache."""
    return {"--repository_cache": str(tmp_path / "repositories")}


def consumer(
    workspace: MakeWorkspace,
    release: Release,
    name: str = "consumer",
    tag: str = BY_BAZEL,
    environment: Mapping[str, str] | None = None,
) -> Workspace:
    """A workspace with a store of its own, so that nothing comes from another's."""
    store = release.folder.parent / f"store-of-{name}"
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE.replace('.lock.json"', f'.lock.json"{tag}'),
        name=name,
        environment={"CGO_PREBUILT_CACHE": str(store), **(environment or {})},
    )


def run(
    made: Workspace, caches: Mapping[str, str], *flags: str, env: Mapping[str, str] | None = None
) -> Result:
    options = [f"{name}={value}" for name, value in caches.items()]
    return made.bazel("run", "//:main_cc", *options, *flags, env=env)


def archive_of(release: Release) -> Path:
    return release.server.folder / release.archive("linux_amd64")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.both_modes
def test_the_archive_comes_once_and_then_from_the_repository_cache(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str], tmp_path: Path
) -> None:
    first = consumer(workspace, release)
    assert run(first, caches).checked().stdout == ANSWER
    assert [(r.method, r.path) for r in release.server.requests] == [
        ("GET", "/" + release.archive("linux_amd64"))
    ]
    content = archive_of(release).read_bytes()
    cached = tmp_path / "repositories/content_addressable/sha256"
    assert (cached / hashlib.sha256(content).hexdigest() / "file").read_bytes() == content
    base = Path(first.bazel("info", "output_base").checked().stdout.strip())
    (spoke,) = base.glob("external/*answer__linux_amd64")
    assert not list(spoke.glob(".cgo-prebuilt*"))

    release.server.requests.clear()
    second = consumer(workspace, release, "second")
    assert run(second, caches).checked().stdout == ANSWER
    offline = consumer(workspace, release, "offline", environment={"CGO_PREBUILT_OFFLINE": "1"})
    assert run(offline, caches).checked().stdout == ANSWER
    assert release.server.requests == []


def test_a_library_in_the_store_is_not_downloaded(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    store = {"CGO_PREBUILT_CACHE": str(release.folder / "shared-store")}
    run(consumer(workspace, release, environment=store, tag=""), caches).checked()
    release.server.requests.clear()
    assert run(consumer(workspace, release, "second", environment=store), caches).code == 0
    assert release.server.requests == []


def test_a_distdir_serves_the_archive_with_downloads_forbidden(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str], tmp_path: Path
) -> None:
    shutil.copytree(release.server.folder, tmp_path / "dist")
    forbidden = ("--repository_disable_download", f"--distdir={tmp_path}/dist")
    assert run(consumer(workspace, release), caches, *forbidden).checked().stdout == ANSWER
    assert release.server.requests == []


def test_the_downloader_config_rewrites_the_url(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str], tmp_path: Path
) -> None:
    made = consumer(workspace, release)
    moved = release.server.folder / "moved"
    moved.mkdir()
    archive_of(release).rename(moved / release.archive("linux_amd64"))
    host = release.server.url.removeprefix("http://")
    (tmp_path / "rules").write_text(f"rewrite {host}/(.*) {host}/moved/$1\n")
    built = run(made, caches, f"--experimental_downloader_config={tmp_path}/rules")
    assert built.checked().stdout == ANSWER
    assert release.server.paths() == ["/moved/" + release.archive("linux_amd64")]


@pytest.mark.both_modes
def test_a_credential_helper_is_asked(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str], tmp_path: Path
) -> None:
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\ncat >> {tmp_path}/asked\necho '{{\"headers\": {{}}}}'\n")
    helper.chmod(0o755)
    built = run(consumer(workspace, release), caches, f"--credential_helper={helper}")
    assert built.checked().stdout == ANSWER
    url = f"{release.server.url}/{release.archive('linux_amd64')}"
    assert url in (tmp_path / "asked").read_text().replace("\\/", "/")


def test_credentials_come_from_netrc(
    workspace: MakeWorkspace,
    release: Release,
    caches: Mapping[str, str],
    tmp_path: Path,
    httpserver: HTTPServer,
) -> None:
    file = release.archive("linux_amd64")
    known = {"Authorization": "Basic " + base64.b64encode(b"ci:secret").decode()}
    asked = httpserver.expect_request(f"/private/{file}", headers=known)
    asked.respond_with_data(archive_of(release).read_bytes())
    (tmp_path / "netrc").write_text(f"machine {httpserver.host} login ci password secret\n")
    environment = {
        "CGO_PREBUILT_MIRROR": httpserver.url_for("/private"),
        "NETRC": str(tmp_path / "netrc"),
    }
    built = run(consumer(workspace, release, environment=environment), caches)
    assert built.checked().stdout == ANSWER
    assert release.server.requests == []


def test_forbidden_downloads_fail_with_the_url_and_the_next_step(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    failed = run(consumer(workspace, release), caches, "--repository_disable_download")
    assert failed.code != 0
    file = release.archive("linux_amd64")
    for words in (
        "answer v1.0.0 for linux_amd64 could not be fetched (unavailable)",
        f"Bazel could not download {file}",
        f"at: {release.server.url}/{file}",
        "next: see Bazel's warnings above",
        "--distdir",
    ):
        assert words in failed.stderr
    assert release.server.requests == []


@pytest.mark.own_server
def test_offline_uses_bazels_caches_only(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    made = consumer(workspace, release, environment={"CGO_PREBUILT_OFFLINE": "1"})
    failed = run(made, caches)
    assert failed.code != 0
    assert "next: there is no URL to try (offline, " in failed.stderr
    assert release.server.requests == []


def test_wrong_bytes_fail_with_the_fetchers_message(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    damage(archive_of(release))
    folder = release.server.folder.as_uri()
    made = consumer(workspace, release, environment={"CGO_PREBUILT_MIRROR": folder})
    failed = run(made, caches)
    assert failed.code != 0
    file = release.archive("linux_amd64")
    for words in (
        "answer v1.0.0 for linux_amd64 could not be fetched (integrity)",
        f"{file} has wrong bytes",
        f"Bazel downloaded it from: {folder}/{file}",
    ):
        assert words in failed.stderr

    # For an http URL, Bazel reports it in its own words.
    failed = run(made, caches, env={"CGO_PREBUILT_MIRROR": release.server.url})
    assert failed.code != 0
    assert "Checksum was" in failed.stderr
    assert "a wrong checksum is one" in failed.stderr
    assert not list(release.folder.parent.glob("store-of-consumer/v1/trees/*"))


def test_a_mirror_replaces_every_url_and_fails_closed(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str], tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    made = consumer(workspace, release)
    mirrored = {"CGO_PREBUILT_MIRROR": mirror.as_uri()}
    failed = run(made, caches, env=mirrored)
    assert failed.code != 0
    assert f"at: {mirror.as_uri()}" in failed.stderr
    shutil.copy(archive_of(release), mirror)
    assert run(made, caches, env=mirrored).checked().stdout == ANSWER
    assert release.server.requests == []


def test_a_missing_archive_is_built_from_source_by_policy(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    release.publish(from_source=_SOURCE)
    archive_of(release).unlink()
    made = consumer(workspace, release)
    made.write(_NATIVE)
    built = run(made, caches).checked()
    assert built.stdout == "the answer is 43\n"
    assert "falling back to building from source" in built.stderr
    assert "Bazel could not download" in built.stderr


@pytest.mark.both_modes
def test_a_source_archive_is_downloaded_by_bazel_too(
    workspace: MakeWorkspace, release: Release, caches: Mapping[str, str]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in _NATIVE.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    (release.server.folder / "native.tar.gz").write_bytes(buffer.getvalue())
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    origin = f"url: {release.server.url}/native.tar.gz\n  sha256: {sha256}\n  strip_prefix: native"
    release.publish(platforms=("linux_arm64",), from_source=_SOURCE.replace("path: native", origin))
    built = run(consumer(workspace, release), caches)
    assert built.checked().stdout == "the answer is 43\n"
    assert release.server.paths() == ["/native.tar.gz"]

    release.server.requests.clear()
    second = consumer(workspace, release, "second")
    assert run(second, caches, "--repository_disable_download").code == 0
    assert release.server.requests == []
