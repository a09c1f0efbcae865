"""Where the programs to compare with come from: this machine, else each one's own registry."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.programs import provide

# Kept up to date by hand: a later version is another measurement.
_DEBIAN = {
    "aria2c": "aria2",
    "bsdtar": "libarchive-tools",
    "curl": "curl",
    "skopeo": "skopeo",
    "zstd": "zstd",
}
_NPM = {"dotslash": "fb-dotslash@0.5.8"}
_GO = {"oras": "oras.land/oras/cmd/oras@v1.3.6"}


class PeerPrograms:
    """Finds or installs programs."""

    def __init__(self, folder: Path, *, install: bool) -> None:
        """Use a folder for programs that neither Debian nor pip has; `install` lets it install."""
        self._folder = folder
        self._install = install
        scripts = Path(sys.executable).parent  # pip's, of the extra `bench`
        # Not npm's own link, which starts it with Node.js.
        dotslash = folder / f"node_modules/fb-dotslash/bin/linux-musl.{platform.machine()}"
        folders = (folder / "bin", dotslash, scripts, os.environ["PATH"])
        self.path = os.pathsep.join(map(str, folders))

    def missing(self, names: Sequence[str]) -> str:
        """Install missing programs.

        Args:
            names: The programs' names.

        Returns:
            Why one of them cannot be installed; empty if all are available.
        """
        for name in names:
            if shutil.which(name, path=self.path) is None:
                why = self._provide(name) if self._install else "not installed"
                if why:
                    return f"{name}: {why}"
        return ""

    def _provide(self, name: str) -> str:
        try:
            if name in _DEBIAN:
                provide(name, _DEBIAN[name])
            elif name in _NPM:
                self._run(["npm", "install", "--silent", "--prefix", self._folder, _NPM[name]])
            elif name in _GO:
                self._run(["go", "install", _GO[name]], GOBIN=str(self._folder / "bin"))
            else:
                return "not installed"
        except (OSError, subprocess.CalledProcessError) as error:
            return f"not installable: {error}"
        except pytest.skip.Exception as error:
            return str(error)
        return ""

    def _run(self, command: Sequence[str | Path], **env: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, **env})
