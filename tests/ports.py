"""Ports for servers that cannot be given one that the system picks, and waiting for such a server."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# Below those that systems give out by themselves (Linux's begin at 32768): one of those, another process
# can be given between the look at it and the server's start.
_PORTS = range(20_000, 32_768)

_PATIENCE_SECONDS = 30


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until a process listens on a port; else the test fails with what the process said."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"the server does not listen\n{log.read_text()}")


@contextmanager
def listening(
    command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Runs a server while the context lasts, which begins when it listens.

    Args:
        command: The server.
        port: Where it listens on the loopback.
        log: The file that gets all it prints.
        env: All its variables; this process's own where it is None.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait()
