"""Builds on workers of a real remote executor, whose system differs from Bazel's."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.bazel.executor_root import provide_executor_root
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Result, Tools, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.execution_log import read_execution_log
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release
from tests.e2e.remote_execution import Executor, remote_executor
from tests.e2e.rust_folder import copy_rust
from tests.e2e.source_projects import BUILD as SOURCE_BUILD
from tests.e2e.source_projects import CARGO, COMMAND, MAKE
from tests.guide import read_guide, under

pytestmark = [pytest.mark.slow, pytest.mark.own_server]

HEADER = """\
#ifdef __cplusplus
extern "C"
#endif
int answer(void);
"""

SOURCE = """\
source:
  path: native
  build: {tool: make}
  static_library: libanswer.a
  headers: [include/answer.h]
"""

# A worker that does not declare its tools, so that it is assumed to have those of Bazel's machine.
ONE_WORKER = """\
platform(
    name = "worker",
    constraint_values = ["@platforms//cpu:x86_64", "@platforms//os:linux"],
    exec_properties = {"OSFamily": "linux"},
)
"""

RUST_BUILD = """\
load("@rules_cgo_prebuilt//rules:toolchain.bzl", "source_build_toolchain")

source_build_toolchain(
    name = "rust",
    cargo = "bin/cargo",
    data = glob(["lib/**", "programs/*"]),
    rust_host = "x86_64-unknown-linux-gnu",
    rustc = "bin/rustc",
)

toolchain(
    name = "rust_toolchain",
    exec_compatible_with = ["@platforms//cpu:x86_64", "@platforms//os:linux"],
    toolchain = ":rust",
    toolchain_type = "@rules_cgo_prebuilt//rules/source:toolchain_type",
)
"""

CARGO_MAIN = """\
cc_binary(
    name = "cargo_main",
    srcs = ["main.c"],
    deps = [":by_cargo"],
)
"""
CARGO_MAIN_C = """\
#include <stdio.h>
#include "by_cargo.h"
int main(void) { printf("by cargo: %d\\n", by_cargo(2)); }
"""


@pytest.fixture(scope="module")
def rust(bazel_tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Rust, as a folder."""
    if bazel_tools.bazel.in_root is None:
        pytest.skip("the executor's workers have the compiler of Debian's Bazel, which this is not")
    folder = tmp_path_factory.mktemp("rust") / "rust"
    copy_rust(bazel_tools.bazel, folder)
    yield folder
    shutil.rmtree(folder)  # half a gigabyte, which pytest would keep for days


@pytest.fixture(scope="module")
def executor(
    bazel_tools: Tools, rust: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Executor]:
    """An executor with two workers; neither has cargo at the path of Bazel's machine."""
    assert bazel_tools.bazel.in_root is not None
    root = provide_executor_root(Path(bazel_tools.bazel.in_root).parents[1])
    folder = tmp_path_factory.mktemp("executor")
    shutil.copytree(rust, folder / "with-rust/rust", copy_function=os.link)
    with (
        remote_executor(root, folder) as executor,
        executor.worker("plain", {"OSFamily": "linux"}),
        executor.worker("with-rust", {"OSFamily": "linux", "tools": "rust"}),
    ):
        yield executor
    shutil.rmtree(
        folder, ignore_errors=True
    )  # of a machine that was just ended, something may remain


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(from_source=SOURCE)
    return made


def guide() -> list[str]:
    """The blocks of the guide's section."""
    return [block.text for block in under(read_guide("docs/hermetic-ci.md"), "Remote execution")]


@dataclass(frozen=True)
class Remote:
    """A workspace whose actions are executed remotely.

    Attributes:
        workspace: The workspace.
        log: The execution log of the last command.
    """

    workspace: Workspace
    log: Path

    def bazel(self, *arguments: str) -> Result:
        logged = f"--execution_log_json_file={self.log}"
        return self.workspace.bazel(*arguments, logged, "--noremote_accept_cached")

    def actions(self) -> dict[str, dict[str, Any]]:
        """Return the actions by mnemonic; all must run remotely, with no path of this machine."""
        entries = read_execution_log(self.log)
        assert {entry["runner"] for entry in entries} == {"remote"}
        tools = self.workspace.tools
        for ours in (self.workspace.path.parent, tools.folder, tools.bazel.in_root, REPOSITORY):
            assert str(ours) not in json.dumps(entries)
        return {entry["mnemonic"]: entry for entry in entries}


class MakeRemote(Protocol):
    """Makes a workspace with the guide's options, with its platforms or the one of `ONE_WORKER`."""

    def __call__(
        self, build: str, files: Mapping[str, str | bytes], module: str = "", *, kinds: int = 1
    ) -> Remote: ...


@pytest.fixture
def remote(workspace: MakeWorkspace, executor: Executor, tmp_path: Path) -> Iterator[MakeRemote]:
    def make(
        build: str, files: Mapping[str, str | bytes], module: str = "", *, kinds: int = 1
    ) -> Remote:
        options, platforms = guide()
        options = options.replace("grpcs://executor.example.com", executor.address)
        if kinds == 1:
            options, platforms = options.replace(",//:rust_worker", ""), ONE_WORKER
        made = workspace(
            {
                ".bazelrc": f"common --color=no --curses=no --noshow_progress\n{options}",
                "BUILD.bazel": load_first(build + platforms),
                **files,
            },
            module=module,
            # This path is in an action only if the PATH is.
            environment={"PATH": f"{os.environ['PATH']}:{tmp_path}"},
        )
        return Remote(made, tmp_path / "log.json")

    yield make
    print(executor.logs())  # pytest shows it of a test that failed


def load_first(build: str) -> str:
    """A BUILD file's text with its load statements before all else."""
    loads = [line for line in build.splitlines() if line.startswith("load(")]
    others = [line for line in build.splitlines() if not line.startswith("load(")]
    return "\n".join([*loads, *others, ""])


@pytest.mark.parametrize(
    ("target", "origin", "answer", "mnemonics"),
    [
        ("main_cc", "prebuilt", 42, {"CppCompile", "CppLink", "VerifyPrebuilt"}),
        ("main_cc", "source", 43, {"CppCompile", "CppLink", "SourceBuild"}),
        ("main_go", "prebuilt", 42, {"CgoBinary"}),
    ],
)
def test_a_worker_links_fetched_files_and_builds_their_source(
    remote: MakeRemote, release: Release, target: str, origin: str, answer: int, mnemonics: set[str]
) -> None:
    made = remote(
        BUILD,
        {
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
            "native/answer.c": "int answer(void) { return 43; }\n",
            "native/Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n",
            "native/include/answer.h": HEADER,
        },
        MODULE,
    )
    ran = made.bazel("run", f"//:{target}", f"--@answer//:origin={origin}").checked()
    assert ran.stdout == f"the answer is {answer}\n"
    assert mnemonics <= made.actions().keys()
    fetched = ["/" + release.archive("linux_amd64")] if origin == "prebuilt" else []
    assert release.server.paths() == fetched


def test_make_and_a_command_build_on_a_worker(remote: MakeRemote) -> None:
    made = remote(SOURCE_BUILD, {**MAKE, **COMMAND})
    made.bazel("build", "//:by_make", "//:by_command").checked()
    assert "SourceBuild" in made.actions()


def test_a_worker_that_lacks_a_tool_says_which_and_what_to_do(remote: MakeRemote) -> None:
    made = remote(SOURCE_BUILD, CARGO)
    failed = made.bazel("build", "//:by_cargo")
    assert failed.code != 0
    assert "by_cargo builds with cargo, and there is no /usr/bin/cargo on the" in failed.stderr
    assert "next: on that machine, install Rust" in failed.stderr
    assert "source_build_toolchain" in failed.stderr
    for word in ("line ", "No such file or directory", "Traceback"):
        assert word not in failed.stderr


def test_a_source_build_goes_to_the_worker_that_has_its_tools(remote: MakeRemote) -> None:
    made = remote(
        SOURCE_BUILD + CARGO_MAIN,
        {**CARGO, "main.c": CARGO_MAIN_C},
        'register_toolchains("//:rust_toolchain")\n',
        kinds=2,
    )
    assert made.bazel("run", "//:cargo_main").checked().stdout == "by cargo: 3\n"
    actions = made.actions()
    assert properties(actions["SourceBuild"]) == {"OSFamily": "linux", "tools": "rust"}
    assert properties(actions["CppLink"]) == {"OSFamily": "linux"}


def test_tools_that_are_inputs_need_nothing_from_the_worker(remote: MakeRemote, rust: Path) -> None:
    made = remote(
        SOURCE_BUILD + CARGO_MAIN,
        {**CARGO, "main.c": CARGO_MAIN_C, "rust/BUILD.bazel": RUST_BUILD},
        'register_toolchains("//rust:rust_toolchain")\n',
    )
    for part in rust.iterdir():
        (made.workspace.path / "rust" / part.name).symlink_to(part)
    assert made.bazel("run", "//:cargo_main").checked().stdout == "by cargo: 3\n"
    assert properties(made.actions()["SourceBuild"]) == {"OSFamily": "linux"}


def properties(action: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that an action required from its worker."""
    return {one["name"]: one["value"] for one in action["platform"]["properties"]}
