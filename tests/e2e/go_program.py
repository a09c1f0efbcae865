"""Programs from Go modules that tests run: built once, in the tests' cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from cgo_prebuilt.files.file_lock import hold
from tests.bazel.debian_root import cache_folder


def provide_go_program(name: str, module: str, version: str, package: str = ".") -> Path:
    """Return the path of a program; skip the test if there is no go to build it.

    Args:
        name: The program.
        module: Its module.
        version: The module's version.
        package: The program's package, relative to the module.
    """
    cache = cache_folder(os.environ)
    program = cache / f"{name}-{version.removeprefix('v')}"
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / f"{name}-lock"):
        if not program.exists():
            _build(program, f"{module}@{version}", package)
    return program


def _build(program: Path, module: str, package: str) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"there is no go, to build {program.name} with")
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [go, "mod", "download", "-json", module],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        # In its own folder, so that its own go.sum says what its dependencies are.
        source = Path(folder, "source")
        shutil.copytree(json.loads(told.stdout)["Dir"], source)
        building = program.with_name(f"{program.name}.partial")
        command = [go, "build", "-o", str(building), package]
        subprocess.run(command, cwd=source, stdin=subprocess.DEVNULL, check=True)
        building.rename(program)
