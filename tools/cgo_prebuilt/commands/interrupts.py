"""Ctrl-C, and what Bazel and CI send: the first one ends the command, others let it clean up."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

from cgo_prebuilt.errors import InterruptError

_GRACE_SECONDS = 3.0
# A terminal that closes sends the last one; Windows has it not.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_USUAL = (signal.default_int_handler, signal.SIG_DFL)


class Interrupts:
    """Turns the first signal into KeyboardInterrupt; later ones would cut its handling short.

    A signal after a while ends the process at once: what was to be cleaned up seems to hang.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    def watch(self) -> None:
        """Handles what ends a command from now on, unless its caller ignores that, as `nohup` does."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread gets signals
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler in _USUAL or isinstance(getattr(handler, "__self__", None), Interrupts):
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _GRACE_SECONDS:
            from cgo_prebuilt.bounded_run import end_programs

            end_programs()
            os._exit(InterruptError.exit_code)


def ignore_interrupts() -> None:
    """Lets the process end with the exit code that it has already."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
