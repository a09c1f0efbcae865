"""The command as its users install it: with pipx, from what is uploaded for them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt import __version__
from tests.e2e.bazel_workspace import REPOSITORY

PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    run(sys.executable, "-m", "build", "--outdir", folder, REPOSITORY)
    return folder


def test_pipx_installs_a_working_command(distributions: Path, tmp_path: Path) -> None:
    folders = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    (wheel,) = distributions.glob("*.whl")
    run(sys.executable, "-m", "pipx", "install", "--quiet", wheel, env=folders)
    command = tmp_path / "bin" / ("cgo-prebuilt.exe" if sys.platform == "win32" else "cgo-prebuilt")
    assert run(command, "--version") == f"cgo-prebuilt {__version__}\n"
    assert run(command, "platform").strip()
    python = tmp_path / "home" / "venvs" / "cgo-prebuilt" / PROGRAMS / "python"
    assert run(python, "-m", "cgo_prebuilt", "--version") == f"cgo-prebuilt {__version__}\n"


def test_the_uploads_contain_the_package_and_its_license(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    assert wheel.name == f"cgo_prebuilt-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    metadata = f"cgo_prebuilt-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"cgo_prebuilt", metadata}
    assert {"cgo_prebuilt/py.typed", f"{metadata}/licenses/LICENSE"} <= set(names)

    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as source:
        top = {name.split("/")[1] for name in source.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "tools"} <= top
    assert top.isdisjoint({"bench", "examples", "release", "rules", "tests"})
