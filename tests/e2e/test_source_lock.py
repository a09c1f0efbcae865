"""A lock's own source in Bazel: steps, variables, tools, toolchains, and what differs by platform."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import MODULE

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")

_FILES: Mapping[str, str] = {
    "native/Cargo.toml": '[package]\nname = "answer"\nversion = "1.0.0"\n'
    '[lib]\ncrate-type = ["staticlib"]\n',
    "native/Cargo.lock": 'version = 3\n\n[[package]]\nname = "answer"\nversion = "1.0.0"\n',
    "native/src/lib.rs": '#[no_mangle]\npub extern "C" fn answer() -> i32 {\n'
    '    env!("LEVEL").parse::<i32>().unwrap()\n}\n',
    "native/headers.sh": 'sed "s/AT/$NAMED/" answer.h.in > answer.h\n',
    "native/answer.h.in": "int answer(void);\n#define NAMED AT\n",
    "native/BUILD": "broken(",
    "main.c": '#include <stdio.h>\n#include "answer.h"\n'
    'int main(void) { printf("%d %d %d\\n", answer(), NAMED, OF_PLATFORM); }\n',
    "BUILD.bazel": 'load("@rules_cc//cc:cc_binary.bzl", "cc_binary")\n\n'
    'cc_binary(\n    name = "main",\n    srcs = ["main.c"],\n    deps = ["@answer"],\n)\n',
}


def lock(**changes: Any) -> str:
    source = {
        "path": "native",
        "build": {"tool": "cargo", "args": []},
        "then": [{"tool": "command", "args": ["sh", "headers.sh"]}],
        "env": ["LEVEL=46", "NAMED"],
        "tools": ["sed"],
        "static_library": ["target/release/libanswer.a"],
        "installed": ["lib/libanswer.a"],
        "headers": ["answer.h"],
        "include_dirs": ["."],
        "linkopts": ["-lgcc_s", "-ldl", "-lpthread", "-lm"],
        "platforms": {
            "linux_amd64": {"defines": ["OF_PLATFORM=1"]},
            "linux_arm64": {"defines": ["OF_PLATFORM=2"]},
        },
        **changes,
    }
    version = {"platforms": {}, "source": source}
    return json.dumps(
        {"schema": 1, "name": "answer", "default_version": "v1", "versions": {"v1": version}}
    )


def test_a_locks_source_is_built_in_its_steps(workspace: MakeWorkspace) -> None:
    made = workspace({**_FILES, "answer.lock.json": lock()}, module=MODULE)
    assert made.bazel("run", "//:main", env={"NAMED": "7"}).checked().stdout == "46 7 1\n"
    assert made.bazel("run", "//:main", env={"NAMED": "8"}).checked().stdout == "46 8 1\n"

    # At a prompt with the same Rust: the same bytes.
    (by_bazel,) = (made.path / "bazel-bin/external").glob("*answer__source/**/libanswer.a")
    fetch = ("fetch", "--lock", "answer.lock.json", "--origin", "source", "--output", "out")
    command = ("python3", "-m", "cgo_prebuilt", *fetch)
    prompt = {"NAMED": "8", "PYTHONPATH": str(REPOSITORY / "tools")}
    made.in_root(*command, env=prompt).checked()
    assert (made.path / "out/lib/libanswer.a").read_bytes() == by_bazel.read_bytes()

    made.write({"answer.lock.json": lock(tools=["no-such-tool"])})
    failed = made.bazel("build", "//:main", env={"NAMED": "8"})
    assert "no-such-tool on the PATH of the build" in failed.stderr
    assert "Compiling" not in failed.stderr


def test_the_required_rust_builds_the_source(workspace: MakeWorkspace) -> None:
    made = workspace({**_FILES, "answer.lock.json": lock()}, module=MODULE)
    said = made.in_root("rustc", "-vV").checked().stdout
    (release,) = re.findall(r"^release: (\S+)$", said, re.M)
    pinned = {"tool": "cargo", "args": [], "toolchain": release}
    made.write({"answer.lock.json": lock(build=pinned)})
    made.bazel("build", "@answer", env={"NAMED": "7"}).checked()

    other = {"tool": "cargo", "args": [], "toolchain": "1.2.3"}
    made.write({"answer.lock.json": lock(build=other)})
    failed = made.bazel("build", "@answer", env={"NAMED": "7"})
    assert "builds with Rust 1.2.3, and the rustc here is of another release" in failed.stderr
    assert "Compiling" not in failed.stderr

    # As rustup's cargo does; without rustup, nothing reads the file.
    toolchain = '[toolchain]\nchannel = "1.2.3"\n'
    made.write({"answer.lock.json": lock(), "native/rust-toolchain.toml": toolchain})
    by_file = made.bazel("build", "@answer", env={"NAMED": "7"})
    if ".rustup" in made.in_root("rustc", "--print", "sysroot").checked().stdout:
        assert "builds with Rust 1.2.3, which is not here; there is" in by_file.stderr
    else:
        by_file.checked()


def test_another_channel_in_the_file_of_the_source_is_noticed(workspace: MakeWorkspace) -> None:
    toolchain = "native/rust-toolchain.toml"
    made = workspace(
        {**_FILES, "answer.lock.json": lock(), toolchain: '[toolchain]\nchannel = "1.2.3"\n'},
        module=MODULE,
    )
    query = ("cquery", "--output=build", "deps(@answer)", "--incompatible_no_implicit_watch_label")
    assert 'rust_channel = "1.2.3"' in made.bazel(*query, env={"NAMED": "7"}).checked().stdout
    made.write({toolchain: '[toolchain]\nchannel = "1.2.4"\n'})
    assert 'rust_channel = "1.2.4"' in made.bazel(*query, env={"NAMED": "7"}).checked().stdout
