"""Run binutils: the host's, LLVM's, or those named by the environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.errors import SCARCE, UsageError
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import command_named

TOOL_SECONDS = 600.0
"""The time limit of a program; the largest libraries usually take some seconds."""


class Binutil:
    """A program of binutils.

    Args:
        variable: The variable that names the program and its first options, such as `STRIP`.
        usual: The default programs, of which the first available one is used.

    Raises:
        UsageError: No program is available, or the variable is not a command line.
    """

    def __init__(self, variable: str, *usual: str) -> None:
        self._variable = variable
        found = (name for name in usual if shutil.which(name))
        self.command = command_named(os.environ, variable) or list(islice(found, 1))
        if not self.command:
            raise UsageError(
                f"there is no {usual[-1]} program",
                where="PATH",
                remedy=f"install LLVM or binutils, or set {variable} to one",
            )

    def run(self, arguments: Sequence[str], source: Path) -> None:
        """Run it on a library.

        Args:
            arguments: The arguments after its first options.
            source: The library, for errors.

        Raises:
            UsageError: It cannot be run, or fails.
        """
        name, other = self.command[0], f"set {self._variable} to another program, or unset it"
        try:
            done = run_bounded([*self.command, *arguments], seconds=TOOL_SECONDS)
        except TimeoutError:
            raise UsageError(
                f"{name} did not end within {TOOL_SECONDS:g} s", where=str(source), remedy=other
            ) from None
        except OSError as error:
            if error.errno in SCARCE:
                raise
            raise UsageError(
                f"{name} cannot be run: {error.strerror}", where=str(source), remedy=other
            ) from None
        if done.code:
            raise UsageError(
                f"{name} fails: it {done.failure()}",
                where=str(source),
                remedy=f"set {self._variable} to one for the platform: GNU's for it, or LLVM's",
            )


def check_elf(platform: Platform, option: str, source: Path) -> None:
    """Refuse a library whose objects are not ELF, which these options require.

    Raises:
        UsageError: The platform has a different format.
    """
    if platform.os in ("darwin", "windows"):
        raise UsageError(
            f"{option} requires ELF, which {platform} does not use",
            where=str(source),
            remedy="leave it out; on macOS link it yourself: ld -r -all_load -exported_symbol '_PREFIX_*'",
        )
