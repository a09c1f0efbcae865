"""Real libraries, described by `init`, locked, linked and run: by `go run`, and by Bazel's `cc_binary`."""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.compilers import compiler, run_tool
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import cgo_prebuilt, go_run
from tests.e2e.zoo import LARGE, SMALL, Animal

pytestmark = [
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"),
        reason="libraries for linux_amd64",
    ),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="libraries of Debian's packages"),
]


def _described(animal: Animal, server: ArchiveServer, folder: Path) -> bytes:
    """Draft and lock a library from the page that lists its files; return the lock."""
    folder.mkdir()
    place = f"{server.url}/{animal.name}/"
    environment = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    done = cgo_prebuilt("init", place, *animal.options, "--json", cwd=folder, env=environment)
    answer = json.loads(done.checked().stdout)
    assert answer["name"] == animal.name
    assert tuple(answer["platforms"]) == animal.platforms
    return (folder / "prebuilt.lock.json").read_bytes()


def _link_for(target: str, animal: Animal, folder: Path) -> bytes:
    """Return the first bytes of a C program for another platform, linked by `env`'s flags."""
    environment = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    command = ("env", "--lock", "prebuilt.lock.json", "--platform", target, "--shell", "json")
    shown = cgo_prebuilt(*command, cwd=folder, env=environment).checked()
    variables = json.loads(shown.stdout)
    file, text = animal.c_program()
    (folder / file).write_text(text)
    flags = [*shlex.split(variables["CGO_CFLAGS"]), *shlex.split(variables["CGO_LDFLAGS"])]
    # gcc and Apple's clang link the stack unwinder by default.
    run_tool(*compiler(target), folder / file, *flags, "-lunwind", "-o", folder / target)
    return (folder / target).read_bytes()[:4]


def _visit(
    animals: Sequence[Animal], server: ArchiveServer, workspace: MakeWorkspace, folder: Path
) -> None:
    files: dict[str, str | bytes] = {}
    targets, module = [], ""
    for animal in animals:
        (server.folder / animal.name).mkdir()
        animal.bring(server.folder / animal.name)
        started = time.monotonic()
        lock = _described(animal, server, folder / animal.name)
        assert go_run(folder / animal.name, animal.go_program()).startswith(animal.words)
        print(f"{animal.name}: {time.monotonic() - started:.1f} s from init to a running program")
        for target in animal.links_for:
            magic = _link_for(target, animal, folder / animal.name)
            assert magic.startswith(b"MZ" if "windows" in target else b"\xcf\xfa\xed\xfe")
        file, text = animal.c_program()
        files |= {f"{animal.name}.lock.json": lock, file: text}
        targets.append(
            f'cc_binary(name = "{animal.name}_main", srcs = ["{file}"], deps = ["@{animal.name}"])\n'
        )
        module += f'prebuilt.library(name = "{animal.name}", lock = "//:{animal.name}.lock.json")\n'
    names = ", ".join(f'"{animal.name}"' for animal in animals)
    made = workspace(
        {
            "BUILD.bazel": 'load("@rules_cc//cc:cc_binary.bzl", "cc_binary")\n' + "".join(targets),
            **files,
        },
        module='prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")\n'
        f"{module}use_repo(prebuilt, {names})\n",
    )
    made.bazel("build", *(f"//:{animal.name}_main" for animal in animals)).checked()
    for animal in animals:
        program = made.in_root(str(made.path / "bazel-bin" / f"{animal.name}_main"))
        assert program.checked().stdout.startswith(animal.words)


def test_small_libraries_are_described_linked_and_run(
    archive_server: ArchiveServer, workspace: MakeWorkspace, tmp_path: Path
) -> None:
    _visit(SMALL, archive_server, workspace, tmp_path)


@pytest.mark.slow
def test_large_libraries_are_described_linked_and_run(
    archive_server: ArchiveServer, workspace: MakeWorkspace, tmp_path: Path
) -> None:
    _visit(LARGE, archive_server, workspace, tmp_path)
