"""Runs a credential helper: a program that may hang, print without end, or leave others behind."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from cgo_prebuilt.network.threads import join, start

_SECONDS: Final = 10.0
_MOST: Final = 1 << 20
"""The most bytes that it may print, and that it may complain with."""
_CHUNK: Final = 1 << 16
_GRACE: Final = 1.0
"""How long the rest of an answer is waited for where another process keeps its pipe open."""

_running: set[subprocess.Popen[bytes]] = set()


def run(
    command: list[str], words: str, environ: Mapping[str, str], folder: Path | None = None
) -> bytes | str:
    """What a helper prints, or why it prints nothing; never what else it has printed then.

    It has a session of its own, which ends with it where it fails to end. What it leaves behind when it
    has answered, such as an agent, is left alone.

    Raises:
        Failure: The system has no thread left.
    """
    what = f"the credential helper {command[0]}"
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        return f"{what} cannot be run: {error.strerror}"
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _running.add(process)
    try:
        answer, complaint = (
            _Reader(pipe, lambda: _end(process)) for pipe in (process.stdout, process.stderr)
        )
        telling = threading.Thread(target=_tell, args=(process.stdin, words.encode()), daemon=True)
        for thread in (answer, complaint, telling):
            start(thread)
        code = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        return f"{what} has not answered in {_SECONDS:g} s"
    finally:
        _end(process)
        _running.discard(process)
    join([answer, complaint], _GRACE)
    if answer.is_too_much or complaint.is_too_much:
        return f"{what} answers too much: more than {_MOST >> 20} MB"
    if code == 0:
        return bytes(answer.said)
    said = " ".join(bytes(complaint.said[-200:]).decode("utf-8", "replace").split())
    return f"{what} failed with exit code {code}: {said}"


class _Reader(threading.Thread):
    """Reads a pipe to its end, or up to a limit.

    Attributes:
        said: What came.
        is_too_much: Whether there is more.
    """

    def __init__(self, pipe: IO[bytes], stop: Callable[[], None]) -> None:
        super().__init__(name="cgo-prebuilt-helper", daemon=True)
        self.said = bytearray()
        self.is_too_much = False
        self._pipe = pipe
        self._stop = stop

    def run(self) -> None:
        with self._pipe:
            while chunk := self._pipe.read(_CHUNK):
                if len(self.said) + len(chunk) > _MOST:
                    self.is_too_much = True
                    self._stop()
                    return
                self.said += chunk


def _tell(pipe: IO[bytes], words: bytes) -> None:
    # Whoever answers without a look at the question closes the pipe.
    with suppress(OSError), pipe:
        pipe.write(words)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a helper that still runs, and what it has started; on Windows itself alone."""
    if process.returncode is not None:
        return
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)


@atexit.register
def _end_all() -> None:
    # The thread that waits for one ends with the interpreter, and would leave it behind.
    for process in list(_running):
        _end(process)
