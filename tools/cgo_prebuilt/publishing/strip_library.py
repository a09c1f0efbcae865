"""Strip debug information with the binutils of the host or of LLVM."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import program, run

_VERSION_SECONDS = 10.0
"""The longest that a program may take to say what it is."""


def strip_library(
    platform: Platform, source: Path, target: Path, environ: Mapping[str, str] = os.environ
) -> None:
    """Write a copy of a library without debug information; its symbols stay.

    Args:
        platform: What the library is for.
        source: The library.
        target: The copy; its folder is made. May be the library itself.
        environ: `STRIP` names the program and its first options.

    Raises:
        UsageError: There is no program for it, or it fails. See `binutils`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source != target:
        shutil.copyfile(source, target)
    # LLVM's knows every format; the host's, often its own only.
    strip = program(environ, "STRIP", "llvm-strip", "strip")
    options = ["-S"] if platform.os == "darwin" else ["--strip-debug"]
    if not _is_of_apple(strip):
        options.append("-D")  # neither times nor owners in an archive's index
    run([*strip, *options, str(target)], "STRIP", source)


def _is_of_apple(strip: list[str]) -> bool:
    try:
        printed = run_bounded([*strip, "--version"], seconds=_VERSION_SECONDS).printed
    except OSError:
        return False
    return b"GNU" not in printed and b"LLVM" not in printed
