"""The tools and command lines of a source build.

`rules/private/source_plan.bzl` decides the same in Bazel, from the same table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cgo_prebuilt.locks.lock import Build
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.starlark_tables import read_tables

TABLES: Mapping[str, Any] = read_tables("cgo_prebuilt.source", "build_tools.bzl")


def rust_target(platform: Platform) -> str:
    """Return the Rust target of a platform.

    For Windows, it is a GNU target, since cgo links with GCC's or Clang's driver there.
    """
    target: str = TABLES["RUST_TARGETS"][str(platform)]
    return target


def tools_needed(tool: str, args: Sequence[str]) -> tuple[str, ...]:
    """Return the programs that a tool runs, except those that only the source's build files name.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: The tool's arguments.
    """
    return tuple(
        name
        for name in TABLES["NEEDED_TOOLS"][tool]
        if not (tool == "cmake" and name == "make" and _names_generator(args))
    )


def cross_rust_target(tool: str, target: str, host: str) -> str:
    """Return the Rust target to pass to cargo; empty if it is the default.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        target: The Rust target to build for.
        host: The compiler's default target.
    """
    return target if tool == "cargo" and target != host else ""


def cross_arguments(tool: str, platform: str, host: str, rust_target: str) -> list[str]:
    """Return the arguments that name the target, in a cross build.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        platform: The platform to build for.
        host: The platform that builds.
        rust_target: From `cross_rust_target`.
    """
    if tool == "cargo":
        return ["--target", rust_target] if rust_target else []
    system, processor = platform.split("_")[:2]
    if tool != "cmake" or [system, processor] == host.split("_")[:2]:
        return []  # ignore the C library, which depends on the compiler
    return [
        f"-DCMAKE_SYSTEM_NAME={TABLES['CMAKE_SYSTEMS'][system]}",
        f"-DCMAKE_SYSTEM_PROCESSOR={TABLES['CMAKE_PROCESSORS'][processor]}",
    ]


def command_lines(
    step: Build,
    *,
    cross: Sequence[str],
    settings: Sequence[str],
    jobs: str,
    offline: bool,
) -> list[list[str]]:
    """Return the command lines of a build.

    Args:
        step: The build, or one of its steps.
        cross: From `cross_arguments`.
        settings: The tool's options for compilers and folders.
        jobs: The number of parallel jobs.
        offline: Whether to forbid cargo downloads.
    """
    tool, args, target = step.tool, step.args, step.target
    words: dict[str, Sequence[str]] = {
        "{args}": args,
        "{cross}": cross,
        "{generator}": [] if _names_generator(args) else ["-G", "Unix Makefiles"],
        "{locked}": _unless_given(["--locked"], args),
        "{offline}": _unless_given(["--offline"] if offline else [], args),
        "{profile}": [] if _names_profile(args) else ["--release"],
        "{settings}": settings,
        "{target}": [*TABLES["TARGET_OPTIONS"].get(tool, ()), target] if target else [],
    }
    return [
        [word for pattern in line for word in words.get(pattern, [pattern.replace("{jobs}", jobs)])]
        for line in TABLES["COMMANDS"][tool]
    ]


def built_path(path: str, rust_target: str) -> str:
    """Return the path to which a build writes an output.

    Args:
        path: The path in a native build: `target/release/libx.a`.
        rust_target: From `cross_rust_target`.
    """
    if rust_target and path.startswith("target/"):
        return f"target/{rust_target}/{path.removeprefix('target/')}"
    return path


def is_source(name: str, tool: str) -> bool:
    """Return whether an entry of a source's folder is a source, not a leftover of a build or Git."""
    left_behind = [*TABLES["NOT_SOURCE"], *TABLES["BUILT_FOLDERS"].get(tool, ())]
    return name not in left_behind and not name.startswith("bazel-")


def _names_generator(args: Sequence[str]) -> bool:
    return any(arg.startswith("-G") for arg in args)


def _names_profile(args: Sequence[str]) -> bool:
    return any(arg in ("--release", "-r") or arg.startswith("--profile") for arg in args)


def _unless_given(flags: Sequence[str], args: Sequence[str]) -> Sequence[str]:
    """Return the flags that are not among the given ones: cargo refuses duplicates."""
    return [flag for flag in flags if flag not in args]
