"""Download wheels by hash: the same ones on every machine and for every Python."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from release.commit import ReleaseError

ANY_MACHINE = ("--implementation=py", "--abi=none", "--platform=any")
LINUX = ("--implementation=cp", "--abi=cp310", "--platform=manylinux2014_x86_64")


def download(requirements: str, machine: Sequence[str]) -> dict[str, bytes]:
    """Download wheels.

    Args:
        requirements: The packages, in pip's format, each with a hash.
        machine: pip's options that name the machine to download for, instead of this one.

    Returns:
        The wheels by file name, sorted.

    Raises:
        ReleaseError: pip could not download them.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text(requirements)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        options += ["--require-hashes", "--python-version=3.10", *machine, f"--dest={folder}"]
        command = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(listed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReleaseError(
                f"pip could not download what the program needs\n  {done.stderr.strip()}\n"
                "  next: install pip for this Python, and check that it can reach its index"
            )
        return {wheel.name: wheel.read_bytes() for wheel in sorted(Path(folder).glob("*.whl"))}


def portable_files(wheel: bytes) -> dict[str, bytes]:
    """Return the platform-independent files of a wheel, by path."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith(("/", ".so")) and PurePosixPath(name).parts[0] != "_yaml"
        }
