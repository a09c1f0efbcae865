"""How a build from source is planned: command lines, places, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import BuildError, LockError
from cgo_prebuilt.locks.lock import Build, Interface, Source
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.source.build_plan import BuildPlan, plan_build

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")

CRATE = Source(
    build=Build("cargo", ("--locked",)),
    outputs=Interface(
        static_library=("target/release/libv.a",),
        headers=("include/**",),
        include_dirs=("include",),
    ),
    installed=("lib/{platform}/libv.a",),
    path="native",
)


def plan(
    source: Source,
    platform: Platform = AMD64,
    environ: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> BuildPlan:
    return plan_build(
        source,
        name="v",
        version="1",
        platform=platform,
        host=AMD64,
        environ=environ or {},
        folder=Path("/build/source"),
        jobs=3,
        offline=offline,
    )


def with_build(tool: str, *args: str, target: str = "") -> Source:
    return replace(CRATE, build=Build(tool, args, target))


def test_cargo_builds_a_release_of_the_locked_crates_without_this_folders_name() -> None:
    planned = plan(CRATE, environ={"HOME": "/home/me"})
    assert planned.commands == (("cargo", "build", "--release", "--locked"),)
    assert planned.programs["rustc"] == (
        "#!/bin/sh\nexec rustc --remap-path-prefix=/home/me/.cargo=/cargo"
        ' --remap-path-prefix=/build/source=/source "$@"\n'
    )
    assert planned.environment["RUSTC"] == "/build/rustc"
    assert planned.environment["CARGO_TARGET_DIR"] == "/build/source/target"
    assert planned.tools == ("cargo", "rustc")


def test_on_windows_the_crates_own_flags_stay_beside_ours() -> None:
    windows = Platform("windows", "amd64")
    planned = plan_build(
        CRATE,
        name="v",
        version="1",
        platform=windows,
        host=windows,
        environ={"CARGO_HOME": "/c"},
        folder=Path("/build/source"),
        jobs=3,
    )
    (command,) = planned.commands
    assert command[2:4] == (
        "--config",
        'build.rustflags = ["--remap-path-prefix=/c=/cargo",'
        ' "--remap-path-prefix=/build/source=/source"]',
    )
    assert planned.programs == {}


def test_a_cross_build_names_the_rust_target_and_finds_its_outputs_there() -> None:
    planned = plan(CRATE, ARM64)
    command = planned.commands[0]
    assert command[command.index("--target") + 1] == "aarch64-unknown-linux-gnu"
    assert planned.outputs == (
        ("target/aarch64-unknown-linux-gnu/release/libv.a", "lib/linux_arm64/libv.a"),
    )


def test_the_outputs_go_where_a_prebuilt_has_them() -> None:
    planned = plan(CRATE)
    assert planned.outputs == (("target/release/libv.a", "lib/linux_amd64/libv.a"),)
    assert planned.interface.static_library == ("lib/linux_amd64/libv.a",)


def test_make_gets_the_callers_compiler_over_the_makefiles() -> None:
    planned = plan(with_build("make", "V=1", target="static"), environ={"CC": "clang"})
    assert planned.commands == (("make", "--jobs=3", "CC=clang", "V=1", "static"),)


def test_a_tool_of_a_newer_program_is_refused_with_what_to_do() -> None:
    with pytest.raises(LockError, match="is built with meson, which a newer cgo-prebuilt knows"):
        plan(with_build("meson"))


@pytest.mark.parametrize("tool", ["make", "cmake", "command"])
def test_a_cross_build_without_a_cross_compiler_is_refused(tool: str) -> None:
    with pytest.raises(BuildError) as caught:
        plan(with_build(tool, "x"), ARM64)
    assert "v 1 for linux_arm64 cannot be built on linux_amd64" in str(caught.value)
    assert "set CC to a C compiler for linux_arm64" in str(caught.value)


@pytest.mark.parametrize("path", ["../lib.a", "/lib.a", "a\\b.a"])
def test_a_path_that_leads_out_of_the_folder_is_the_locks_fault(path: str) -> None:
    with pytest.raises(LockError, match="unsafe name"):
        plan(replace(CRATE, outputs=Interface(static_library=(path,))))
    with pytest.raises(LockError, match="unsafe name"):
        plan(replace(CRATE, installed=(path,)))
