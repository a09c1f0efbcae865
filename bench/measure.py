"""Whole processes: seconds, processor seconds, peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One run of a command.

    Attributes:
        seconds: From start to end.
        cpu_seconds: Of the processor, its children's included.
        peak_bytes: The largest resident size of any one of its processes.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: str, cwd: Path, env: Mapping[str, str]) -> Sample:
    """Runs a command line in bash and measures it.

    Raises:
        SystemExit: It failed; its last words are in the message.
    """
    log = cwd / "log"
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        words = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"exit code {process.returncode}: {command}\n{words}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
