"""Completions for shells, as the released program itself prints them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from release.commit import ReleaseError

SHELLS = ("bash", "zsh")


def completions(program: bytes) -> dict[str, str]:
    """Ask a program for its completions.

    Args:
        program: What `zip_app` made.

    Returns:
        What the shell is to read, by the shell's name.

    Raises:
        ReleaseError: The program failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.pyz")
        path.write_bytes(program)
        return {shell: _complete(path, shell) for shell in SHELLS}


def _complete(program: Path, shell: str) -> str:
    command = [sys.executable, "-S", str(program), "completion", shell]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"`completion {shell}` failed\n  {done.stderr.strip()}")
    return done.stdout
