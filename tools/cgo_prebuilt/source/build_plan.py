"""How a library is built from its source at a prompt, decided before anything runs.

The tools, their settings and the C compiler are the caller's own: `CC`, `CFLAGS` and their like
count as they do when the library's maintainer builds it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cgo_prebuilt.errors import BuildError, IntegrityError, LockError
from cgo_prebuilt.locks.lock import Interface, Source
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.source.rust_targets import rust_target
from cgo_prebuilt.template import fill, values_for

FLAGS = (
    "AR",
    "CC",
    "CFLAGS",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "LDFLAGS",
    "PKG_CONFIG_PATH",
    "RUSTFLAGS",
)
"""The variables that change what a build yields."""

INSTALL = {
    "cargo": "install Rust: https://rustup.rs, or your system's package `cargo`",
    "cmake": "install CMake: your system's package `cmake`",
    "make": "install make: your system's package `make`; on macOS `xcode-select --install`",
    "rustc": "install Rust: https://rustup.rs, or your system's package `rustc`",
}
"""How to install each tool."""

_TOOLS = {"cargo": ("cargo", "rustc"), "cmake": ("cmake",), "make": ("make",), "command": ()}

_CMAKE_SYSTEMS = {"darwin": "Darwin", "freebsd": "FreeBSD", "linux": "Linux", "windows": "Windows"}
_CMAKE_PROCESSORS = {"386": "i686", "amd64": "x86_64", "arm": "armv7l", "arm64": "aarch64"}

# 1980-01-01, the first day that every archive format can tell.
_EPOCH = "315532800"


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is to be run, and what comes out of it.

    Attributes:
        commands: Command lines, to be run in the source's folder one after the other.
        environment: Variables to be set over the caller's own.
        tools: The programs that have to be there.
        outputs: Where each library is after the build, relative to the source's folder, and where
            it goes in the output.
        interface: How the installed files are linked; its headers are globs over the source, or
            files that the build writes.
    """

    commands: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str]
    tools: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    interface: Interface


def plan_build(
    source: Source,
    *,
    name: str,
    version: str,
    platform: Platform,
    host: Platform,
    environ: Mapping[str, str],
    folder: Path,
    jobs: int,
    offline: bool = False,
) -> BuildPlan:
    """Decides how to build.

    Args:
        source: From the lock.
        name: The library.
        version: Its release.
        platform: What to build for.
        host: What this machine is.
        environ: The caller's environment.
        folder: Where the build runs, with the source in it.
        jobs: How many things to do at once.
        offline: Whether nothing may be downloaded.

    Raises:
        LockError: The lock names unsafe paths.
        BuildError: It is for another platform, and there is no compiler for that.
    """
    is_cross = platform != host
    tool = source.build.tool
    if is_cross and tool != "cargo" and not environ.get("CC"):
        raise BuildError(
            f"{name} {version} for {platform} cannot be built on {host} without a cross compiler",
            remedy=f"set CC to a C compiler for {platform}, such as `zig cc -target ...`",
        )
    cross_target = rust_target(platform) if is_cross and tool == "cargo" else ""
    interface = _installed(source, values_for(name, version, platform))
    environment = {"SOURCE_DATE_EPOCH": _EPOCH, "ZERO_AR_DATE": "1"}
    commands: tuple[tuple[str, ...], ...]
    if tool == "cargo":
        environment |= {"CARGO_INCREMENTAL": "0", "CARGO_TARGET_DIR": str(folder / "target")}
        commands = (_cargo(source, folder, cross_target, offline),)
    elif tool == "make":
        commands = (_make(source, environ, jobs),)
    elif tool == "cmake":
        commands = _cmake(source, platform if is_cross else None, jobs)
    else:
        commands = (source.build.args,)
    built = (_built_path(path, cross_target) for path in source.outputs.libraries())
    return BuildPlan(
        commands=commands,
        environment=environment,
        tools=_TOOLS[tool],
        outputs=tuple(zip(built, interface.libraries(), strict=True)),
        interface=interface,
    )


def _installed(source: Source, values: Mapping[str, str]) -> Interface:
    """The interface with the libraries at the places that they are installed at."""
    outputs = source.outputs
    where = "source"
    places = [fill(path, values, where=where) for path in source.installed]
    if len(places) != len(outputs.libraries()):
        places = [f"lib/{path.rsplit('/', 1)[-1]}" for path in outputs.libraries()]
    try:
        check_member_names(outputs.libraries(), where=where)
        check_member_names(places, where=where)
        literal = [header for header in outputs.headers if "*" not in header and "?" not in header]
        check_member_names(literal, where=where)
    except IntegrityError as error:
        raise LockError(error.what, where=error.where, remedy=error.remedy) from None
    first = len(outputs.static_library)
    second = first + len(outputs.shared_library)
    return replace(
        outputs,
        static_library=tuple(places[:first]),
        shared_library=tuple(places[first:second]),
        interface_library=tuple(places[second:]),
    )


def _built_path(path: str, cross_target: str) -> str:
    if cross_target and path.startswith("target/"):
        return f"target/{cross_target}/{path.removeprefix('target/')}"
    return path


def _cargo(source: Source, folder: Path, cross_target: str, offline: bool) -> tuple[str, ...]:
    args = source.build.args
    # No path of this build's temporary folder in what it yields. TOML quotes strings as JSON does.
    remap = json.dumps(f"--remap-path-prefix={folder}=/source")
    command = ["cargo", "build", "--config", f"target.'cfg(all())'.rustflags = [{remap}]"]
    if not any(arg in ("--release", "-r") or arg.startswith("--profile") for arg in args):
        command.append("--release")
    command += [
        flag
        for flag, is_wanted in (("--locked", True), ("--offline", offline))
        if is_wanted and flag not in args
    ]
    if cross_target:
        command += ["--target", cross_target]
    return (*command, *args)


def _make(source: Source, environ: Mapping[str, str], jobs: int) -> tuple[str, ...]:
    # A makefile's own `CC = gcc` wins over the environment, not over the command line.
    variables = [f"{name}={environ[name]}" for name in ("CC", "CXX", "AR") if environ.get(name)]
    target = [source.build.target] if source.build.target else []
    return ("make", f"--jobs={jobs}", *variables, *source.build.args, *target)


def _cmake(source: Source, cross: Platform | None, jobs: int) -> tuple[tuple[str, ...], ...]:
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_POSITION_INDEPENDENT_CODE=ON"]
    if cross is not None:
        options += [
            f"-DCMAKE_SYSTEM_NAME={_CMAKE_SYSTEMS[cross.os]}",
            f"-DCMAKE_SYSTEM_PROCESSOR={_CMAKE_PROCESSORS.get(cross.arch, cross.arch)}",
        ]
    target = ["--target", source.build.target] if source.build.target else []
    return (
        ("cmake", "-S", ".", "-B", "build", *options, *source.build.args),
        ("cmake", "--build", "build", "--config", "Release", f"--parallel={jobs}", *target),
    )
