"""Find ports for servers that cannot use one of the system's choice, and wait for such servers."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# Below the ports that systems assign (from 32768 on Linux): another process could get one of those
# between the check and the server's start.
_PORTS = range(20_000, 32_768)

_PATIENCE_SECONDS = 120


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
    """Wait until a process listens on a port; if it does not, fail the test with its log."""
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
    """Run a server during the block, which begins when the server listens.

    Args:
        command: The server.
        port: Its port on loopback.
        log: The file for its output.
        env: All its variables; None for those of this process.
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
