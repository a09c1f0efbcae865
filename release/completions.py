"""Shell completions, printed by the released program."""

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
        program: The program from `zip_app`.

    Returns:
        The completion scripts, by the shell's name.

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
