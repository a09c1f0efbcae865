"""Whole processes: seconds, processor seconds, peak memory, and what a server sent meanwhile."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.programs import provide


@dataclass(frozen=True)
class Sample:
    """One run of a command.

    Attributes:
        seconds: From start to end.
        cpu_seconds: Of the processor, its children's included.
        peak_bytes: The largest resident size of any one of its processes.
        sent_bytes: That the server sent, headers included.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    sent_bytes: int = 0


def run(command: str, cwd: Path, env: Mapping[str, str]) -> Sample:
    """Runs a command line in bash and measures it.

    Raises:
        SystemExit: It failed; its last words are in the message.
    """
    log, usage = cwd / "log", cwd / "usage"
    # By `time`: of a process that Python itself starts, Linux takes Python's own memory for its peak.
    timed = [provide("time", "time"), "--quiet", "-o", str(usage), "-f", "%U %S %M"]
    with log.open("wb") as output:
        begin = time.perf_counter()
        done = subprocess.run(
            [*timed, "bash", "-o", "pipefail", "-c", command],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
        seconds = time.perf_counter() - begin
    if done.returncode != 0:
        words = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"exit code {done.returncode}: {command}\n{words}")
    user, system, peak = usage.read_text().split()
    return Sample(seconds, float(user) + float(system), int(peak) * 1024)
