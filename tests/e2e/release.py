"""A small release for the tests: a C library, compiled, packed, locked and served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Result
from tests.e2e.compilers import static_library

NAME = "answer"

HEADER = """\
#ifdef __cplusplus
extern "C" {
#endif
int answer(void);
#ifdef __cplusplus
}
#endif
"""

MAIN_CC = """\
#include <cstdio>
#include "answer.h"
int main() { std::printf("the answer is %d\\n", answer()); }
"""

MAIN_GO = """\
package main

// #include "answer.h"
import "C"

import "fmt"

func main() { fmt.Printf("the answer is %d\\n", int(C.answer())) }
"""

BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "main_cc",
    srcs = ["main.cc"],
    deps = ["@answer"],
)

cgo_binary(
    name = "main_go",
    srcs = ["main.go"],
    cdeps = ["@answer"],
)

platform(
    name = "linux_amd64",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
)

platform(
    name = "linux_arm64",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:aarch64"],
)

platform(
    name = "linux_amd64_musl",
    constraint_values = [
        "@platforms//os:linux",
        "@platforms//cpu:x86_64",
        "@rules_cgo_prebuilt//rules/libc:musl",
    ],
)

platform(
    name = "windows_amd64",
    constraint_values = ["@platforms//os:windows", "@platforms//cpu:x86_64"],
)
"""

MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "answer", lock = "//:answer.lock.json")
use_repo(prebuilt, "answer")
"""


def cgo_prebuilt(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Result:
    """Runs the command of this checkout as a user does: in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cgo_prebuilt", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tools"), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


_ANYWHERE = "http://anywhere.invalid"
_PUBLISHED: dict[tuple[int, tuple[str, ...], str], tuple[str, dict[str, bytes]]] = {}
"""The lock and the served files of each release that a test of this run has made."""


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@dataclass(frozen=True)
class Release:
    """A published release of the library.

    Attributes:
        folder: The maintainer's folder.
        server: The server of `dist`.
    """

    folder: Path
    server: ArchiveServer

    @property
    def lock(self) -> Path:
        return self.folder / "answer.lock.json"

    def archive(self, platform: str) -> str:
        return f"answer-v1.0.0-{platform}.tar.zst"

    def publish(
        self,
        answer: int = 42,
        platforms: Sequence[str] = ("linux_amd64",),
        from_source: str = "",
    ) -> None:
        """Compile, pack and lock the library; each platform's archive has different bytes.

        A later test's release with the same arguments reuses the bytes of the first one.

        `from_source` is the manifest's section `source`, as YAML.
        """
        self._write_manifest(platforms, from_source)
        key = (answer, tuple(platforms), from_source)
        if self.lock.exists() or key not in _PUBLISHED:
            is_first = not self.lock.exists()
            self._make(answer, platforms)
            if is_first:
                lock = self.lock.read_text().replace(self.server.url, _ANYWHERE)
                _PUBLISHED[key] = lock, _files(self.server.folder)
        else:
            lock, files = _PUBLISHED[key]
            self.lock.write_text(lock.replace(_ANYWHERE, self.server.url))
            for name, content in files.items():
                (self.server.folder / name).write_bytes(content)
        self.server.requests.clear()

    def _make(self, answer: int, platforms: Sequence[str]) -> None:
        for number, platform in enumerate(platforms):
            built = self.folder / f"built-{platform}"
            (built / "include").mkdir(parents=True, exist_ok=True)
            (built / "include/answer.h").write_text(HEADER)
            source = f"int answer(void) {{ return {answer + 1000 * number}; }}\n"
            static_library(platform, source, built / "lib/libanswer.a")
            self._run(
                "pack", "answer.yaml", "--platform", platform, "--from", built,
                "--output", self.server.folder,
            )  # fmt: skip
        self._run("lock", "answer.yaml")

    def _write_manifest(self, platforms: Sequence[str], from_source: str) -> None:
        listed = "".join(f"  {platform}: {{linkopts: [-lm]}}\n" for platform in platforms)
        (self.folder / "answer.yaml").write_text(
            "name: answer\n"
            "version: v1.0.0\n"
            f"urls: ['{self.server.url}/{{file}}']\n"
            "archives: [{file: 'answer-{version}-{platform}.tar.zst'}]\n"
            "static_library: lib/libanswer.a\n"
            "headers: [include/**]\n"
            "include_dirs: [include]\n"
            f"platforms:\n{listed}{from_source}"
        )

    def _run(self, *arguments: str | Path) -> None:
        cache = {"CGO_PREBUILT_CACHE": str(self.folder / "maintainers-store")}
        cgo_prebuilt(*arguments, cwd=self.folder, env=cache).checked()


def go_run(folder: Path, program: str) -> str:
    """Return the output of a program under plain `go run`, in the environment of `env`."""
    environment = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    command = ("env", "--lock", "prebuilt.lock.json", "--shell", "json")
    shown = cgo_prebuilt(*command, cwd=folder, env=environment).checked()
    (folder / "program").mkdir()
    (folder / "program/go.mod").write_text("module program\n\ngo 1.21\n")
    (folder / "program/main.go").write_text(program)
    done = subprocess.run(
        ["go", "run", "."],
        cwd=folder / "program",
        env={**os.environ, **json.loads(shown.stdout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
