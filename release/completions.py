"""Completions for shells, written by shtab from the command's own parser."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from release.commit import Commit, ReleaseError
from release.wheels import ANY_MACHINE, download

SHELLS = ("bash", "zsh")

_SHTAB = "release/shtab.txt"


def completions(commit: Commit, program: bytes) -> dict[str, str]:
    """Writes the completions of a program.

    Args:
        commit: Its commit, which names the shtab to use, by hash.
        program: What `zip_app` made of it.

    Returns:
        What the shell is to read, by the shell's name.

    Raises:
        ReleaseError: pip could not download shtab; or shtab failed.
    """
    (shtab,) = download(commit.text(_SHTAB), ANY_MACHINE)
    with tempfile.TemporaryDirectory() as folder:
        # Python imports from zips, which both of them are.
        path = [Path(folder, name) for name in ("shtab.zip", "program.zip")]
        for zipped, content in zip(path, (shtab, program), strict=True):
            zipped.write_bytes(content)
        return {shell: _complete(shell, os.pathsep.join(map(str, path))) for shell in SHELLS}


def _complete(shell: str, path: str) -> str:
    parser = ("--prog=cgo-prebuilt", "cgo_prebuilt.cli.parser")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "shtab", f"--shell={shell}", *parser],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"shtab failed on cgo_prebuilt.cli.parser\n  {done.stderr.strip()}")
    return done.stdout
