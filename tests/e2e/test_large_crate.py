"""A crate with the traits of the largest ones, from source: at a prompt, in Bazel's sandbox, and packed.

It has about 140 crates: TLS by aws-lc, a C++ index, zlib and zstd, and code that a program in a
crate generates from protobuf. Compiling them takes a minute or two, so both tests do it once each.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.inspection.ar_members import ar_members
from tests.bazel.debian_root import cache_folder
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.crates import archives_of
from tests.e2e.release import cgo_prebuilt
from tests.e2e.test_packaging import PEAK

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo"),
]

CRATE = REPOSITORY / "tests/e2e/large_crate"
LINKOPTS = ["-lstdc++", "-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]
SOURCE: Mapping[str, object] = {
    "path": "large",
    "build": {"tool": "cargo", "args": []},
    "vendor": True,
    "static_library": ["target/release/liblarge.a"],
    "installed": ["lib/liblarge.a"],
    "headers": ["include/large.h"],
    "include_dirs": ["include"],
    "linkopts": LINKOPTS,
}
LOCK = {
    "schema": 1,
    "name": "large",
    "default_version": "v1.0.0",
    "versions": {"v1.0.0": {"platforms": {}, "source": SOURCE}},
}
ANSWER = (
    "3 [42 41 43]\n"
    r'"\n\x18TLS13_AES_256_GCM_SHA384\x10\x16\x18x\" {\"host\":\"xn--bcher-kva.example\"}"' + "\n"
)
"""Keys that Rust called Go with, and a message of protobuf; the roots' count is the crate's of the lock."""

_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cgo_prebuilt//rules:defs.bzl", "source_library")

cgo_binary(
    name = "main",
    srcs = ["main.go"],
    cdeps = ["@large"],
)

# A second one with Rust's library in it, of another crate's version of it.
source_library(
    name = "small",
    srcs = glob(["small/**"]),
    headers = ["small/small.h"],
    linkopts = ["-lgcc_s", "-ldl", "-lpthread", "-lm"],
    localize = ["small_*"],
    path = "small",
    static_library = ["target/release/libsmall.a"],
    tool = "cargo",
)

cgo_binary(
    name = "both",
    srcs = [
        "both.go",
        "main.go",
    ],
    cdeps = [
        ":small",
        "@large",
    ],
)
"""
_SMALL: Mapping[str, str] = {
    "small/Cargo.toml": '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n'
    '[lib]\ncrate-type = ["staticlib"]\n',
    "small/Cargo.lock": 'version = 3\n\n[[package]]\nname = "small"\nversion = "0.1.0"\n',
    "small/small.h": "int small_words(const char *text);\n",
    "small/src/lib.rs": """\
use std::ffi::{c_char, CStr};

/// # Safety
/// A text that ends with a zero.
#[no_mangle]
pub unsafe extern "C" fn small_words(text: *const c_char) -> i32 {
    let text = CStr::from_ptr(text).to_string_lossy().into_owned();
    let counted = std::thread::spawn(move || text.split(' ').count() as i32);
    counted.join().unwrap()
}
""",
    "both.go": """\
package main

// #include "small.h"
import "C"

import "fmt"

func init() { fmt.Println(C.small_words(C.CString("a b c"))) }
""",
}
_MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "large", lock = "//:large.lock.json")
use_repo(prebuilt, "large")
"""


def copy_crate(folder: Path) -> None:
    shutil.copytree(CRATE, folder, ignore=shutil.ignore_patterns("main.go"))


@pytest.fixture
def mirror(archive_server: ArchiveServer, tmp_path: Path) -> ArchiveServer:
    """A server with the archives of all crates that Cargo.lock names."""
    copy_crate(tmp_path / "fetched/large")
    archives_of(tmp_path / "fetched/large", archive_server.folder)
    assert len(list(archive_server.folder.iterdir())) > 140
    return archive_server


def test_it_builds_in_bazels_sandbox_without_a_network_and_once_for_two_workspaces(
    workspace: MakeWorkspace, mirror: ArchiveServer, tmp_path: Path
) -> None:
    files = {
        "BUILD.bazel": _BUILD,
        "main.go": (CRATE / "main.go").read_text(),
        "large.lock.json": json.dumps(LOCK),
        **_SMALL,
    }
    sandboxed = ("--spawn_strategy=sandboxed", f"--disk_cache={tmp_path}/disk-cache")
    environment = {"CGO_PREBUILT_MIRROR": mirror.url}
    first = workspace(files, module=_MODULE, name="first", environment=environment)
    copy_crate(first.path / "large")
    assert first.bazel("run", "//:main", *sandboxed).checked().stdout == ANSWER
    assert len(mirror.paths()) > 140
    assert first.bazel("run", "//:both", *sandboxed).checked().stdout == f"3\n{ANSWER}"

    own = {**environment, "CGO_PREBUILT_CACHE": str(tmp_path / "other-store")}
    second = workspace(files, module=_MODULE, name="a/second", environment=own)
    copy_crate(second.path / "large")
    built = second.bazel("build", "@large", *sandboxed).checked()
    assert "1 disk cache hit" in built.stderr
    assert "Building" not in built.stderr


_MANIFEST = f"""\
name: large
version: v1.0.0
urls: ["{{url}}/{{{{file}}}}"]
archives: [{{{{file: "large-{{{{version}}}}-{{{{platform}}}}.tar.zst"}}}}]
static_library: lib/liblarge.a
headers: [include/large.h]
include_dirs: [include]
linkopts: [{", ".join(LINKOPTS)}]
platforms: {{{{linux_amd64: {{{{}}}}}}}}
go: {{{{module: go.acme.test/large}}}}
"""


def test_it_is_built_at_a_prompt_packed_slim_and_linked_by_go(
    mirror: ArchiveServer, tmp_path: Path
) -> None:
    user = tmp_path / "user"
    user.mkdir()
    copy_crate(user / "large")
    (user / "large.lock.json").write_text(json.dumps(LOCK))
    own = {
        "CARGO_HOME": str(tmp_path / "no-crates"),
        "CGO_PREBUILT_CACHE": str(tmp_path / "store"),
        "CGO_PREBUILT_MIRROR": mirror.url,
        "GOCACHE": str(cache_folder(os.environ) / "go-build"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
    }
    # With `--platform`, since a source build is for this machine's platform.
    fetch = ("fetch", "--lock", "large.lock.json", "--platform", "linux_amd64")
    cgo_prebuilt(*fetch, "--output", "out", cwd=user, env=own).checked()
    assert run_go(user, "large.lock.json", own) == ANSWER
    library = user / "out/lib/liblarge.a"
    assert library.stat().st_size > 50_000_000

    # The maintainer publishes the build twice: slim, and as if it had five times the crates.
    del own["CGO_PREBUILT_MIRROR"]
    said, peak = publish(user, "slim", own, "--slim")
    assert re.search(r"lib/liblarge.a: [0-9.]+ MB, slim [0-9.]+ MB", said), said
    assert peak < 150
    slim = user / "slim-fetched/lib/liblarge.a"
    assert slim.stat().st_size < library.stat().st_size / 3
    assert run_go(user, "slim.lock.json", own) == ANSWER

    grow(library, 6)
    assert library.stat().st_size > 500 << 20
    said, peak = publish(user, "whole", own)
    assert peak < 200
    assert run_go(user, "whole.lock.json", own) == ANSWER
    site = ("goproxy", "build", "whole.yaml", "--dist", "whole", "--output", "site")
    refused = cgo_prebuilt(*site, cwd=user, env=own)
    assert refused.code == 2
    assert "500 MiB" in refused.stderr
    cgo_prebuilt(*site, "--slim", cwd=user, env=own).checked()
    (zipped,) = (user / "site/go.acme.test").glob("large-linux-amd64/@v/*.zip")
    assert zipped.stat().st_size < slim.stat().st_size


def publish(
    folder: Path, name: str, environment: Mapping[str, str], *options: str
) -> tuple[str, int]:
    """Pack `out`, lock it and fetch it; return the output of `pack`, and its memory in MB."""
    (folder / f"{name}.yaml").write_text(_MANIFEST.format(url=(folder / name).as_uri()))
    pack = ("pack", f"{name}.yaml", "--platform", "linux_amd64", "--from", "out", "--output", name)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *pack, *options],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cgo_prebuilt("lock", f"{name}.yaml", cwd=folder, env=environment).checked()
    fetch = ("fetch", "--lock", f"{name}.lock.json", "--output", f"{name}-fetched")
    cgo_prebuilt(*fetch, cwd=folder, env=environment).checked()
    return done.stderr, int(done.stdout.split()[-1])


def grow(library: Path, times: int) -> None:
    """Repeat the members of an archive; its tables of symbols and of long names stay valid."""
    with library.open("rb+") as file:
        file.seek(len(MAGIC))
        next(ar_members(file))
        file.seek(file.tell() - 60)  # the header of the first one
        members = file.read()
        for _ in range(times - 1):
            file.write(members)


def run_go(folder: Path, lock: str, environment: Mapping[str, str]) -> str:
    """What the Go program prints, linked with a lock's library in the environment for it."""
    program = folder / "program"
    program.mkdir(exist_ok=True)
    (program / "go.mod").write_text("module program\n\ngo 1.21\n")
    shutil.copy(CRATE / "main.go", program)
    printed = cgo_prebuilt("env", "--lock", lock, cwd=folder, env=environment).checked().stdout
    done = subprocess.run(
        ["sh", "-euc", f"{printed}\ncd program && exec go run ."],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
