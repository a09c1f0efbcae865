"""How a build from source is planned: command lines, places, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import BuildError, LockError
from cgo_prebuilt.locks.lock import Build, Interface, Source
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.source.build_plan import BuildMachine, BuildPlan, plan_build
from cgo_prebuilt.source.source_tree import LibrarySource

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


FOLDER = Path("/build/source")


def plan(
    source: Source,
    platform: Platform = AMD64,
    environ: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> BuildPlan:
    machine = BuildMachine(AMD64, environ or {}, jobs=3, offline=offline)
    return plan_build(LibrarySource(source, "v", "1", platform, Path()), machine, FOLDER)


def words_of(planned: BuildPlan) -> list[tuple[str, ...]]:
    return [command.words for command in planned.commands]


def with_build(tool: str, *args: str, target: str = "") -> Source:
    return replace(CRATE, build=Build(tool, args, target))


def test_offline_no_step_downloads_crates_modules_or_toolchains() -> None:
    """A script may run cargo, too, and rustup installs a toolchain that `rust-toolchain.toml` names."""
    source = with_build("command", "sh", "build.sh")
    planned = plan(source, environ={"CARGO_NET_OFFLINE": "false"}, offline=True)
    expected = {"CARGO_NET_OFFLINE": "true", "GOPROXY": "off", "RUSTUP_AUTO_INSTALL": "0"}
    assert expected.items() <= planned.environment.items()
    assert expected.keys().isdisjoint(plan(source).environment)


def test_cargo_builds_a_release_of_the_locked_crates_without_this_folders_name() -> None:
    planned = plan(CRATE, environ={"HOME": "/home/me"})
    assert words_of(planned) == [("cargo", "build", "--release", "--locked")]
    assert planned.programs["rustc"] == (
        "#!/bin/sh\nexec rustc --remap-path-prefix=/home/me/.cargo=/cargo"
        ' --remap-path-prefix=/build/source=/source "$@"\n'
    )
    assert planned.environment["RUSTC"] == "/build/rustc"
    assert planned.environment["CARGO_TARGET_DIR"] == "/build/source/target"
    assert planned.tools == ("cargo", "rustc")


def test_on_windows_the_crates_own_flags_stay_beside_ours() -> None:
    windows = Platform("windows", "amd64")
    machine = BuildMachine(windows, {"CARGO_HOME": "/c"}, jobs=3)
    planned = plan_build(LibrarySource(CRATE, "v", "1", windows, Path()), machine, FOLDER)
    (command,) = words_of(planned)
    assert command[2:4] == (
        "--config",
        'build.rustflags = ["--remap-path-prefix=/c=/cargo",'
        ' "--remap-path-prefix=/build/source=/source"]',
    )
    assert planned.programs == {}


def test_a_cross_build_names_the_rust_target_and_finds_its_outputs_there() -> None:
    planned = plan(CRATE, ARM64)
    (command,) = words_of(planned)
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
    assert words_of(planned) == [("make", "--jobs=3", "CC=clang", "V=1", "static")]


def test_a_tool_of_a_newer_program_is_refused_with_a_remedy() -> None:
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


@pytest.mark.parametrize(("tool", "has_flags"), [("cargo", True), ("cmake", True), ("make", False)])
def test_c_has_no_name_of_this_folder_either(tool: str, has_flags: bool) -> None:
    """Where the variable adds to the flags; a makefile's own flags it would replace."""
    environ = {"CARGO_HOME": "/cache", "CFLAGS": "-O1"}
    (command, *_) = plan(with_build(tool), environ=environ).commands
    flags = "-ffile-prefix-map=/cache=/cargo -ffile-prefix-map=/build/source=/source"
    flags += " -ffile-prefix-map=/build/vendor=/vendor"
    expected = {"CFLAGS": f"-O1 {flags}", "CXXFLAGS": flags} if has_flags else {}
    assert command.environment == expected
    environ["CARGO_HOME"] = "/a cache"
    assert plan(with_build(tool), environ=environ).commands[0].environment == {}


def test_several_steps_run_one_after_the_other_with_all_their_tools() -> None:
    steps = replace(
        CRATE,
        build=Build("cargo", toolchain="1.84.0"),
        then=(Build("command", ("sh", "headers.sh")), Build("make", target="install")),
        tools=("protoc", "make"),
    )
    planned = plan(steps, ARM64)
    assert [words[0] for words in words_of(planned)] == ["cargo", "sh", "make"]
    toolchains = [command.environment.get("RUSTUP_TOOLCHAIN") for command in planned.commands]
    assert toolchains == ["1.84.0", None, None]
    assert planned.tools == ("cargo", "rustc", "make", "protoc")
    assert planned.toolchain == "1.84.0"


def test_archives_that_are_linked_in_a_special_way_are_so_where_they_are_installed() -> None:
    output = "target/release/libv.a"
    outputs = replace(CRATE.outputs, alwayslink=(output,), circular=(output,))
    interface = plan(replace(CRATE, outputs=outputs)).interface
    assert interface.alwayslink == interface.circular == ("lib/linux_amd64/libv.a",)


def test_a_build_sees_variables_of_its_tools_and_of_the_lock() -> None:
    callers = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "CARGO_HOME": "/c",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_PROFILE_RELEASE_LTO": "true",
        "CC_x86_64_unknown_linux_gnu": "clang",
        "CFLAGS": "",
        "FFI_USE_GPU": "1",
        "GITHUB_TOKEN": "x",
        "HOME": "/home/me",
        "MAKEFLAGS": "-j",
        "OTHER": "x",
        "PATH": "/bin",
        "RUSTUP_TOOLCHAIN": "nightly",
        "https_proxy": "http://proxy",
    }
    planned = plan(replace(CRATE, env=("FFI_USE_GPU", "PROTOC", "LEVEL=2=3")), environ=callers)
    assert planned.environment_inputs == {
        "CARGO_PROFILE_RELEASE_LTO": "true",
        "CC_x86_64_unknown_linux_gnu": "clang",
        "FFI_USE_GPU": "1",
        "LEVEL": "2=3",
        "RUSTUP_TOOLCHAIN": "nightly",
    }
    hidden = {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MAKEFLAGS", "OTHER"}
    assert hidden.isdisjoint(planned.environment)
    assert {"CARGO_HOME", "HOME", "PATH", "https_proxy"} <= planned.environment.keys()
    assert planned.environment["SOURCE_DATE_EPOCH"] == "315532800"
