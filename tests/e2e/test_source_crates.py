"""Source builds as real crates need them: build scripts, the `cc` crate, flags of the crate's own."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.conftest import MakeWorkspace
from tests.e2e.crates import MAIN, cargo, write_crate

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
