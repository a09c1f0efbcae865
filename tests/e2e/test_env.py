"""`cgo-prebuilt env` for a plain `go build`: a real C library, a real shell, the real go."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import (
    Interface,
    Lock,
    LockedArchive,
    LockedFile,
    LockedPlatform,
    LockedVersion,
)
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.url import Url
from tests.bazel.debian_root import cache_folder
from tests.programs import provide

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not all(map(shutil.which, ("go", "cc", "ar", "sh"))),
    reason="needs a shell, a C compiler and go",
)

HEADER = b"int vec_answer(void);\n"
C_SOURCE = (
    '#include "vec.h"\n#include <math.h>\nint vec_answer(void) { return (int)lround(ANSWER); }\n'
)
GO_BY_ENVIRONMENT = """package main

// #include <vec.h>
// #ifndef VEC_STATIC
// #error "the define is missing"
// #endif
import "C"
import "fmt"

func main() { fmt.Println("answer", int(C.vec_answer())) }
"""
GO_BY_PKG_CONFIG = GO_BY_ENVIRONMENT.replace("// #include", "// #cgo pkg-config: vec\n// #include")


def library(folder: Path, answer: float) -> bytes:
    folder.mkdir(parents=True)
    (folder / "vec.h").write_bytes(HEADER)
    (folder / "vec.c").write_text(C_SOURCE)
    subprocess.run(
        ["cc", "-O1", "-fPIC", f"-DANSWER={answer}", "-c", "vec.c"], cwd=folder, check=True
    )
    subprocess.run(["ar", "rcsD", "libvec.a", "vec.o"], cwd=folder, check=True)
    return (folder / "libvec.a").read_bytes()


def write_lock(folder: Path, answer: float = 42.2) -> Path:
    """Write a lock with its archive beside it, so that no server is needed."""
    files = {"include/vec.h": HEADER, "lib/libvec.a": library(folder / "built", answer)}
    with tarfile.open(folder / "vec.tar.gz", "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    data = (folder / "vec.tar.gz").read_bytes()
    archive = LockedArchive(
        file="vec.tar.gz",
        urls=(Url((folder / "vec.tar.gz").as_uri()),),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format="tar.gz",
        strip_prefix="",
        files=tuple(
            LockedFile(name, hashlib.sha256(content).hexdigest(), len(content))
            for name, content in files.items()
        ),
    )
    interface = Interface(
        static_library=("lib/libvec.a",),
        headers=("include/vec.h",),
        include_dirs=("include",),
        linkopts=("-lm",),
        defines=("VEC_STATIC",),
    )
    # The host's platform is asked for by name, so the lock has only that one.
    platform = subprocess.run(
        [sys.executable, "-m", "cgo_prebuilt", "platform"],
        env=environment(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    version = LockedVersion({"": {platform: LockedPlatform((archive,), interface)}})
    path = folder / "vec.lock.json"
    path.write_text(format_lock(Lock("vec", "v1.0.0", {"v1.0.0": version})))
    return path


def environment(folder: Path) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CGO_")}
    return {
        **inherited,
        "CGO_ENABLED": "1",
        "CGO_PREBUILT_CACHE": str(folder / "the store"),
        "GOCACHE": str(cache_folder(os.environ) / "go-build"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def answer_of(folder: Path, program: str, script: str, *locks: Path) -> str:
    """Return the output of a Go program that a shell script builds and runs with the locks."""
    module = folder / "module"
    module.mkdir()
    (module / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    (module / "main.go").write_text(program)
    ran = subprocess.run(
        ["sh", "-eu", "-c", script, sys.executable, *map(str, locks or [write_lock(folder)])],
        cwd=module,
        env=environment(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout


ENV = 'variables=$("$0" -m cgo_prebuilt env --lock "$1"); eval "$variables"; '


def test_go_run_links_the_library_from_a_store_with_a_space_in_its_path(tmp_path: Path) -> None:
    assert answer_of(tmp_path, GO_BY_ENVIRONMENT, ENV + "go run .") == "answer 42\n"


def test_evaluating_the_environment_twice_changes_nothing(tmp_path: Path) -> None:
    script = (
        ENV + "first=$(env | grep CGO_); " + ENV + '[ "$first" = "$(env | grep CGO_)" ]; go run .'
    )
    assert answer_of(tmp_path, GO_BY_ENVIRONMENT, script) == "answer 42\n"


def test_a_newer_version_in_the_same_shell_is_linked(tmp_path: Path) -> None:
    locks = [write_lock(tmp_path / str(answer), answer) for answer in (42, 43)]
    script = f"{ENV}shift; {ENV}go run ."
    assert answer_of(tmp_path, GO_BY_ENVIRONMENT, script, *locks) == "answer 43\n"


def test_go_run_links_the_library_by_its_pkg_config_file_alone(tmp_path: Path) -> None:
    provide("pkg-config", "pkgconf")
    script = ENV + "unset CGO_CFLAGS CGO_LDFLAGS; go run ."
    assert answer_of(tmp_path, GO_BY_PKG_CONFIG, script) == "answer 42\n"


def test_a_module_that_names_the_library_by_its_link_option_finds_it(tmp_path: Path) -> None:
    program = GO_BY_ENVIRONMENT.replace("// #include", "// #cgo LDFLAGS: -lvec -lm\n// #include", 1)
    assert answer_of(tmp_path, program, ENV + "go run .") == "answer 42\n"


# The guide's forms, in the shells themselves, with a `go` that tells what it was given.

GUIDE = (Path(__file__).parents[2] / "docs/go-without-bazel.md").read_text(encoding="utf-8")
SHELLS = {
    "sh": ("sh, bash, zsh", ["sh", "-c"]),
    "bash": ("sh, bash, zsh", ["bash", "-c"]),
    "zsh": ("sh, bash, zsh", ["zsh", "-f", "-c"]),
    "fish": ("fish", ["fish", "--no-config", "-c"]),
    "make": ("make, as one line of a recipe", []),
    "pwsh": ("PowerShell", ["pwsh", "-NoProfile", "-Command"]),
}
GO = '#!/bin/sh\nprintf %s "$CGO_LDFLAGS" > "$STUB_RESULT"\n'


def form_of(label: str) -> str:
    """What the guide's table shows for a shell."""
    (row,) = re.findall(rf"^\| {label} \| `(.*)` \|$", GUIDE, re.MULTILINE)
    return str(row).replace("\\|", "|")


def build_in(shell: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the guide's form in a folder."""
    label, command = SHELLS[shell]
    form = form_of(label)
    if shell == "make":
        (folder / "Makefile").write_text(f"build:\n\t{form}\n")
        command = ["make", "build"]
    else:
        command = [*command, form]
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in (
        ("go", GO),
        ("cgo-prebuilt", f'#!/bin/sh\nexec "{sys.executable}" -m cgo_prebuilt "$@"\n'),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return subprocess.run(
        command,
        cwd=folder,
        env={
            **environment(folder),
            "GOENV": "off",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "STUB_RESULT": str(folder / "linked"),
            **variables,
        },
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "pwsh" and shutil.which(name) is None:
        pytest.skip("there is no PowerShell")
    if name in ("fish", "make", "zsh"):
        provide(name, name)
    return name


def test_the_guide_s_form_builds_with_the_library(shell: str, tmp_path: Path) -> None:
    (tmp_path / "prebuilt.lock.json").write_text(write_lock(tmp_path).read_text())
    done = build_in(shell, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lib/libvec.a" in (tmp_path / "linked").read_text()


@pytest.mark.parametrize("trouble", ["no lock", "another platform", "a variable"])
def test_the_guide_s_form_builds_nothing_without_the_library(
    shell: str, tmp_path: Path, trouble: str
) -> None:
    variables = {}
    if trouble != "no lock":
        (tmp_path / "prebuilt.lock.json").write_text(write_lock(tmp_path).read_text())
    if trouble == "another platform":
        variables["GOOS"] = "plan9"
    if trouble == "a variable":
        variables["VEC_VERSION"] = "1.0"
    done = build_in(shell, tmp_path, **variables)
    assert done.returncode != 0
    assert "cgo-prebuilt: error: " in done.stderr
    assert not (tmp_path / "linked").exists()


def test_a_script_that_stops_at_errors_stops_at_env(tmp_path: Path) -> None:
    script = 'set -e; eval "$("$0" -m cgo_prebuilt env --lock nothing)"; echo built'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable],
        env=environment(tmp_path),
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_a_module_that_expects_the_library_beside_it_is_named_with_a_remedy(
    tmp_path: Path,
) -> None:
    lock = write_lock(tmp_path)
    released = "https://github.com/acme/vec/releases/download/v1.0.0/vec.tar.gz"
    lock.write_text(lock.read_text().replace((tmp_path / "vec.tar.gz").as_uri(), released))
    module = tmp_path / "modules/github.com/acme/vec-go@v1.0.0"
    program = tmp_path / "program"
    (program / "cmd").mkdir(parents=True)
    (program / "go.mod").write_text("module program\n\nrequire github.com/acme/vec-go v1.0.0\n")
    module.mkdir(parents=True)
    wanted = "${SRCDIR}/lib/libvec.a"
    (module / "vec.go").write_text(f'package vec\n\n// #cgo LDFLAGS: {wanted}\nimport "C"\n')
    own = {"CGO_PREBUILT_MIRROR": tmp_path.as_uri(), "GOMODCACHE": str(tmp_path / "modules")}

    def said(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cgo_prebuilt", *command, "--lock", str(lock)],
            cwd=program / "cmd",
            env={**environment(tmp_path), **own},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stderr

    vendored = f"{program}/vendor/github.com/acme/vec-go"
    assert (
        f"github.com/acme/vec-go names {wanted}, which is missing,"
        " and no environment variable can redirect it\n"
        f"  at: {module}\n"
        f"  next: go mod vendor && cgo-prebuilt fetch --lock {lock} --output {vendored}\n"
    ) in said("env")
    shutil.copytree(module, vendored)  # as `go mod vendor` does
    assert f"  at: {vendored}\n  next: cgo-prebuilt fetch " in said("env")
    said("fetch", "--output", vendored)
    assert "which is missing" not in said("env")
