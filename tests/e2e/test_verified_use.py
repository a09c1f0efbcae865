"""What is linked is what was locked: files that change after they were fetched fail the build."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import Result, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.execution_log import read_execution_log
from tests.e2e.native_release import NativeRelease, archive, shared
from tests.e2e.release import BUILD, HEADER, MAIN_CC, MAIN_GO, MODULE, Release, cgo_prebuilt

ANSWER = "the answer is 42\n"
REPOSITORY = "rules_cgo_prebuilt{0}prebuilt{0}answer__linux_amd64"

# A program that depends on the library through two others; an action that uses its plain files.
FAR = """\
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_library(
    name = "near",
    srcs = ["near.cc"],
    deps = ["@answer"],
)

cc_library(
    name = "middle",
    deps = [":near"],
)

cc_binary(
    name = "far",
    srcs = ["far.cc"],
    deps = [":middle"],
)

genrule(
    name = "data",
    srcs = ["@answer"],
    outs = ["data.txt"],
    cmd = "wc $(SRCS) > $@",
)
"""


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    return workspace(
        {
            "BUILD.bazel": BUILD + FAR,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "near.cc": '#include "answer.h"\nint near() { return answer(); }\n',
            "far.cc": "int near();\nint main() { return near() == 42 ? 0 : 1; }\n",
            "answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE,
        name=name,
    )


def spoke(made: Workspace) -> Path:
    """The folder of the spoke's files."""
    base = made.bazel("info", "output_base").checked().stdout.strip()
    (found,) = Path(base, "external").glob("*answer__linux_amd64")
    return found


def change(path: Path, *, hidden: bool = False) -> None:
    """Changes a byte in place, as a tool does that writes through a hard link.

    With `hidden`, size and modification time stay the same, so only the ctime shows the change.
    """
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(before.st_mode)
    if hidden:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def refused(result: Result, path: Path, right: bytes) -> None:
    """Checks the message of a build that found a file changed."""
    assert result.code != 0, result.stderr
    repository = path.parents[1].name
    assert "answer v1.0.0 for linux_amd64 is not what its lock names" in result.stderr
    assert f"at: external/{repository}/{path.parent.name}/{path.name}\n" in result.stderr
    assert f"its sha256:   {hashlib.sha256(path.read_bytes()).hexdigest()}" in result.stderr
    assert f"in the lock:  {hashlib.sha256(right).hexdigest()}" in result.stderr
    assert "next: run `cgo-prebuilt cache verify`" in result.stderr
    assert f"`bazel fetch --force --repo=@@{repository}`" in result.stderr


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(False, id="seen by its time", marks=pytest.mark.slow),
        pytest.param(True, id="hidden"),
    ],
)
def test_a_write_through_a_shared_inode_fails_the_other_workspace_until_it_is_repaired(
    workspace: MakeWorkspace, release: Release, tmp_path: Path, hidden: bool
) -> None:
    one, other = (consumer(workspace, release, name) for name in ("one", "other"))
    for made in (one, other):
        assert made.bazel("run", "//:main_cc").checked().stdout == ANSWER
        assert made.bazel("run", "//:main_go").checked().stdout == ANSWER
    library = spoke(other) / "lib/libanswer.a"
    right = library.read_bytes()
    if not library.samefile(spoke(one) / "lib/libanswer.a"):
        pytest.skip("the two workspaces share no inode here")

    change(spoke(one) / "lib/libanswer.a", hidden=hidden)

    if hidden:
        # A running server keeps a file's hash for as long as inode, size and modification time are the same.
        other.bazel("shutdown").checked()
    for command in (("run", "//:main_cc"), ("run", "//:main_go"), ("build", "//:far")):
        refused(other.bazel(*command), library, right)
    # A new server, which knows only the disk's state.
    other.bazel("shutdown").checked()
    refused(other.bazel("run", "//:main_cc"), library, right)

    store = {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}
    if hidden:  # a fetch at a prompt, where nothing compares the files later, notices it by itself
        third = (
            "--lock",
            release.lock,
            "--platform",
            "linux_amd64",
            "--output",
            tmp_path / "third",
        )
        cgo_prebuilt("fetch", *third, cwd=tmp_path, env=store).checked()
        assert (tmp_path / "third/lib/libanswer.a").read_bytes() == right
    cgo_prebuilt("cache", "verify", cwd=tmp_path, env=store)
    other.bazel("fetch", "--force", f"--repo=@@{library.parents[1].name}").checked()
    assert other.bazel("run", "//:main_cc").checked().stdout == ANSWER
    assert library.read_bytes() == right


@pytest.mark.slow
def test_a_change_of_a_shared_inode_by_strip_is_noticed(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    made.bazel("run", "//:main_cc").checked()
    library = spoke(made) / "lib/libanswer.a"
    right = library.read_bytes()
    library.chmod(0o644)
    subprocess.run(["strip", "--strip-debug", library], check=True)
    assert library.read_bytes() != right
    refused(made.bazel("run", "//:main_cc"), library, right)


def test_a_changed_header_fails_its_compilations(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    targets = ("//:main_cc", "//:main_go", "//:far", "@answer//:cgo_env")
    made.bazel("build", *targets).checked()
    header = spoke(made) / "include/answer.h"
    right = header.read_bytes()
    change(header)
    for target in targets:
        refused(made.bazel("build", target), header, right)
    # The compiler waits for the verification, too, even in a new server and without validations.
    made.bazel("shutdown").checked()
    for target in targets:
        refused(made.bazel("build", "--norun_validations", target), header, right)


def test_an_action_with_the_plain_files_fails_too(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    made.bazel("build", "//:data").checked()
    library = spoke(made) / "lib/libanswer.a"
    right = library.read_bytes()
    change(library)
    refused(made.bazel("build", "//:data"), library, right)


def verifications(made: Workspace, *arguments: str) -> list[str]:
    """Build, and return the programs that verified a library for it."""
    log = made.path / "log.json"
    made.bazel(*arguments, f"--execution_log_json_file={log}").checked()
    entries = read_execution_log(log)
    return [entry["commandArgs"][0] for entry in entries if entry["mnemonic"] == "VerifyPrebuilt"]


def test_a_library_is_verified_once_and_again_only_when_a_file_changed(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    (program,) = verifications(made, "build", "//:main_cc")
    assert program.endswith("/rules/verify/verify")
    targets = ("//:main_cc", "//:main_go", "//:far")
    assert verifications(made, "build", *targets) == []
    made.bazel("shutdown").checked()
    assert verifications(made, "build", *targets) == []
    # The same bytes in another inode are neither verified nor linked again: Bazel goes by contents.
    library = spoke(made) / "lib/libanswer.a"
    copy = library.read_bytes()
    library.unlink()
    library.write_bytes(copy)
    assert verifications(made, "build", *targets) == []


SHARED = "headers: [include/**]\ninclude_dirs: [include]\nplatforms: {linux_amd64: {}}\n"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("shared", marks=pytest.mark.slow),
        pytest.param("whole", marks=pytest.mark.slow),
        "circular",
    ],
)
def test_each_kind_of_library_is_verified(
    workspace: MakeWorkspace, native_release: NativeRelease, kind: str
) -> None:
    folder = native_release.built_with_header()
    source = {"answer.c": "int answer(void) { return 42; }\n"}
    if kind == "shared":
        name = "libanswer.so"
        shared(folder, f"lib/{name}", source, soname=name)
        manifest = f"shared_library: lib/{name}\n"
    else:
        name = "libanswer.a"
        archive(folder, f"lib/{name}", source)
        archive(folder, "lib/libother.a", {"other.c": "int other(void) { return 0; }\n"})
        both = f"[lib/{name}, lib/libother.a]"
        manifest = f"static_library: {both}\n"
        manifest += f"alwayslink: lib/{name}\n" if kind == "whole" else f"circular: {both}\n"
    lock = native_release.publish(manifest + SHARED)
    made = workspace(
        {"BUILD.bazel": BUILD, "main.cc": MAIN_CC, "main.go": MAIN_GO, "answer.lock.json": lock},
        module=MODULE,
    )
    for target in ("//:main_cc", "//:main_go"):
        assert made.bazel("run", target).checked().stdout == ANSWER
    library = spoke(made) / "lib" / name
    right = library.read_bytes()
    change(library)
    for target in ("//:main_cc", "//:main_go"):
        refused(made.bazel("run", "--norun_validations", target), library, right)


def test_a_script_verifies_if_the_executing_machine_has_no_c_toolchain(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    options = ("--repo_env=BAZEL_DO_NOT_DETECT_CPP_TOOLCHAIN=1", "--output_groups=_validation")
    (shell,) = verifications(made, "build", "@answer", *options)
    assert shell.endswith("sh")
    header = spoke(made) / "include/answer.h"
    right = header.read_bytes()
    change(header)
    refused(made.bazel("build", "@answer", *options), header, right)
    assert HEADER.encode() == right
