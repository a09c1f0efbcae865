"""The program that compares a prebuilt's files with its lock, and the script that stands in for it."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.compilers import compiler, run_tool
from tests.e2e.emulators import run_windows, wine_folder
from tests.programs import provide

SOURCE = REPOSITORY / "rules/verify/verify.c"
SCRIPT = REPOSITORY / "rules/verify/verify.sh"
STRICT = ("-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")

# What is hashed in one go ends in a block of its own, in two, or in none.
_CHUNK = 1 << 18
SIZES = (*range(140), _CHUNK - 9, _CHUNK - 8, _CHUNK - 1, _CHUNK, _CHUNK + 1, 2 * _CHUNK + 56)

Command = tuple[str | Path, ...]


def built(folder: Path, platform: str, *flags: str) -> Path:
    """The program, compiled for a platform."""
    program = folder / ("verify.exe" if platform.startswith("windows") else "verify")
    run_tool(*compiler(platform), *STRICT, *flags, SOURCE, "-o", program)
    return program


@pytest.fixture(params=["instructions", "plain", "arm64", "sha256sum", "shasum", "openssl"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> Command:
    """The command line to call with the parameters' file."""
    match request.param:
        case "instructions":  # of the processor, if it has them
            return (built(tmp_path, "linux_amd64"),)
        case "plain":
            return (built(tmp_path, "linux_amd64", "-DWITHOUT_HARDWARE"),)
        case "arm64":
            program = built(tmp_path, "linux_arm64", "-static", "-target", "aarch64-linux-musl")
            return (provide("qemu-aarch64", "qemu-user"), program)
        case hasher:
            only = tmp_path / "only"
            only.mkdir()
            (only / hasher).symlink_to(provide(hasher, "perl" if hasher == "shasum" else hasher))
            shell = 'PATH=$0; . "$1" "${2#@}"'
            return (shutil.which("bash") or "sh", "-c", shell, only, SCRIPT)


def verify(
    command: Command, folder: Path, files: Mapping[str, str], *, end: str = "\n"
) -> subprocess.CompletedProcess[str]:
    """Verifies files, given with the hashes that they should have."""
    lines = ["stamp", "answer v1 for linux_amd64", "repair it"]
    for name, sha256 in files.items():
        lines += [sha256, name]
    (folder / "parameters").write_bytes((end.join(lines) + end).encode())
    return subprocess.run(
        [*command, "@parameters"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files of all sizes that matter, with their hashes."""
    generator = random.Random(0)
    found = {}
    for size in SIZES:
        content = generator.randbytes(size)
        (tmp_path / f"file {size} ä").write_bytes(content)
        found[f"file {size} ä"] = hashlib.sha256(content).hexdigest()
    return found


def test_files_that_are_right_are_accepted(
    command: Command, tmp_path: Path, files: dict[str, str]
) -> None:
    done = verify(command, tmp_path, files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "stamp").read_text() == "/* All files are those that the lock names. */\n"


def test_each_file_that_was_changed_is_named_with_both_hashes(
    command: Command, tmp_path: Path, files: dict[str, str]
) -> None:
    changed = ["file 0 ä", "file 64 ä", f"file {_CHUNK} ä"]
    wrong = {name: "0" * 64 if name in changed else sha256 for name, sha256 in files.items()}
    done = verify(command, tmp_path, wrong)
    said = [
        f"  at: {name}\n    its sha256:   {files[name]}\n    in the lock:  {'0' * 64}\n"
        for name in changed
    ]
    assert done.returncode == 1
    assert done.stderr == (
        "answer v1 for linux_amd64 is not what its lock names: it was changed after it was fetched\n"
        + "".join(said)
        + "  next: repair it\n"
    )
    assert not (tmp_path / "stamp").exists()


def test_a_missing_file_is_not_correct(command: Command, tmp_path: Path) -> None:
    done = verify(command, tmp_path, {"gone": "0" * 64})
    assert done.returncode != 0
    assert "gone" in done.stderr
    assert not (tmp_path / "stamp").exists()


def test_parameters_that_end_too_early_are_refused(tmp_path: Path) -> None:
    program = built(tmp_path, "linux_amd64")
    (tmp_path / "parameters").write_text("stamp\n")
    done = subprocess.run([program, "@parameters"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"cannot understand @parameters\n")


def test_a_worker_without_such_a_program_gets_a_remedy(tmp_path: Path) -> None:
    done = subprocess.run(
        [shutil.which("bash") or "sh", "-c", 'PATH=; . "$0" parameters', SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no program here that computes SHA-256" in done.stderr
    assert "next: install one, or register a C toolchain" in done.stderr


@pytest.mark.parametrize("platform", ["darwin_amd64", "darwin_arm64"])
def test_it_compiles_for_macos(tmp_path: Path, platform: str) -> None:
    assert built(tmp_path, platform).exists()


@pytest.mark.slow
def test_it_verifies_on_windows(
    tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = built(tmp_path, "windows_amd64")
    prefix = wine_folder(tmp_path)
    lines = ["stamp", "answer", "repair", *[part for pair in files.items() for part in pair[::-1]]]
    (tmp_path / "parameters").write_bytes("\r\n".join([*lines, ""]).encode())
    monkeypatch.chdir(tmp_path)
    done = run_windows(program, prefix, arguments=("@parameters",))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "stamp").exists()
