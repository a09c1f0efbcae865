"""Source builds with what real crates use: build scripts, the `cc` crate, and their own flags."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.crates import MAIN, add_git_dependency, archives_of, cargo, write_crate
from tests.git_repository import make_repository

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")

_BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

source_library(
    name = "noise",
    srcs = glob(["noise/**"]),
    headers = ["noise/include/noise.h"],
    include_dirs = ["include"],
    linkopts = ["-lgcc_s", "-ldl", "-lpthread", "-lm"],
    path = "noise",
    static_library = ["target/release/libnoise.a"],
    tool = "cargo",
)

cc_binary(
    name = "main",
    srcs = ["main.c"],
    deps = [":noise"],
)
"""


def test_a_build_scripts_and_a_crates_own_flags_win_over_the_toolchains(
    workspace: MakeWorkspace,
) -> None:
    made = workspace({"BUILD.bazel": _BUILD, "main.c": MAIN})
    crate = made.path / "noise"
    write_crate(crate)
    with (crate / ".cargo/config.toml").open("a") as config:
        config.write(cargo(crate, "vendor"))
    built = made.bazel("run", "//:main", "--copt=-O3", "--compilation_mode=opt").checked()
    assert built.stdout == "7\n"
    archive = (made.path / "bazel-bin/noise/target/release/libnoise.a").read_bytes()
    assert b"/source-build." not in archive


_LOCKED_BUILD = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "main",
    srcs = ["main.c"],
    deps = ["@noise"],
)
"""
_LOCKED_MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "noise", lock = "//:noise.lock.json", transport = "{transport}")
use_repo(prebuilt, "noise")
"""
_SOURCE = {
    "path": "noise",
    "build": {"tool": "cargo", "args": []},
    "vendor": True,
    "static_library": ["target/release/libnoise.a"],
    "installed": ["lib/libnoise.a"],
    "headers": ["include/noise.h"],
    "include_dirs": ["include"],
    "linkopts": ["-lgcc_s", "-ldl", "-lpthread", "-lm"],
}


@pytest.mark.parametrize("transport", [pytest.param("python", marks=pytest.mark.slow), "bazel"])
def test_crates_by_checksum_and_by_commit_build_without_a_network(
    workspace: MakeWorkspace, archive_server: ArchiveServer, tmp_path: Path, transport: str
) -> None:
    write_crate(tmp_path / "noise")
    (tmp_path / "remote").mkdir()
    make_repository(tmp_path / "remote")
    repository = (tmp_path / "remote/acme.git").as_uri()
    git = add_git_dependency(tmp_path / "noise", repository, archive_server.folder)
    archives_of(tmp_path / "noise", archive_server.folder)
    (tmp_path / "remote").rename(tmp_path / "away")
    served = {f"/{path.name}" for path in archive_server.folder.iterdir()}
    assert {path.split("-")[0] for path in served} >= {"/acme", "/cc", "/shlex"}
    version = {"platforms": {}, "source": {**_SOURCE, "git": git}}
    lock = {"schema": 1, "name": "noise", "default_version": "v1", "versions": {"v1": version}}
    files = {"BUILD.bazel": _LOCKED_BUILD, "main.c": MAIN, "noise.lock.json": json.dumps(lock)}
    mirror = {"CGO_PREBUILT_MIRROR": archive_server.url}
    module = _LOCKED_MODULE.format(transport=transport)
    sandboxed = ("--spawn_strategy=sandboxed", f"--disk_cache={tmp_path}/disk-cache")

    first = workspace(files, module=module, name="first", environment=mirror)
    shutil.copytree(tmp_path / "noise", first.path / "noise")
    assert first.bazel("run", "//:main", *sandboxed).checked().stdout == "11\n"
    assert set(archive_server.paths()) == served

    # In another folder with another store, the action is the same, so it is a cache hit.
    own = {**mirror, "CGO_PREBUILT_CACHE": str(tmp_path / "other-store")}
    second = workspace(files, module=module, name="a/second", environment=own)
    shutil.copytree(tmp_path / "noise", second.path / "noise")
    built = second.bazel("build", "@noise", *sandboxed).checked()
    assert "1 disk cache hit" in built.stderr

    # What Cargo.lock names is fetched again when it changes.
    with (second.path / "noise/Cargo.lock").open("a") as file:
        file.write('\n[[package]]\nname = "x"\nversion = "1.0.0"\nsource = "git+https://x#1"\n')
    failed = second.bazel("build", "@noise", *sandboxed)
    assert "the crates of noise v1 could not be fetched" in failed.stderr
    assert "the crate x 1.0.0 is not from crates.io" in failed.stderr
