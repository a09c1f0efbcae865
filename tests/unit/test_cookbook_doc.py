"""docs/cookbook.md: each manifest locks a release of its shape, and a program with it links and runs."""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.guide import Block, read_guide
from tests.unit.archive_builders import archive_of
from tests.unit.command_case import Run, runner

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="links for linux_amd64"
)

RECIPES = {str(block.file): block for block in read_guide("docs/cookbook.md") if block.file}
HEADER = b"int quill_answer(void);\n"
SOURCE = "int quill_answer(void) { return 42; }\n"
PROGRAM = """\
#include <stdio.h>
#include "quill.h"
int main(void) { return printf("%d", quill_answer()) < 0; }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The library, built: a static and a shared one."""
    folder = tmp_path_factory.mktemp("quill")
    (folder / "quill.c").write_text(SOURCE)
    soname = "-Wl,-soname,libquill.so.2"
    for command in (
        ["cc", "-fPIC", "-c", "quill.c"],
        ["ar", "rcs", "libquill.a", "quill.o"],
        ["cc", "-shared", soname, "-o", "libquill.so.2.1", "quill.o"],
    ):
        subprocess.run(command, cwd=folder, check=True)
    return {name: (folder / name).read_bytes() for name in ("libquill.a", "libquill.so.2.1")}


def with_links(prefix: str, library: bytes) -> bytes:
    """A tarball in which two of the library's names are links to the third."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in (("include/quill.h", HEADER), ("lib/libquill.so.2.1", library)):
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (("so.2", "libquill.so.2.1"), ("so", "libquill.so.2")):
            link = tarfile.TarInfo(f"{prefix}/lib/libquill.{name}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return out.getvalue()


Publish = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]

RELEASES: Mapping[str, Publish] = {
    "wheel.yaml": lambda built: {
        "quill-2.1.0-py3-none-manylinux_2_28_x86_64.whl": archive_of(
            {
                "quill/__init__.py": b"",
                "quill/include/quill.h": HEADER,
                "quill/lib/libquill.so.2.1": built["libquill.so.2.1"],
                "quill-2.1.0.dist-info/METADATA": b"Name: quill\n",
            },
            "zip",
        )
    },
    "npm.yaml": lambda built: {
        "quill-linux-x64-2.1.0.tgz": archive_of(
            {
                "package/package.json": b"{}",
                "package/include/quill.h": HEADER,
                "package/lib/libquill.a": built["libquill.a"],
            }
        )
    },
    "gomodule.yaml": lambda built: {
        "v2.1.0.zip": archive_of(
            {
                f"github.com/acme/quill-go@v2.1.0/{name}": data
                for name, data in (
                    ("go.mod", b"module github.com/acme/quill-go\n"),
                    ("include/quill.h", HEADER),
                    ("libs/linux_amd64/libquill.a", built["libquill.a"]),
                    ("libs/darwin_arm64/libquill.a", b"!<arch>\n"),
                )
            },
            "zip",
        )
    },
    "loose.yaml": lambda built: {
        "libquill-linux-amd64.a": built["libquill.a"],
        "quill.h": HEADER,
    },
    "links.yaml": lambda built: {
        "quill-linux-x64-2.1.0.tgz": with_links("quill-linux-x64-2.1.0", built["libquill.so.2.1"])
    },
    "deb.yaml": lambda built: {
        "libquill-dev_2.1.0-1_amd64.deb": archive_of(
            {
                "./usr/include/quill.h": HEADER,
                "./usr/lib/x86_64-linux-gnu/libquill.a": built["libquill.a"],
            },
            "deb",
        )
    },
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def test_each_shape_has_a_release_here() -> None:
    assert set(RECIPES) == set(RELEASES)


@pytest.mark.parametrize("name", RELEASES)
def test_a_recipe_is_locked_fetched_linked_and_run(
    run: Run,
    tmp_path: Path,
    built: Mapping[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    recipe: Block = RECIPES[name]
    (tmp_path / "prebuilt.yaml").write_text(recipe.text)
    (tmp_path / "dist").mkdir()
    for file, data in RELEASES[name](built).items():
        (tmp_path / "dist" / file).write_bytes(data)
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", str(tmp_path / "dist"))
    assert run("lock", "prebuilt.yaml").code == 0
    fetched = run("fetch", "--platform", "linux_amd64", "--output", "quill")
    assert fetched.code == 0, fetched.err
    (tmp_path / "main.c").write_text(PROGRAM)
    libraries = sorted((tmp_path / "quill").rglob("libquill.*"))
    words = ["cc", "main.c", "-o", "main", "-Iquill/include", str(libraries[0])]
    subprocess.run([*words, f"-Wl,-rpath,{libraries[0].parent}"], cwd=tmp_path, check=True)
    done = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout == b"42"
