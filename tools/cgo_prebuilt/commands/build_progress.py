"""Progress of a build: its tool's last line and the elapsed time."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from cgo_prebuilt.amounts import format_time
from cgo_prebuilt.printable import printable

_REDRAW_SECONDS = 0.1
_LOG_SECONDS = 30.0


class BuildProgress:
    """The last line of a tool: redrawn in place on a terminal, twice a minute in a log.

    Args:
        out: The output.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out if out is not None else sys.stderr
        self._clock = clock
        self._started = self._shown = clock()
        self._is_terminal = self._out.isatty()
        self._is_drawn = False

    def line(self, text: str) -> None:
        """Show a line, unless another was shown a moment ago."""
        now = self._clock()
        if now - self._shown < (_REDRAW_SECONDS if self._is_terminal else _LOG_SECONDS):
            return
        self._shown = now
        said = f"  {format_time(now - self._started)}: {printable(text).strip()}"
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{said[:width]}")
            self._is_drawn = True
        else:
            self._write(f"{said}\n")

    def end(self) -> None:
        """Clear what is drawn before other output."""
        if self._is_drawn:
            self._write("\r\x1b[K")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the reader has gone; continue the build
            self._out.write(text)
            self._out.flush()
