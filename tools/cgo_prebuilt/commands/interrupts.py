"""Signals that end the command: the first interrupts it, later ones let it clean up."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

from cgo_prebuilt.errors import InterruptError
from cgo_prebuilt.interruption import interruption

_GRACE_SECONDS = 3.0
# A closing terminal sends the last one, which Windows lacks.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_DEFAULT_HANDLERS = (signal.default_int_handler, signal.SIG_DFL)


class Interrupts:
    """A handler that turns the first signal into KeyboardInterrupt and ignores later ones.

    A signal after a while ends the process at once, since the cleanup seems to hang.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    def watch(self) -> None:
        """Handle termination signals from now on, unless the caller ignores them, as `nohup` does."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows this in the main thread only
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler in _DEFAULT_HANDLERS or isinstance(
                getattr(handler, "__self__", None), Interrupts
            ):
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            interruption.request()
        elif now - self._first > _GRACE_SECONDS:
            from cgo_prebuilt.bounded_run import end_programs

            end_programs()
            os._exit(InterruptError.exit_code)


def ignore_interrupts() -> None:
    """Ignore signals until the process exits with the code that it already has."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
