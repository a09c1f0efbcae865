"""From a built library to a program of a consumer: pack, publish, lock, fetch, link."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests.e2e.bazel_workspace import REPOSITORY, Result
from tests.e2e.compilers import static_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import cgo_prebuilt
from tests.github_server import GitHubServer, broken_off_after, problem

EXAMPLE = REPOSITORY / "examples" / "vecsearch"
SLUG = "acme/vec"
ANSWER = "vecsearch 0.3.0: the 3 nearest of 1000 vectors"

_PLATFORMS = ("linux_amd64", "linux_arm64")

_MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "vecsearch", lock = "//:prebuilt.lock.json", origin = "prebuilt")
use_repo(prebuilt, "vecsearch")
"""


class Maintainer:
    """Somebody who publishes a library from a folder."""

    def __init__(self, folder: Path, github: GitHubServer) -> None:
        self.folder = folder
        self.github = github
        folder.mkdir()

    def run(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Result:
        own = {
            **self.github.environment,
            "CGO_PREBUILT_CACHE": str(self.folder / "store"),
            **(env or {}),
        }
        return cgo_prebuilt(*arguments, cwd=self.folder, env=own)

    def publish(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        command = ("publish", "prebuilt.yaml", "--dist", "dist", "--repo", SLUG)
        return self.run(*command, "--tag", "v0.3.0", *arguments, env=env)


@pytest.fixture
def github(httpserver: HTTPServer) -> GitHubServer:
    return GitHubServer(httpserver)


def small_release(folder: Path, github: GitHubServer, *versions: str) -> Maintainer:
    """A maintainer whose library is two text files; what is in them depends on the version."""
    maintainer = Maintainer(folder, github)
    (folder / "prebuilt.yaml").write_text(
        "# who it is\n"
        "name: vec\n"
        "version: v0.3.0 # the newest\n"
        f"urls: ['{github.url}/{SLUG}/releases/download/{{version}}/{{file}}']\n"
        "archives: [{file: 'vec-{version}-{platform}.tar.gz'}]\n"
        "static_library: lib/libvec.a\n"
        "headers: [include/**]\n"
        "platforms: {linux_amd64: {}, linux_arm64: {}}\n"
    )
    for version in versions:
        release = github.release(version)
        for platform in ("linux_amd64", "linux_arm64"):
            built = folder / version / platform
            for name in ("lib/libvec.a", "include/vec.h"):
                (built / name).parent.mkdir(parents=True, exist_ok=True)
                (built / name).write_text(f"// {version} {platform} {name}\n")
            archive = folder / f"vec-{version}-{platform}.tar.gz"
            subprocess.run(["tar", "-czf", archive, "-C", built, "lib", "include"], check=True)
            github.add(release, archive.name, archive.read_bytes())
    return maintainer


def _build(maintainer: Maintainer) -> None:
    """Compiles the example's crate for this machine; zig, for an object of the other platform."""
    out = maintainer.folder / "out"
    target = maintainer.folder / "target"
    command = ["cargo", "build", "--quiet", "--release", "--locked"]
    variables = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(command, cwd=EXAMPLE / "native", env=variables, check=True)
    header = (EXAMPLE / "native/include/vecsearch.h").read_bytes()
    for platform in _PLATFORMS:
        for folder in ("lib", "include"):
            (out / platform / folder).mkdir(parents=True)
        (out / platform / "include/vecsearch.h").write_bytes(header)
    library = (target / "release/libvecsearch.a").read_bytes()
    (out / "linux_amd64/lib/libvecsearch.a").write_bytes(library)
    stub = "int vecsearch_stub(void) { return 0; }\n"
    static_library("linux_arm64", stub, out / "linux_arm64/lib/libvecsearch.a")


def test_the_example_is_built_packed_published_locked_and_linked_by_bazel(
    github: GitHubServer, workspace: MakeWorkspace, tmp_path: Path
) -> None:
    maintainer = Maintainer(tmp_path / "maintainer", github)
    _build(maintainer)
    manifest = yaml.safe_load((EXAMPLE / "prebuilt.yaml").read_text())
    manifest["urls"] = [f"{github.url}/{SLUG}/releases/download/{{version}}/{{file}}"]
    manifest["platforms"] = {name: manifest["platforms"][name] for name in _PLATFORMS}
    del manifest["source"]
    (maintainer.folder / "prebuilt.yaml").write_text(yaml.safe_dump(manifest))
    for platform in _PLATFORMS:
        command = ("pack", "prebuilt.yaml", "--platform", platform, "--output", "dist")
        maintainer.run(*command, "--from", f"out/{platform}").checked()

    # A broken connection and a rate limit do not prevent publishing.
    github.trouble("linux_arm64.tar.zst", broken_off_after("starter", github))
    github.trouble("POST", lambda request: problem(429, "slow down", Retry_After="0"))
    done = maintainer.publish().checked()
    assert done.stdout == f"{github.url}/{SLUG}/releases/tag/v0.3.0\n"
    assert sorted(github.contents("v0.3.0")) == [
        "SHA256SUMS",
        "vecsearch-v0.3.0-linux_amd64.tar.zst",
        "vecsearch-v0.3.0-linux_arm64.tar.zst",
    ]
    locked = maintainer.run("lock", "prebuilt.yaml").checked()
    assert "cross-checked with " in locked.stderr
    assert "  published 2026-11-02\n" in locked.stderr
    assert "/SHA256SUMS" in locked.stderr
    assert "/releases/tag/v0.3.0" in locked.stderr

    github.requests.clear()
    consumer = workspace(
        {
            "BUILD.bazel": 'exports_files(["prebuilt.lock.json"])\n',
            "prebuilt.lock.json": (maintainer.folder / "prebuilt.lock.json").read_bytes(),
            "cpp/BUILD.bazel": (EXAMPLE / "cpp/BUILD.bazel").read_bytes(),
            "cpp/search.cc": (EXAMPLE / "cpp/search.cc").read_bytes(),
        },
        module=_MODULE,
    )
    assert consumer.bazel("run", "//cpp:search").checked().stdout.splitlines()[0] == ANSWER
    assert github.requests == [
        f"GET /{SLUG}/releases/download/v0.3.0/vecsearch-v0.3.0-linux_amd64.tar.zst"
    ]


# The verbs, with a small library.


def test_publishing_again_is_harmless_and_other_bytes_are_refused(
    github: GitHubServer, tmp_path: Path
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github)
    for platform in ("linux_amd64", "linux_arm64"):
        built = maintainer.folder / platform
        for name in ("lib/libvec.a", "include/vec.h"):
            (built / name).parent.mkdir(parents=True, exist_ok=True)
            (built / name).write_bytes(b"!<arch>\n" if name.endswith(".a") else platform.encode())
        pack = ("pack", "prebuilt.yaml", "--platform", platform, "--output", "dist")
        maintainer.run(*pack, "--from", platform).checked()
    first = maintainer.publish("--json").checked()
    assert len(json.loads(first.stdout)["sent"]) == 3
    assert "uploaded vec-v0.3.0-linux_amd64.tar.gz" in first.stderr
    second = maintainer.publish().checked()
    assert second.stderr.count(": there already") == 3

    (maintainer.folder / "linux_amd64/include/vec.h").write_text("changed")
    pack = ("pack", "prebuilt.yaml", "--platform", "linux_amd64", "--output", "dist")
    maintainer.run(*pack, "--from", "linux_amd64").checked()
    refused = maintainer.publish()
    assert refused.code == 4
    assert (
        "published already, with other bytes: vec-v0.3.0-linux_amd64.tar.gz, SHA256SUMS"
        in refused.stderr
    )

    to_folder = maintainer.run("publish", "prebuilt.yaml", "--dist", "dist", "--to", "elsewhere")
    assert to_folder.checked().stdout == "elsewhere\n"
    assert len(list((maintainer.folder / "elsewhere").iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ((), {"GITHUB_TOKEN": "", "GH_TOKEN": ""}, "there is no token to publish with"),
        (("--repo", "vec"), {}, "--repo vec is not a repository"),
        ((), {}, "SHA256SUMS lacks vec-v0.3.0-linux_amd64.tar.gz"),
    ],
)
def test_an_impossible_publication_fails_before_any_request(
    github: GitHubServer,
    tmp_path: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    message: str,
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github)
    dist = maintainer.folder / "dist"
    dist.mkdir()
    if "lacks" not in message:
        names = [f"vec-v0.3.0-{platform}.tar.gz" for platform in ("linux_amd64", "linux_arm64")]
        for name in names:
            (dist / name).write_bytes(b"")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        (dist / "SHA256SUMS").write_text("".join(f"{empty}  {name}\n" for name in names))
    failed = maintainer.publish(*arguments, env=environment)
    assert failed.code == 2
    assert message in failed.stderr
    assert "next: " in failed.stderr
    assert github.requests == []


def test_an_update_locks_the_new_version_keeps_the_old_and_says_what_changed(
    github: GitHubServer, tmp_path: Path
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github, "v0.3.0", "v0.3.1")
    first = maintainer.run("lock", "prebuilt.yaml").checked()
    assert "+ v0.3.0:" in first.stderr
    updated = maintainer.run("lock", "prebuilt.yaml", "--update", "v0.3.1").checked()
    assert "+ v0.3.1, compared with v0.3.0:" in updated.stderr
    assert "      ~ lib/libvec.a, 35 B" in updated.stderr
    assert "default version: v0.3.0 -> v0.3.1" in updated.stderr
    lock = json.loads((maintainer.folder / "prebuilt.lock.json").read_text())
    assert (list(lock["versions"]), lock["default_version"]) == (["v0.3.0", "v0.3.1"], "v0.3.1")
    manifest = (maintainer.folder / "prebuilt.yaml").read_text()
    assert "version: v0.3.1 # the newest\n" in manifest
    assert manifest.startswith("# who it is\n")
    maintainer.run("lock", "prebuilt.yaml", "--check").checked()
    again = maintainer.run("lock", "prebuilt.yaml", "--version", "v0.3.0", "--version", "v0.3.1")
    assert "nothing changed" in again.checked().stderr


def test_a_lock_is_stale_when_a_published_file_changed(
    github: GitHubServer, tmp_path: Path
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github, "v0.3.0")
    maintainer.run("lock", "prebuilt.yaml").checked()
    release = github.releases[0]
    release.assets[0].content = release.assets[1].content
    stale = maintainer.run("lock", "prebuilt.yaml", "--check")
    assert stale.code == 1
    assert "! v0.3.0 has changed:" in stale.stderr


@pytest.mark.parametrize("liar", ["SHA256SUMS", "GitHub"])
def test_a_release_that_contradicts_its_own_hashes_is_not_locked(
    github: GitHubServer, tmp_path: Path, liar: str
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github, "v0.3.0")
    name = "vec-v0.3.0-linux_amd64.tar.gz"
    if liar == "SHA256SUMS":
        github.add(github.releases[0], "SHA256SUMS", f"{'0' * 64}  {name}\n".encode())
    else:
        # What is downloaded is not what was uploaded.
        served = github.contents("v0.3.0")["vec-v0.3.0-linux_arm64.tar.gz"]
        download = f"GET /{SLUG}/releases/download/v0.3.0/{name}"
        from werkzeug import Response

        github.trouble(download, lambda request: Response(served))
    refused = maintainer.run("lock", "prebuilt.yaml")
    assert refused.code == 4
    assert re.search(f"{name} has the SHA-256 [0-9a-f]{{64}}, not [0-9a-f]{{64}}", refused.stderr)
    assert not (maintainer.folder / "prebuilt.lock.json").exists()


def test_only_the_mirror_gets_requests(github: GitHubServer, tmp_path: Path) -> None:
    maintainer = small_release(tmp_path / "maintainer", github, "v0.3.0")
    mirror = {"CGO_PREBUILT_MIRROR": maintainer.folder.as_uri()}
    maintainer.run("lock", "prebuilt.yaml", env=mirror).checked()
    assert github.requests == []


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--verify-attestation", "b.json"), 2, "and --identity go together"),
        (("--update", "v0.3.0", "--check"), 2, "--check writes nothing, --update does"),
        (
            ("--verify-attestation", "b.json", "--identity", SLUG),
            4,
            f"no attestation of {SLUG} is for ",
        ),
    ],
)
def test_no_lock_is_written_if_the_options_or_the_attestation_are_wrong(
    github: GitHubServer, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    maintainer = small_release(tmp_path / "maintainer", github, "v0.3.0")
    (maintainer.folder / "b.json").write_text('{"mediaType": "none"}')
    refused = maintainer.run("lock", "prebuilt.yaml", *options)
    assert refused.code == code
    assert message in refused.stderr
    assert not (maintainer.folder / "prebuilt.lock.json").exists()
