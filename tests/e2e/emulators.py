"""Run programs for other systems: with qemu (arm64 Linux) and wine (Windows)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.compilers import shared_library
from tests.programs import install

_ARM64_LIBRARIES = Path("/usr/aarch64-linux-gnu")

# The folder of wine's program and libraries on Debian: `wine64` puts neither on the PATH.
_WINE_PROGRAMS = Path("/usr/lib/wine")
_WINE_LIBRARIES = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")

# Go loads it at start, but wine has it only from version 9 on.
_BCRYPT_PRIMITIVES = """\
unsigned char __stdcall SystemFunction036(void *, unsigned long);
__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *data, unsigned long long size) {
  return SystemFunction036(data, (unsigned long)size);
}
"""


def run_arm64(program: Path) -> str:
    """What a program for an arm64 Linux prints."""
    if shutil.which("qemu-aarch64") is None or not _ARM64_LIBRARIES.exists():
        install("qemu-user", "libc6-arm64-cross")
    command: list[str | Path] = ["qemu-aarch64", "-L", _ARM64_LIBRARIES, program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _wine() -> str | None:
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{_WINE_PROGRAMS}"
    return shutil.which("wine64", path=path) or shutil.which("wine", path=path)


def wine_folder(folder: Path) -> Path:
    """Create wine's Windows folders in a new folder.

    wine itself would copy all of its libraries, 700 MB; links to them are enough.
    """
    if _wine() is None or not _WINE_LIBRARIES.exists():
        install("wine64")
    prefix = folder / "wine"
    system = prefix / "drive_c/windows/system32"
    system.mkdir(parents=True)
    (prefix / ".update-timestamp").write_text("disable\n")
    for file in _WINE_LIBRARIES.iterdir():
        (system / file.name).symlink_to(file)
    if not (system / "bcryptprimitives.dll").exists():
        made = shared_library(
            "windows_amd64", _BCRYPT_PRIMITIVES, folder / "bcryptprimitives.dll", "-ladvapi32"
        )
        shutil.copy(made, system)
    return prefix


def run_windows(
    program: Path, prefix: Path, *search: Path, arguments: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs a program for Windows.

    Args:
        program: The program.
        prefix: The folder that `wine_folder` created.
        search: More folders to search for libraries, in addition to `PATH`.
        arguments: The program's arguments.
    """
    wine = _wine()
    assert wine is not None
    variables = {
        "WINEDEBUG": "-all",
        "WINEPATH": ";".join("Z:" + str(folder).replace("/", "\\") for folder in search),
        "WINEPREFIX": str(prefix),
    }
    return subprocess.run(
        [wine, program, *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
