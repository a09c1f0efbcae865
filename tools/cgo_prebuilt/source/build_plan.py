"""How a library is built from its source at a prompt, decided before anything runs.

The tools, their settings and the C compiler are the caller's own: `CC`, `CFLAGS` and their like
count as they do when the library's maintainer builds it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cgo_prebuilt.errors import BuildError, IntegrityError, LockError
from cgo_prebuilt.locks.lock import Interface, Source
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.platforms import Platform
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


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is to be run, and what comes out of it.

    Attributes:
        commands: Command lines, to be run in the source's folder one after the other.
        environment: Variables to be set over the caller's own.
        programs: Scripts to be written beside the source's folder, by name.
        tools: The programs that have to be there.
        outputs: Where each library is after the build, relative to the source's folder, and where
            it goes in the output.
        interface: How the installed files are linked; its headers are globs over the source, or
            files that the build writes.
    """

    commands: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str]
    programs: Mapping[str, str]
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
        LockError: The lock names unsafe paths, or the tool of a newer program.
        BuildError: It is for another platform, and there is no compiler for that.
    """
    is_cross = platform != host
    tool = source.build.tool
    if tool not in TABLES["COMMANDS"]:
        raise LockError(
            f"the source of {name} {version} is built with {tool}, which a newer cgo-prebuilt knows",
            remedy="update rules_cgo_prebuilt and cgo-prebuilt",
        )
    if is_cross and tool != "cargo" and not environ.get("CC"):
        raise BuildError(
            f"{name} {version} for {platform} cannot be built on {host} without a cross compiler",
            remedy=f"set CC to a C compiler for {platform}, such as `zig cc -target ...`",
        )
    cross_target = cross_rust_target(tool, rust_target(platform), rust_target(host))
    interface = _installed(source, values_for(name, version, platform))
    environment = dict(TABLES["ENVIRONMENT"])
    programs: dict[str, str] = {}
    settings: list[str] = []
    if tool == "cargo":
        environment |= {"CARGO_INCREMENTAL": "0", "CARGO_TARGET_DIR": str(folder / "target")}
        flags = _remapping(folder, environ)
        # Not as `rustflags`, which a crate may have of its own: cargo takes those of one place only.
        if host.os == "windows":  # a script is no program there; TOML quotes strings as JSON does
            settings = ["--config", f"build.rustflags = {json.dumps(flags)}"]
        else:
            programs["rustc"] = _shell_script([environ.get("RUSTC") or "rustc", *flags])
            environment["RUSTC"] = str(folder.parent / "rustc")
    elif tool == "make":
        # A makefile's own `CC = gcc` wins over the environment, not over the command line.
        settings = [f"{name}={environ[name]}" for name in ("CC", "CXX", "AR") if environ.get(name)]
    commands = command_lines(
        tool,
        source.build.args,
        source.build.target,
        cross=cross_arguments(tool, str(platform), str(host), cross_target),
        settings=settings,
        jobs=str(jobs),
        offline=offline,
    )
    built = (built_path(path, cross_target) for path in source.outputs.libraries())
    return BuildPlan(
        commands=tuple(map(tuple, commands)),
        environment=environment,
        programs=programs,
        tools=tools_needed(tool, source.build.args),
        outputs=tuple(zip(built, interface.libraries(), strict=True)),
        interface=interface,
    )


def _remapping(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Flags that keep the names of this machine's folders out of what rustc writes."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    cargo_home = environ.get("CARGO_HOME") or (home and str(Path(home, ".cargo")))
    # The last one that fits counts.
    prefixes = [(cargo_home, "/cargo")] if cargo_home else []
    return [f"--remap-path-prefix={path}={name}" for path, name in (*prefixes, (folder, "/source"))]


def _shell_script(command: Sequence[str]) -> str:
    """A program that runs a command with more arguments."""
    return f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'


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
