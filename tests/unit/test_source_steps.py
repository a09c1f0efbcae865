"""Building from source at a prompt: steps, variables, toolchains, and what a failed build leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.source_case import CRATE, MAKE, Project

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("cc") is None, reason="it builds C with make"
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_irrelevant_changes_cause_no_build(project: Project) -> None:
    assert project.fetch().report["status"] == "built"
    project.lock(linkopts=["-lm"], defines=["A=1"], alwayslink=["libanswer.a"])
    assert project.fetch(CGO_UNKNOWN="1", HTTPS_PROXY="http://proxy").report["status"] == "cached"


def test_a_compiler_with_options_is_asked_for_its_version(project: Project) -> None:
    compiler = project.folder / "my-cc"

    def status_with(version: str) -> object:
        says = f'case "$*" in *--version) echo {version};; *) exec cc "$@";; esac'
        compiler.write_text(f"#!/bin/sh\n{says}\n")
        compiler.chmod(0o755)
        return project.fetch(CC=f"{compiler} -O2").report["status"]

    assert [status_with(version) for version in "112"] == ["built", "cached", "built"]


def test_a_build_sees_no_variable_that_the_lock_does_not_name(project: Project) -> None:
    show = "echo named=$NAMED fixed=$FIXED other=$OTHER; exit 1"
    project.lock(build={"tool": "command", "args": ["sh", "-c", show]}, env=["NAMED", "FIXED=a b"])
    assert "named=1 fixed=a b other=\n" in project.fetch(NAMED="1", OTHER="2").stderr


def test_steps_run_in_order_and_the_one_that_fails_is_named(project: Project) -> None:
    headers = {"tool": "command", "args": ["sh", "-c", "echo '#define N 1' > n.h"]}
    project.lock(then=[headers], headers=["answer.h", "n.h"])
    answer = project.fetch()
    assert answer.report["files"] == ["answer.h", "lib/libanswer.a", "n.h"]
    assert "building answer v1 for linux_amd64: make" in answer.stderr
    assert "building answer v1 for linux_amd64: sh -c" in answer.stderr
    project.lock(then=[headers, {"tool": "command", "args": ["false"]}])
    assert "from source failed (3 of 3) (exit code 1)" in project.fetch().stderr


def test_what_a_failed_build_made_is_kept_for_the_next_try(project: Project) -> None:
    project.write(
        {
            "Makefile": "libanswer.a: answer.o other.o\n\t$(AR) rcs $@ $^\n",
            "other.c": "int broken( {\n",
        }
    )
    project.lock(headers=["answer.h"])
    failed = project.fetch()
    assert failed.code == 5
    assert "What was built is kept, and the next run resumes" in failed.stderr
    (kept,) = (project.folder / "tmp").glob("cgo-prebuilt-*/*/source/answer.o")
    assert "other.c:1" in (kept.parents[1] / "build.log").read_text()
    assert kept.parents[2].stat().st_mode & 0o777 == 0o700
    was = kept.stat().st_mtime_ns
    assert project.fetch().code == 5
    assert kept.stat().st_mtime_ns == was

    # Of another source make may take what is out of date.
    project.write({"other.c": "int other(void) { return 1; }\n"})
    (project.folder / "native/answer.c").unlink()
    assert project.fetch().code == 5
    assert not kept.exists()
    project.write({"answer.c": MAKE["answer.c"]})
    assert project.fetch().report["status"] == "built"
    assert not kept.parents[1].exists()


def test_an_interrupted_build_is_resumed(project: Project) -> None:
    """As with Ctrl-C, which every process of the terminal gets."""
    waiting = project.folder / "waiting"
    project.write(
        {
            "Makefile": "libanswer.a: answer.o\n"
            f"\t[ -e {waiting} ] || {{ touch {waiting}; exec sleep 60; }}\n\t$(AR) rcs $@ $^\n",
        }
    )
    project.lock(headers=["answer.h"])
    fetch = ("fetch", "--lock", "answer.lock.json", "--output", "out", "--platform", "linux_amd64")
    with subprocess.Popen(
        [sys.executable, "-m", "cgo_prebuilt", *fetch],
        cwd=project.folder,
        env={**project.environ, "CC": "cc"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        for _ in range(600):
            if waiting.exists():
                break
            time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)
        said = running.communicate(timeout=120)[1]
    assert running.returncode == 130
    assert "resumes" in said
    (kept,) = (project.folder / "tmp").glob("cgo-prebuilt-*/*/source/answer.o")
    built = project.fetch()
    assert built.report["status"] == "built"
    assert "answer.c" not in built.stderr  # it was not compiled again
    assert not kept.exists()


def test_a_folder_that_others_can_write_is_not_built_in(project: Project) -> None:
    root = project.folder / "tmp" / f"cgo-prebuilt-{os.getuid()}"
    root.mkdir()
    root.chmod(0o777)
    assert project.fetch().report["status"] == "built"
    assert list(root.iterdir()) == []


@pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")
def test_cargo_resumes_after_an_edit(project: Project) -> None:
    config = '[build]\nrustflags = ["--cfg", "own_flag"]\n'
    dependency = {
        "dep/Cargo.toml": '[package]\nname = "dep"\nversion = "1.0.0"\n',
        "dep/src/lib.rs": "pub fn two() -> i32 { 2 }\n",
        "Cargo.toml": CRATE["Cargo.toml"] + '[dependencies]\ndep = { path = "dep" }\n',
        "Cargo.lock": 'version = 3\n\n[[package]]\nname = "answer"\nversion = "1.0.0"\n'
        'dependencies = [\n "dep",\n]\n\n[[package]]\nname = "dep"\nversion = "1.0.0"\n',
    }
    project.write({**CRATE, **dependency, ".cargo/config.toml": config})
    good = (project.folder / "native/src/lib.rs").read_text()
    project.write({"src/lib.rs": good + "fn broken( {\n", "src/gone.rs": ""})
    output = "target/release/libanswer.a"
    project.lock(build={"tool": "cargo"}, static_library=[output], headers=None)
    host = ("fetch", "--output", str(project.output), "--json")
    assert project.run(*host).code == 5
    project.write({"src/lib.rs": good})
    (project.folder / "native/src/gone.rs").unlink()
    (folder,) = (project.folder / "tmp").glob("cgo-prebuilt-*/*")
    built = project.run(*host)
    assert built.report["status"] == "built"
    assert not folder.exists()
    (project.folder / "native/src/lib.rs").write_text("fn broken( {\n")
    again = project.run(*host)
    # Only the crate that was edited is compiled again.
    assert "Compiling dep" in again.stderr
    assert "Compiling answer" in again.stderr


def test_a_pinned_toolchain_is_the_one_that_runs(project: Project) -> None:
    tool = project.folder / "bin/cargo"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "with $RUSTUP_TOOLCHAIN"\nexit 1\n')
    tool.chmod(0o755)
    rustc = project.folder / "bin/rustc"
    rustc.write_text("#!/bin/sh\necho release: 1.84.0\n")
    rustc.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    project.lock(build={"tool": "cargo", "toolchain": "1.84"})
    assert "with 1.84\n" in project.fetch(**environ).stderr
    project.lock(build={"tool": "cargo", "toolchain": "1.8"})
    refused = project.fetch(**environ)
    assert refused.code == 5
    assert "answer v1 builds with Rust 1.8, and the rustc here is 1.84.0" in refused.stderr
    assert "next: install it: `rustup toolchain install 1.8`" in refused.stderr


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("protoc", "next: install protoc: `apt install protobuf-compiler`"),
        ("no-such-tool", "next: install no-such-tool, or add its folder to PATH"),
    ],
)
def test_a_tool_that_the_lock_names_is_looked_for_before_the_build(
    project: Project, tool: str, words: str
) -> None:
    project.lock(tools=[tool])
    answer = project.fetch(PATH=str(Path(shutil.which("make") or "").parent))
    if shutil.which(tool) is None:
        assert answer.code == 5
        assert f"answer v1 builds with {tool}, and there is no {tool} here" in answer.stderr
        assert words in answer.stderr


def test_a_glob_without_headers_is_reported_before_the_build(project: Project) -> None:
    project.lock(build={"tool": "command", "args": ["false"]}, headers=["absent/*.h"])
    answer = project.fetch()
    assert answer.code == 5
    assert "the source of answer v1 has no header absent/*.h" in answer.stderr


def test_what_is_different_for_a_platform_is_built_there(project: Project) -> None:
    other = {"build": {"tool": "make", "args": ["ANSWER=1"]}, "linkopts": ["-lm"]}
    project.lock(different={"linux_amd64": other})
    answer = project.fetch()
    assert answer.report["status"] == "built"
    assert "ANSWER=1" in answer.stderr
    env = project.run("env", "--shell", "json", "--platform", "linux_amd64", CC="cc")
    assert "-lm" in env.stdout
