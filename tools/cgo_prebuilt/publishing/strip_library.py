"""Strip debug information with the binutils of the host or of LLVM."""

from __future__ import annotations

import shutil
from pathlib import Path

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import Binutil

_VERSION_SECONDS = 10.0
"""The time limit for a program to print its version."""


def strip_library(platform: Platform, source: Path, target: Path) -> None:
    """Write a copy of a library without debug information; its symbols stay.

    Args:
        platform: The library's platform.
        source: The library.
        target: The copy; its folder is created if missing. May be the library itself.

    Raises:
        UsageError: No program is available, or it fails. See `binutils`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source != target:
        shutil.copyfile(source, target)
    # LLVM's program knows every format; the host's often only its own.
    strip = Binutil("STRIP", "llvm-strip", "strip")
    options = ["-S"] if platform.os == "darwin" else ["--strip-debug"]
    if not _is_of_apple(strip.command):
        options.append("-D")  # no times and owners in an archive's index
    strip.run([*options, str(target)], source)


def _is_of_apple(strip: list[str]) -> bool:
    try:
        printed = run_bounded([*strip, "--version"], seconds=_VERSION_SECONDS).stdout
    except OSError:
        return False
    return b"GNU" not in printed and b"LLVM" not in printed
