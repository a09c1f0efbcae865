"""The command as its users install it: from this checkout, in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cgo_prebuilt import __version__
from tests.e2e.bazel_workspace import REPOSITORY


def test_pip_install_gives_a_working_command(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    install = [
        str(programs / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(REPOSITORY),
    ]
    subprocess.run(install, check=True)
    for command in ([programs / "cgo-prebuilt"], [programs / "python", "-m", "cgo_prebuilt"]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"cgo-prebuilt {__version__}\n"
    host = subprocess.run([programs / "cgo-prebuilt", "platform"], capture_output=True, check=True)
    assert host.stdout.strip()


def test_the_versions_of_the_module_and_of_the_package_are_equal() -> None:
    module = (REPOSITORY / "MODULE.bazel").read_text()
    assert f'version = "{__version__}"' in module.split("bazel_dep")[0]
