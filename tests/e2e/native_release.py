"""Releases of native libraries that a test describes: C sources, compiled, packed, locked and served."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bazel.debian_root import cache_folder
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.release import cgo_prebuilt

ZIG_TARGETS = {
    "darwin_arm64": "aarch64-macos",
    "linux_amd64": "x86_64-linux-gnu.2.28",
    "linux_amd64_musl": "x86_64-linux-musl",
    "linux_arm64": "aarch64-linux-gnu.2.28",
    "windows_amd64": "x86_64-windows-gnu",
}
"""What zig calls a platform."""


def run(command: Sequence[str | Path], folder: Path) -> None:
    """Runs a command of a maintainer's; the test fails with what it said."""
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(zig_cache())}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def zig_cache() -> Path:
    """Where zig keeps the C libraries that it compiles for a target, from one test run to the next."""
    return cache_folder(os.environ) / "zig"


def archive(folder: Path, path: str, sources: Mapping[str, str], platform: str = "") -> None:
    """Compiles C sources into a static archive; by zig for a platform, else by the host's compiler."""
    zig = [sys.executable, "-m", "ziglang"]
    compiler = [*zig, "cc", "-target", ZIG_TARGETS[platform]] if platform else ["gcc"]
    archiver = [*zig, "ar"] if platform else ["ar"]
    objects = []
    for name, text in sources.items():
        (folder / name).write_text(text)
        # No calls of the runtime's: what links it need not bring any.
        run(
            [*compiler, "-c", "-O1", "-fPIC", "-fno-stack-protector", name, "-o", f"{name}.o"],
            folder,
        )
        objects.append(f"{name}.o")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).unlink(missing_ok=True)
    run([*archiver, "rcs", path, *objects], folder)


def shared(folder: Path, path: str, sources: Mapping[str, str], soname: str) -> None:
    """Compiles C sources into a shared library of a name."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    run(["gcc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", *sources, "-o", path], folder)


@dataclass(frozen=True)
class NativeRelease:
    """A release of one library.

    Attributes:
        folder: Where the maintainer works; made.
        server: What serves the archives.
        name: The library.
    """

    folder: Path
    server: ArchiveServer
    name: str

    def built(self, platform: str = "linux_amd64") -> Path:
        """An empty folder for what is built for a platform."""
        folder = self.folder / f"built-{platform}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def archive_path(self, platform: str) -> str:
        """The path of a platform's archive on the server."""
        return f"/{self.name}-v1.0.0-{platform}.tar.gz"

    def publish(self, manifest: str, platforms: Sequence[str] = ("linux_amd64",)) -> bytes:
        """Packs and locks what was built.

        Args:
            manifest: What it says beside names, URLs and archives.
            platforms: Those that something was built for.

        Returns:
            The lock.
        """
        (self.folder / "prebuilt.yaml").write_text(
            f"name: {self.name}\n"
            "version: v1.0.0\n"
            f"urls: ['{self.server.url}/{{file}}']\n"
            "archives: [{file: '{name}-{version}-{platform}.tar.gz'}]\n"
            f"{manifest}"
        )
        cache = {"CGO_PREBUILT_CACHE": str(self.folder / "store")}
        for platform in platforms:
            cgo_prebuilt(
                "pack", "prebuilt.yaml", "--platform", platform,
                "--from", f"built-{platform}", "--output", self.server.folder,
                cwd=self.folder, env=cache,
            ).checked()  # fmt: skip
        cgo_prebuilt("lock", "prebuilt.yaml", cwd=self.folder, env=cache).checked()
        self.server.requests.clear()
        return (self.folder / "prebuilt.lock.json").read_bytes()
