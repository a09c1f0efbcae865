"""A small C library, released for two platforms and published as Go modules; and programs that use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bazel.debian_root import cache_folder
from tests.e2e.bazel_workspace import Result
from tests.e2e.compilers import shared_library, static_library
from tests.e2e.release import cgo_prebuilt
from tests.e2e.zig import zig_environment

HOST = "go.acme.test"
MODULE = f"{HOST}/Tiny"  # with a capital letter, which the protocol escapes
FORWARDING = "!tiny"
PLATFORMS = ("linux_amd64", "linux_arm64")

MANIFEST = """\
name: tiny
version: v0.3.0
urls: ["https://github.com/acme/tiny/releases/download/{version}/{file}"]
archives: [{file: "tiny-{version}-{platform}.tar.gz"}]
static_library: [lib/libtiny.a, lib/libbase.a]
headers: [include/**]
include_dirs: [include]
defines: [TINY=1]
linkopts: [-lm]
platforms: {linux_amd64: {}, linux_arm64: {}}
"""
BINDINGS_SECTION = f"go: {{module: {MODULE}, package: bindings, license: NOTICE}}\n"
LINKING_SECTION = f"go: {{module: {MODULE}}}\n"

_SOURCES = {
    "tiny.c": '#include "tiny/internal/base.h"\nint tiny_answer(void) { return base_answer(); }\n',
    "base.c": '#include <math.h>\n#include "tiny/internal/base.h"\n'
    "volatile double answer = ANSWER * ANSWER;\n"
    "int base_answer(void) { return (int)sqrt(answer); }\n",
}
_HEADERS = {
    "tiny/tiny.h": "#ifndef TINY\n#error TINY is not defined\n#endif\nint tiny_answer(void);\n",
    "tiny/internal/base.h": "int base_answer(void);\n",
}
_BINDINGS = """\
// Package tiny answers.
package tiny

// #include "tiny/tiny.h"
import "C"

// Answer is the answer.
func Answer() int { return int(C.tiny_answer()) }
"""
_BINDINGS_TEST = """\
package tiny

import "testing"

func TestAnswer(t *testing.T) { t.Fatal("never published") }
"""
PROGRAM = f"""\
package main

import (
	"fmt"

	tiny "{MODULE}"
)

func main() {{ fmt.Println("the answer is", tiny.Answer()) }}
"""
LINKING_PROGRAM = f"""\
package main

/*
#define TINY 1
#include "tiny.h"
*/
import "C"

import (
	"fmt"

	_ "{MODULE}"
)

func main() {{ fmt.Println("the answer is", C.tiny_answer()) }}
"""


@dataclass(frozen=True)
class GoRelease:
    """A maintainer's folder, with `prebuilt.yaml`, `dist` and `site`."""

    folder: Path

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def file(self, suffix: str, module: str = FORWARDING, version: str = "v0.3.0") -> Path:
        """A published file of a module; its name is escaped, below the host."""
        return self.site / HOST / module / "@v" / f"{version}{suffix}"

    def write_manifest(self, go: str = BINDINGS_SECTION, version: str = "v0.3.0") -> None:
        text = MANIFEST.replace("v0.3.0", version) + go
        (self.folder / "prebuilt.yaml").write_text(text)

    def pack(self, answer: int = 42) -> None:
        """Compile and pack the library for each platform; its answer differs by platform."""
        for number, platform in enumerate(PLATFORMS):
            stage = self.folder / f"stage-{platform}"
            compile_library(stage, platform, answer + number)
            self.run(
                "pack", "prebuilt.yaml", "--platform", platform, "--from", stage, "--output", "dist"
            )

    def build(self, *options: str, env: Mapping[str, str] | None = None) -> Result:
        """Publishes what is in `dist`; a failure does not raise."""
        return cgo_prebuilt(
            "goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site", *options,
            cwd=self.folder, env=env,
        )  # fmt: skip

    def run(self, *arguments: str | Path) -> str:
        return cgo_prebuilt(*arguments, cwd=self.folder).checked().stdout


def make_release(folder: Path) -> GoRelease:
    """Compiles and packs the library, and writes a manifest with bindings."""
    release = GoRelease(folder)
    (folder / "bindings").mkdir(parents=True)
    (folder / "bindings" / "tiny.go").write_text(_BINDINGS)
    (folder / "bindings" / "tiny_test.go").write_text(_BINDINGS_TEST)
    (folder / "NOTICE").write_text("Do what you like.\n")
    release.write_manifest()
    release.pack()
    return release


def compile_library(stage: Path, platform: str, answer: int) -> None:
    """Compiles the two archives, of which the first one needs the second."""
    for name, text in _HEADERS.items():
        header = stage / "include" / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(text)
    for name, text in _SOURCES.items():
        archive = stage / "lib" / f"lib{Path(name).stem}.a"
        static_library(platform, text, archive, *_flags(stage, answer))


def compile_shared_form(stage: Path, platform: str, answer: int) -> None:
    """Links what is in the two archives into `lib/libtiny.so`, too."""
    library = stage / "lib" / "libtiny.so"
    options = [*_flags(stage, answer), "-Wl,-soname,libtiny.so", "-lm"]
    shared_library(platform, "".join(_SOURCES.values()), library, *options)


def _flags(stage: Path, answer: int) -> list[str]:
    return ["-DTINY=1", f"-DANSWER={answer}.0", f"-I{stage / 'include'}"]


@dataclass(frozen=True)
class Program:
    """A Go program in a folder, with a module cache of its own that is empty at first."""

    folder: Path
    proxy: str

    @property
    def module_cache(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-modules")

    def go(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run the real go, without the caller's Go environment."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GO", "CGO_")) and not name.lower().endswith("_proxy")
        }
        cache = cache_folder(os.environ) / "go-build"
        cache.mkdir(parents=True, exist_ok=True)
        own = {
            "GOCACHE": str(cache),
            "GOENV": "off",
            "GOFLAGS": "-modcacherw",
            "GOMODCACHE": str(self.module_cache),
            "GOPATH": str(self.folder.with_name("gopath")),
            "GOPROXY": self.proxy,
            "GOSUMDB": "off",
            "GOTOOLCHAIN": "local",
        }
        done = subprocess.run(
            ["go", *arguments],
            cwd=self.folder,
            env={**inherited, **own, **zig_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def zips(self) -> list[str]:
        """The zips in its module cache, by path below the module's host."""
        downloads = self.module_cache / "cache" / "download" / HOST
        return sorted(path.relative_to(downloads).as_posix() for path in downloads.rglob("*.zip"))


def make_program(folder: Path, release: GoRelease, proxy: str, source: str = PROGRAM) -> Program:
    """A program whose go.mod and go.sum have the lines that `goproxy require` prints."""
    folder.mkdir(parents=True)
    lines = json.loads(release.run("goproxy", "require", release.site, "--json"))
    (folder / "go.mod").write_text(f"module example.com/program\n\ngo 1.21\n\n{lines['go.mod']}")
    (folder / "go.sum").write_text(lines["go.sum"])
    (folder / "main.go").write_text(source)
    return Program(folder, proxy)


def needs_linux_amd64() -> pytest.MarkDecorator:
    """Skip a test if the machine cannot run programs that gcc builds for linux_amd64."""
    here = (sys.platform, os.uname().machine) if hasattr(os, "uname") else (sys.platform, "")
    return pytest.mark.skipif(
        here != ("linux", "x86_64") or shutil.which("gcc") is None,
        reason="needs gcc on linux_amd64",
    )
