"""Run programs that may hang, print without end or leave children; none outlives the command."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

from cgo_prebuilt.interruption import interruption

MAX_OUTPUT_BYTES: Final = 1 << 20
"""The most bytes that a program may write to standard output, and to standard error."""
_CHUNK: Final = 1 << 16
_QUOTED: Final = 300
_GRACE: Final = 1.0
"""How long to wait for the rest of the output while another process keeps the pipe open."""

_running: set[subprocess.Popen[bytes]] = set()
_ending = threading.Event()


class TooMuchError(OSError):
    """A program printed more than `MAX_OUTPUT_BYTES` bytes."""

    def __init__(self) -> None:
        super().__init__(None, f"it prints more than {MAX_OUTPUT_BYTES >> 20} MB")


class Completed(NamedTuple):
    """The result of a program: its exit code, standard output and standard error."""

    code: int
    stdout: bytes
    stderr: bytes

    def text(self) -> str:
        """Return its standard output as text, with invalid UTF-8 replaced."""
        return self.stdout.decode("utf-8", "replace")

    def failure(self) -> str:
        """Describe how it failed: its status, and the end of its standard error on one line."""
        how = (
            f"ended with status {self.code}"
            if self.code >= 0
            else f"was killed by signal {-self.code}"
        )
        said = " ".join(self.stderr.decode("utf-8", "replace").split())[-_QUOTED:].lstrip()
        return f"{how}: {said}" if said else f"{how} and no message"


@contextmanager
def running(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    stderr: int | None = subprocess.PIPE,
    bufsize: int = 0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program with its output in a pipe; end it if it still runs after the block.

    The program gets a new session, so a terminal's Ctrl-C reaches this process only, which then ends the
    program with its children; on Windows, the program alone.

    Args:
        command: The program, and its arguments.
        environ: All its variables; None for those of this process.
        folder: The working folder.
        stdin: Its standard input, as in `subprocess`.
        stderr: Its standard error; None for that of this process.
        bufsize: The buffer size of its pipes.

    Raises:
        OSError: It cannot be run.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        # An interrupt between the start and the assignment would leave the program behind.
        with interruption:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=bufsize,
                cwd=folder,
                env=None if environ is None else dict(environ),
                start_new_session=True,
            )
            _running.add(process)
        if _ending.is_set():
            raise InterruptedError(None, "the command is ending")
        yield process
    finally:
        if process is not None:
            _end(process)
            _running.discard(process)


def end_programs() -> None:
    """End all running programs."""
    for process in list(_running):
        _end(process)


@contextmanager
def ending_programs() -> Iterator[None]:
    """End all running programs; let no other start while the block runs."""
    _ending.set()
    try:
        end_programs()
        yield
    finally:
        _ending.clear()


def run_bounded(
    command: Sequence[str],
    *,
    seconds: float,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Completed:
    """Run a program to its end.

    See `running`. If the program ends by itself, its children, such as an agent, may keep running.

    Args:
        command: The program, and its arguments.
        seconds: How long it may take.
        stdin: Its standard input.
        environ: All its variables; None for those of this process.
        folder: The working folder.

    Raises:
        OSError: It cannot be run. `TooMuchError` if it prints too much, `TimeoutError` if it takes too long.
    """
    try:
        with running(command, environ=environ, folder=folder, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            stdout, stderr = (
                _Reader(pipe, lambda: _end(process)) for pipe in (process.stdout, process.stderr)
            )
            writer = threading.Thread(target=_write_input, args=(process.stdin, stdin), daemon=True)
            for thread in (stdout, stderr, writer):
                thread.start()
            code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError(None, f"it did not end within {seconds:g} s") from None
    except RuntimeError as error:
        raise OSError(None, f"no thread can be started: {error}") from None
    deadline = time.monotonic() + _GRACE
    for reader in (stdout, stderr):
        reader.join(max(0.0, deadline - time.monotonic()))
    if stdout.is_too_much or stderr.is_too_much:
        raise TooMuchError
    return Completed(code, bytes(stdout.data), bytes(stderr.data))


class _Reader(threading.Thread):
    """A thread that reads a pipe to its end or to a limit.

    Attributes:
        data: The bytes read.
        is_too_much: Whether there were more than the limit.
    """

    def __init__(self, pipe: IO[bytes], stop: Callable[[], None]) -> None:
        super().__init__(name="cgo-prebuilt-reader", daemon=True)
        self.data = bytearray()
        self.is_too_much = False
        self._pipe = pipe
        self._stop = stop

    def run(self) -> None:
        with self._pipe:
            while chunk := self._pipe.read(_CHUNK):
                if len(self.data) + len(chunk) > MAX_OUTPUT_BYTES:
                    self.is_too_much = True
                    self._stop()
                    return
                self.data += chunk


def _write_input(pipe: IO[bytes], data: bytes) -> None:
    # A program that does not read its input closes the pipe.
    with suppress(OSError), pipe:
        pipe.write(data)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children; on Windows, the program alone."""
    if process.returncode is not None:
        return
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)


# When the interpreter exits, its daemon threads stop waiting, and programs would be left behind.
atexit.register(end_programs)
