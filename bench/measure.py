"""Measure whole processes: seconds, processor seconds and peak memory."""

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
        seconds: The time from start to end.
        cpu_seconds: The processor's time, including that of child processes.
        peak_bytes: The largest resident size of any one of its processes.
        sent_bytes: The bytes that the server sent, headers included.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    sent_bytes: int = 0


def run(command: str, cwd: Path, env: Mapping[str, str]) -> Sample:
    """Runs a command line in bash and measures it.

    Raises:
        SystemExit: It failed; the end of its output is in the message.
    """
    log, usage = cwd / "log", cwd / "usage"
    # With `time`: for a process that Python starts, Linux counts Python's own memory in the peak.
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
