"""Decide how to build a library from source at a prompt. Pure.

The tools, their settings and the C compiler are those of the caller: `CC`, `CFLAGS` and the like work as
they do for the library's maintainer.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import BuildError, IntegrityError, LockError
from cgo_prebuilt.locks.lock import Build, Interface, Source
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.source.build_environment import build_environment
from cgo_prebuilt.source.cargo_lock import git_archive
from cgo_prebuilt.source.command_lines import (
    TABLES,
    built_path,
    command_lines,
    cross_arguments,
    cross_rust_target,
    rust_target,
    tools_needed,
)
from cgo_prebuilt.template import fill, values_for

if TYPE_CHECKING:
    from cgo_prebuilt.source.source_tree import LibrarySource

VENDOR = "vendor"
"""The folder beside the source's folder for the crates that it needs."""

VENDOR_GIT = "vendor-git"
"""The folder for crates of Git repositories, with a subfolder for each archive."""

_OFFLINE = {"CARGO_NET_OFFLINE": "true", "GOPROXY": "off", "RUSTUP_AUTO_INSTALL": "0"}
"""What keeps programs that a build runs, such as a script's cargo, from downloading."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line of a build.

    Attributes:
        words: The program and its arguments.
        environment: Its variables, which override those of the build.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """The commands to run, and their results.

    Attributes:
        commands: The commands to run in the source's folder, in order.
        environment: All variables of the build.
        environment_inputs: The caller's variables that affect the result.
        programs: Scripts to write beside the source's folder, by name.
        tools: The required programs.
        toolchain: The Rust toolchain that the lock requires; empty for any.
        outputs: For each library, its path after the build, relative to the source's folder, and its
            path in the output.
        interface: How the installed files are linked; its headers are globs over the source, or
            files that the build writes.
    """

    commands: tuple[Command, ...]
    environment: Mapping[str, str]
    environment_inputs: Mapping[str, str]
    programs: Mapping[str, str]
    tools: tuple[str, ...]
    toolchain: str
    outputs: tuple[tuple[str, str], ...]
    interface: Interface


@dataclass(frozen=True, slots=True)
class BuildMachine:
    """The machine that builds.

    Attributes:
        host: Its platform.
        environ: The caller's environment, of which the plan passes a part to the tools.
        jobs: The number of parallel jobs.
        offline: Whether downloads are forbidden.
    """

    host: Platform
    environ: Mapping[str, str]
    jobs: int
    offline: bool = False


def plan_build(wanted: LibrarySource, machine: BuildMachine, folder: Path) -> BuildPlan:
    """Decide how to build.

    Args:
        wanted: The source to build.
        machine: The machine that builds.
        folder: The working folder of the build, which holds the source.

    Raises:
        LockError: The lock names unsafe paths, or a tool that only a newer cgo-prebuilt knows.
        BuildError: It is a cross build, and there is no compiler for the platform.
    """
    source, host, platform = wanted.source, machine.host, wanted.platform
    name, version = wanted.name, wanted.version
    for step in source.steps:
        if step.tool not in TABLES["COMMANDS"]:
            raise LockError(
                f"the source of {name} {version} is built with {step.tool}, which a newer"
                " cgo-prebuilt knows",
                where=f"the lock of {name}: versions.{version}.source",
                remedy="update rules_cgo_prebuilt and cgo-prebuilt",
            )
    seen = build_environment(machine.environ, source.env)
    by_cargo = [step for step in source.steps if step.tool == "cargo"]
    if platform != host and not by_cargo and not seen.variables.get("CC"):
        raise BuildError(
            f"{name} {version} for {platform} cannot be built on {host} without a cross compiler",
            where="CC",
            remedy=f"set CC to a C compiler for {platform}, such as `zig cc -target ...`",
        )
    cross = cross_rust_target("cargo", rust_target(platform), rust_target(host)) if by_cargo else ""
    interface = _installed(source, values_for(name, version, platform))
    environment = dict(TABLES["ENVIRONMENT"]) | (_OFFLINE if machine.offline else {})
    programs: dict[str, str] = {}
    cargo_settings: list[str] = []
    if by_cargo:
        environment |= {
            "CARGO_INCREMENTAL": "0",
            "CARGO_TARGET_DIR": str(folder / "target"),
            "CARGO_TERM_COLOR": "never",
        }
        vendor = folder.parent / VENDOR
        flags = _remapping(folder, seen.variables)
        if source.vendor:
            flags.append(f"--remap-path-prefix={vendor}=/{VENDOR}")
            cargo_settings = _vendored(vendor)
            for crates in source.git:
                stem = git_archive(crates).removesuffix(".tar")
                config = folder.parent / VENDOR_GIT / stem / ".cargo/config.toml"
                cargo_settings += ["--config", str(config)]
            if source.git:
                flags.append(f"--remap-path-prefix={folder.parent / VENDOR_GIT}=/{VENDOR_GIT}")
        # Not as `rustflags`, which a crate may set itself: cargo uses those of one place only.
        if host.os == "windows":  # runs no script as a program; TOML quotes strings as JSON
            cargo_settings += ["--config", f"build.rustflags = {json.dumps(flags)}"]
        else:
            programs["rustc"] = _shell_script([seen.variables.get("RUSTC") or "rustc", *flags])
            environment["RUSTC"] = str(folder.parent / "rustc")
    settings = {
        "cargo": cargo_settings,
        # A makefile's `CC = gcc` overrides the environment, but not the command line.
        "make": [
            f"{name}={value}"
            for name in ("CC", "CXX", "AR")
            if (value := seen.variables.get(name, ""))
        ],
    }
    c_flags = {} if host.os == "windows" else _c_flags(folder, seen.variables)
    commands = [
        Command(
            tuple(words),
            # Those of make would take the place of the flags in its makefile.
            (c_flags if step.tool in ("cargo", "cmake") else {})
            | ({"RUSTUP_TOOLCHAIN": step.toolchain} if step.toolchain else {}),
        )
        for step in source.steps
        for words in command_lines(
            step,
            cross=cross_arguments(step.tool, str(platform), str(host), cross),
            settings=settings.get(step.tool, ()),
            jobs=str(machine.jobs),
            offline=machine.offline or source.vendor,
        )
    ]
    built = (built_path(path, cross) for path in source.outputs.libraries())
    return BuildPlan(
        commands=tuple(commands),
        environment={**seen.variables, **environment},
        environment_inputs=seen.inputs,
        programs=programs,
        tools=_tools(source.steps, source.tools),
        toolchain=next((step.toolchain for step in by_cargo if step.toolchain), ""),
        outputs=tuple(zip(built, interface.libraries(), strict=True)),
        interface=interface,
    )


def _tools(steps: Sequence[Build], others: Sequence[str]) -> tuple[str, ...]:
    """Return the required programs without duplicates."""
    own = (tool for step in steps for tool in tools_needed(step.tool, step.args))
    return tuple(dict.fromkeys([*own, *others]))


def _vendored(folder: Path) -> list[str]:
    """Return cargo's settings that take crates from a folder only."""
    return [
        "--config",
        'source.crates-io.replace-with = "cgo-prebuilt"',
        "--config",
        f"source.cgo-prebuilt.directory = {json.dumps(str(folder))}",
    ]


def _remapping(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the flags that keep this machine's folder names out of rustc's output."""
    return [f"--remap-path-prefix={path}={name}" for path, name in _replaced(folder, environ)]


def _replaced(folder: Path, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return folders of this machine, and the names that outputs have for them."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    cargo_home = environ.get("CARGO_HOME") or (home and str(Path(home, ".cargo")))
    # The last matching one takes precedence.
    return [*([(cargo_home, "/cargo")] if cargo_home else []), (str(folder), "/source")]


def _c_flags(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep this machine's folder names out of a C compiler's output."""
    places = [*_replaced(folder, environ), (str(folder.parent / VENDOR), f"/{VENDOR}")]
    flags = [f"-ffile-prefix-map={path}={name}" for path, name in places]
    if any(len(flag.split()) > 1 for flag in flags):
        return {}  # the variables have no way to quote a space
    return {
        name: " ".join(filter(None, [environ.get(name), *flags])) for name in ("CFLAGS", "CXXFLAGS")
    }


def _shell_script(command: Sequence[str]) -> str:
    """Return a script that runs a command with more arguments."""
    return f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'


def _installed(source: Source, values: Mapping[str, str]) -> Interface:
    """Return the interface with the libraries' installed paths."""
    outputs = source.outputs
    where = "source"
    places = [fill(path, values, where=where, error=LockError) for path in source.installed]
    if len(places) != len(outputs.libraries()):
        places = [f"lib/{path.rsplit('/', 1)[-1]}" for path in outputs.libraries()]
    try:
        check_member_names(outputs.libraries(), where=where)
        check_member_names(places, where=where)
        others = outputs.headers + outputs.runtime_files
        literal = [path for path in others if "*" not in path and "?" not in path]
        check_member_names(literal, where=where)
    except IntegrityError as error:
        raise LockError(error.what, where=error.where, remedy=error.remedy) from None
    place_of = dict(zip(outputs.libraries(), places, strict=True))
    first = len(outputs.static_library)
    second = first + len(outputs.shared_library)
    return replace(
        outputs,
        static_library=tuple(places[:first]),
        alwayslink=tuple(place_of[path] for path in outputs.alwayslink),
        circular=tuple(place_of[path] for path in outputs.circular),
        shared_library=tuple(places[first:second]),
        interface_library=tuple(places[second:]),
    )
