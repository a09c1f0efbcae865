"""Run a build tool; log its output, and keep the last lines in memory."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from cgo_prebuilt.bounded_run import running

_LINES_KEPT = 40
_LINE_BYTES = 2000
_LOG_BYTES = 64 << 20
_CHUNK = 1 << 16


def run_tool(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None],
) -> tuple[int, list[str]]:
    """Run a program to its end; end it with its children if this process ends.

    Args:
        command: The program's path, and its arguments.
        folder: The working folder.
        environment: All its variables.
        log: The file to append its output to, up to a limit.
        on_line: Called with each line of its output.

    Returns:
        The exit code and the last lines.

    Raises:
        OSError: It cannot be run.
    """
    lines = _Lines(on_line)
    with (
        log.open("ab") as file,
        running(command, folder=folder, environ=environment, stderr=subprocess.STDOUT) as process,
    ):
        assert process.stdout is not None
        with process.stdout:
            _copy(process.stdout, file, lines)
        code = process.wait()
    lines.end()
    return code, list(lines.last)


def _copy(output: IO[bytes], log: IO[bytes], lines: _Lines) -> None:
    while chunk := output.read(_CHUNK):
        if log.tell() < _LOG_BYTES:
            log.write(chunk)
            log.flush()
        lines.add(chunk)


class _Lines:
    """The lines of a program's output; a carriage return ends a line, too, and long lines are cut."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.last: deque[str] = deque(maxlen=_LINES_KEPT)
        self._on_line = on_line
        self._rest = b""

    def add(self, chunk: bytes) -> None:
        *whole, rest = (self._rest + chunk.replace(b"\r", b"\n")).split(b"\n")
        self._rest = rest[:_LINE_BYTES]
        for line in whole:
            self._say(line)

    def end(self) -> None:
        self._say(self._rest)
        self._rest = b""

    def _say(self, line: bytes) -> None:
        text = line[:_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if text:
            self.last.append(text)
            self._on_line(text)
