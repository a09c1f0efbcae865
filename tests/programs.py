"""Provide the programs that tests and benchmarks run: from this machine, else by Debian's package.

A test is skipped only where neither is available.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from cgo_prebuilt.files.file_lock import hold
from tests.bazel.debian_root import cache_folder

# Debian's folders of servers and mkfs programs, which are not on a user's PATH.
_MORE_FOLDERS = "/usr/sbin:/sbin"


def provide(program: str, package: str) -> str:
    """The path of a program; if missing, its package is installed, or the test skipped.

    Args:
        program: Its name.
        package: Debian's package that has it.
    """
    found = _find(program)
    if found is None:
        install(package)
        found = _find(program)
        assert found is not None, f"{package} is installed, and {program} is not there"
    return found


def install(*packages: str) -> None:
    """Install Debian packages, even if another process does so, too; or skip the test."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"only root of a Debian machine can install {' '.join(packages)}")
    # RUNLEVEL=1: a package's own service is not started (invoke-rc.d(8)).
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    options = ["--quiet", "-o", "DPkg::Lock::Timeout=300"]
    wanted = ["install", "--yes", "--no-install-recommends", *packages]
    cache = cache_folder(os.environ)
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / "apt-lock"):
        # A single broken source fails the update; the installation shows whether it mattered.
        for command, matters in ((["update"], False), (wanted, True)):
            subprocess.run(
                ["apt-get", *options, *command],
                check=matters,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], _MORE_FOLDERS]))
