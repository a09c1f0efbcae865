"""Releases of native libraries that a test describes: C sources, compiled, packed, locked and served."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.compilers import archiver, compiler, run_tool
from tests.e2e.release import HEADER, cgo_prebuilt

MAIN_GO = """\
package main

// #include "answer.h"
import "C"

import "fmt"

func main() { fmt.Println(int(C.answer())) }
"""

PLAIN = "headers: [include/**]\ninclude_dirs: [include]\nplatforms: {linux_amd64: {}}\n"
"""The lines of a manifest for this platform, besides the library itself."""


def archive(
    folder: Path, path: str, sources: Mapping[str, str], platform: str = "linux_amd64"
) -> None:
    """Compiles C sources into a static archive for a platform."""
    objects = []
    for name, text in sources.items():
        (folder / name).write_text(text)
        objects.append(folder / f"{name}.o")
        # No calls into zig's runtime, which the linking program may lack.
        flags = ["-c", "-O1", "-fPIC", "-fno-sanitize=all", "-fno-stack-protector"]
        run_tool(*compiler(platform), *flags, folder / name, "-o", objects[-1])
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).unlink(missing_ok=True)
    run_tool(*archiver(platform), "rcs", folder / path, *objects)


def shared(folder: Path, path: str, sources: Mapping[str, str], soname: str) -> None:
    """Compiles C sources into a shared library of a name."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    flags = ["-shared", "-fPIC", f"-Wl,-soname,{soname}"]
    run_tool("gcc", *flags, *[folder / name for name in sources], "-o", folder / path)


@dataclass(frozen=True)
class NativeRelease:
    """A release of one library.

    Attributes:
        folder: The maintainer's folder, which is created.
        server: The server of the archives.
        name: The library.
    """

    folder: Path
    server: ArchiveServer
    name: str

    def built(self, platform: str = "linux_amd64") -> Path:
        """Return an empty folder for a platform's built files."""
        folder = self.folder / f"built-{platform}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def built_with_header(self, platform: str = "linux_amd64") -> Path:
        """Return such a folder with `include/answer.h` in it."""
        folder = self.built(platform)
        (folder / "include").mkdir()
        (folder / "include/answer.h").write_text(HEADER)
        return folder

    def archive_path(self, platform: str) -> str:
        """The path of a platform's archive on the server."""
        return f"/{self.name}-v1.0.0-{platform}.tar.gz"

    def publish(
        self,
        manifest: str,
        platforms: Sequence[str] = ("linux_amd64",),
        pack: Sequence[str] = (),
    ) -> bytes:
        """Packs and locks what was built.

        Args:
            manifest: Its lines besides names, URLs and archives.
            platforms: The platforms with built files.
            pack: More options for `pack`.

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
                "--from", f"built-{platform}", "--output", self.server.folder, *pack,
                cwd=self.folder, env=cache,
            ).checked()  # fmt: skip
        cgo_prebuilt("lock", "prebuilt.yaml", cwd=self.folder, env=cache).checked()
        self.server.requests.clear()
        return (self.folder / "prebuilt.lock.json").read_bytes()
