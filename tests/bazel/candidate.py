"""Check a Bazel of this machine: is it new enough, and can it resolve modules?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OLDEST = (7, 4)
"""The oldest Bazel that the rules support, as its major and minor version."""

_VERSION_SECONDS = 300  # Bazelisk downloads a whole Bazel before it can answer
_PROBE_SECONDS = 120
_PROBE_MODULE = 'bazel_dep(name = "platforms", version = "0.0.11")\n'


@dataclass(frozen=True)
class Candidate:
    """An executable that may be a usable Bazel.

    Attributes:
        executable: The program.
        source: Where it was found, in words.
        demanded: Whether the user named it, so that no other one may replace it.
    """

    executable: Path
    source: str
    demanded: bool = False


@dataclass(frozen=True)
class Verdict:
    """The verdict on a candidate: its version if it can be used, else its problem."""

    version: str = ""
    problem: str = ""


def candidates(environment: Mapping[str, str]) -> list[Candidate]:
    """Lists the executables to try, in order.

    Args:
        environment: The environment, for `BAZEL` and `PATH`.

    Returns:
        Only `$BAZEL` if set; else `bazel` and `bazelisk`, if they are on the PATH.
    """
    named = environment.get("BAZEL")
    if named:
        found = shutil.which(named, path=environment.get("PATH"))
        return [Candidate(Path(found or named), "$BAZEL", demanded=True)]
    return [
        Candidate(Path(found), f"{name} on the PATH")
        for name in ("bazel", "bazelisk")
        if (found := shutil.which(name, path=environment.get("PATH")))
    ]


def parse_version(text: str) -> tuple[int, ...] | None:
    """Reads the answer of `bazel --version`.

    Args:
        text: Such as `bazel 8.1.0` or `bazel 9.0.0rc1`.

    Returns:
        The version's numbers, such as `(8, 1, 0)`; None if the text holds no version.
    """
    match = re.search(r"^bazel (\d+(?:\.\d+)*)", text, re.MULTILINE)
    return tuple(int(part) for part in match[1].split(".")) if match else None


def judge_version(text: str) -> Verdict:
    """Decides whether the Bazel that answered `--version` with this text is new enough."""
    version = parse_version(text)
    if version is None:
        return Verdict(problem=f"does not say its version: {text.strip()!r}")
    dotted = ".".join(map(str, version))
    if version < OLDEST:
        return Verdict(problem=f"is {dotted}, and {'.'.join(map(str, OLDEST))} or newer is needed")
    return Verdict(version=dotted)


def try_candidate(candidate: Candidate) -> Verdict:
    """Run a candidate: query its version, then let it resolve a module in an empty workspace."""
    with tempfile.TemporaryDirectory(prefix="bazel-probe-") as folder:
        workspace = Path(folder, "workspace")
        workspace.mkdir()
        Path(workspace, "MODULE.bazel").write_text(_PROBE_MODULE)
        verdict = judge_version(_run(workspace, _VERSION_SECONDS, candidate, "--version"))
        if verdict.problem:
            return verdict
        # Use the system's settings, which may name a registry, but not the user's.
        startup = (
            "--nohome_rc",
            f"--output_user_root={folder}/root",
            "--max_idle_secs=5",
        )
        answer = _run(workspace, _PROBE_SECONDS, candidate, *startup, "mod", "graph")
        _run(workspace, _PROBE_SECONDS, candidate, *startup, "shutdown")
    if "platforms@" not in answer:
        last = answer.strip().splitlines()[-1:] or ["no answer"]
        return Verdict(problem=f"is {verdict.version}, but cannot resolve modules: {last[0]}")
    return verdict


def _run(folder: Path, seconds: int, candidate: Candidate, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(candidate.executable), *arguments],
            cwd=folder,
            env={**os.environ, "BAZELISK_SKIP_WRAPPER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {seconds} s"
    except OSError as error:
        return str(error)
    return done.stdout
