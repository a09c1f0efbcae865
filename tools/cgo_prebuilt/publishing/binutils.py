"""Run binutils: the host's, LLVM's, or those named by the environment."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.errors import SCARCE, UsageError
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import command_named

TOOL_SECONDS = 600.0
"""The time limit of a program; the largest libraries usually take some seconds."""


def program(environ: Mapping[str, str], variable: str, *usual: str) -> list[str]:
    """Return the program with its first options.

    Args:
        environ: The environment.
        variable: The variable that names a program with options, such as `STRIP`.
        usual: The default programs, of which the first available one is used.

    Raises:
        UsageError: No program is available, or the variable is not a command line.
    """
    named = command_named(environ, variable)
    if named:
        return named
    for name in usual:
        if shutil.which(name):
            return [name]
    raise UsageError(
        f"there is no {usual[-1]} program",
        where="PATH",
        remedy=f"install LLVM or binutils, or set {variable} to one",
    )


def check_elf(platform: Platform, option: str, source: Path) -> None:
    """Refuse a library whose objects are not ELF, which these options require.

    Raises:
        UsageError: The platform has a different format.
    """
    if platform.os in ("darwin", "windows"):
        raise UsageError(
            f"{option} is for ELF, which {platform} is not",
            where=str(source),
            remedy="leave it out; on macOS link it yourself: ld -r -all_load -exported_symbol '_PREFIX_*'",
        )


def run(command: Sequence[str], variable: str, source: Path) -> None:
    """Run a program on a library.

    Args:
        command: The program from `program`, with more arguments.
        variable: See there.
        source: The library, for errors.

    Raises:
        UsageError: It cannot be run, or fails.
    """
    try:
        done = run_bounded(command, seconds=TOOL_SECONDS)
    except TimeoutError:
        raise UsageError(
            f"{command[0]} has not ended after {TOOL_SECONDS:g} s",
            where=str(source),
            remedy=f"set {variable} to another program, or unset it",
        ) from None
    except OSError as error:
        if error.errno in SCARCE:
            raise
        raise UsageError(
            f"{command[0]} cannot be run: {error.strerror}",
            where=str(source),
            remedy=f"set {variable} to another program, or unset it",
        ) from None
    if done.code:
        raise UsageError(
            f"{command[0]} fails: {done.complaints()[:300]}",
            where=str(source),
            remedy=f"set {variable} to one for the platform: GNU's for it, or LLVM's",
        )
