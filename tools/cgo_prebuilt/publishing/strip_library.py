"""Removing debug information, with the binutils of the host or of LLVM."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import Platform


def strip_library(
    platform: Platform, source: Path, target: Path, environ: Mapping[str, str] = os.environ
) -> None:
    """Writes a copy of a library without its debug information; its symbols stay.

    Args:
        platform: What the library is for.
        source: The library.
        target: The copy; its folder is made. May be the library itself.
        environ: `STRIP` names the program and its first options.

    Raises:
        UsageError: There is no program for it, or it fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source != target:
        shutil.copyfile(source, target)
    program = _program(environ)
    options = ["-S"] if platform.os == "darwin" else ["--strip-debug"]
    if not _is_of_apple(program):
        options.append("-D")  # neither times nor owners in an archive's index
    done = subprocess.run(
        [*program, *options, str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UsageError(
            f"{program[0]} cannot strip it: {' '.join(done.stderr.split())[:300]}",
            where=str(source),
            remedy="set STRIP to one that knows the platform, such as llvm-strip",
        )


def _program(environ: Mapping[str, str]) -> list[str]:
    named = shlex.split(environ.get("STRIP", ""))
    if named:
        return named
    # LLVM's knows every format; the host's, often its own only.
    for name in ("llvm-strip", "strip"):
        if shutil.which(name):
            return [name]
    raise UsageError(
        "there is no strip program",
        remedy="install LLVM or binutils, or set STRIP to one",
    )


def _is_of_apple(program: list[str]) -> bool:
    done = subprocess.run([program[0], "--version"], capture_output=True, text=True, check=False)
    return "GNU" not in done.stdout and "LLVM" not in done.stdout
