"""Signals that end the command: the first interrupts it, later ones let it clean up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Final

from cgo_prebuilt.errors import InterruptError
from cgo_prebuilt.interruption import interruption

_GRACE_SECONDS = 3.0
_NOTICE_SECONDS = 0.1
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
            if signal.getsignal(number) in _DEFAULT_HANDLERS or _interrupts_of(number):
                signal.signal(number, self._handle)

    def forget(self) -> None:
        """Take the next signal for the first one."""
        self._first = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        alarm.handled()
        now = time.monotonic()
        if self._first is None:
            self._first = now
            interruption.request()
        elif now - self._first > _GRACE_SECONDS:
            from cgo_prebuilt.bounded_run import end_programs

            end_programs()
            os._exit(InterruptError.exit_code)


class Alarm:
    """Repeats a signal that the main thread, which runs the handlers, does not notice.

    The system may deliver a signal to another thread, or right before the main thread begins to wait. Its
    handler would run after the wait, which may have no end. And Python discards what a handler raises
    during a finalizer.
    """

    def __init__(self) -> None:
        self._reader = self._writer = -1

    def start(self) -> None:
        """Interrupt the main thread also where it waits without end, in a process of our own.

        This does nothing on Windows, or if no thread can be started.
        """
        if sys.platform == "win32":
            return
        with suppress(OSError, RuntimeError):
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self._writer, False)
            threading.Thread(target=self._repeat, name="cgo-prebuilt-alarm", daemon=True).start()
            # Python writes a byte for each signal, in the thread that gets it.
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def handled(self) -> None:
        """Note that the handler runs."""
        if self._reader >= 0:
            with suppress(BlockingIOError):
                os.read(self._reader, 1 << 10)

    def again(self) -> None:
        """Interrupt the main thread once more, since Python has discarded a KeyboardInterrupt."""
        for number in _SIGNALS:
            if interrupts := _interrupts_of(number):
                interrupts.forget()
        if self._writer >= 0:
            with suppress(BlockingIOError):
                os.write(self._writer, b"\0")

    if sys.platform != "win32":

        def _repeat(self) -> None:
            import select

            main = threading.main_thread().ident
            while True:
                select.select([self._reader], [], [])
                time.sleep(_NOTICE_SECONDS)
                number = next(filter(_interrupts_of, _SIGNALS), None)
                if main is None or number is None:
                    return
                if select.select([self._reader], [], [], 0)[0]:
                    signal.pthread_kill(main, number)


alarm: Final = Alarm()
"""That of this process."""


def _interrupts_of(number: signal.Signals) -> Interrupts | None:
    """Return the object that handles a signal; None if something else does."""
    owner = getattr(signal.getsignal(number), "__self__", None)
    return owner if isinstance(owner, Interrupts) else None


def ignore_interrupts() -> None:
    """Ignore signals until the process exits with the code that it already has."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
