"""The values of a lock are data: no BUILD file, script or compiler interprets them."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release

# A possible name of a tag, which would end a string and begin another target.
VERSION = 'v1"],)],genrule(name="x",cmd="touch'


def consumer(
    workspace: MakeWorkspace, release: Release, changes: dict[str, Any], module: str = MODULE
) -> Workspace:
    """A workspace whose lock has `VERSION` as its version, and other values for this platform."""
    lock = json.loads(release.lock.read_text())
    content = lock["versions"].pop(lock["default_version"])
    content["platforms"]["linux_amd64"] |= changes
    lock |= {"default_version": VERSION, "versions": {VERSION: content}}
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": json.dumps(lock, ensure_ascii=False),
        },
        module=module,
    )


def test_a_value_that_looks_like_a_placeholder_or_code_is_only_text(
    workspace: MakeWorkspace, release: Release
) -> None:
    defines = ["A={version}", "B={files}", "C=$(touch x)`touch x`", "D='a \"'".replace('"', "b")]
    made = consumer(workspace, release, {"defines": [*defines, 'E="c d"']})
    assert "the answer is" in made.bazel("run", "//:main_cc").checked().stdout
    printed = made.bazel("run", "@answer//:cgo_env").checked().stdout
    for define in ("-DA={version}", "-DB={files}", "-DC=$(touch", "`touch x`"):
        assert define in printed
    told = made.bazel("run", "@answer//:cgo_env", "--", "sh", "-c", 'printf %s "$CGO_CFLAGS"')
    assert "\"-DD='a b'\" '-DE=\"c d\"'" in told.checked().stdout
    assert not list(made.path.glob("**/x"))


def test_an_option_that_runs_a_program_is_the_root_module_s_decision(
    workspace: MakeWorkspace, release: Release
) -> None:
    linkopts = {"linkopts": ["-lm", "-Wl,--dynamic-linker=/tmp/ld.so"]}
    made = consumer(workspace, release, linkopts)
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "the lock of answer has the link option" in failed.stderr
    assert (
        'prebuilt.defaults(allow_linkopts = ["-Wl,--dynamic-linker=/tmp/ld.so"])' in failed.stderr
    )
    allowed = 'prebuilt.defaults(allow_linkopts = ["-Wl,--dynamic-linker=/tmp/ld.so"])\n'
    made.write({"MODULE.bazel": (made.path / "MODULE.bazel").read_text() + allowed})
    made.bazel("build", "//:main_cc").checked()


def test_a_name_that_is_not_ascii_stays_what_it_is(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release, {"defines": ["GRÖSSE=1"]})
    printed = made.bazel("run", "@answer//:cgo_env").checked().stdout
    assert "-DGRÖSSE=1" in printed
