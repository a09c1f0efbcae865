"""Interrupt the main thread, but not while it runs a block that must complete."""

from __future__ import annotations

import threading
from typing import Final


class Interruption:
    """Raises KeyboardInterrupt in the main thread: at once, or after the `with` block that it runs.

    Python runs a signal handler between any two steps of the main thread. A block that starts a program,
    for example, must complete: otherwise the program runs, and nobody knows its process.
    """

    def __init__(self) -> None:
        self._blocks = 0
        self._is_due = False

    def request(self) -> None:
        """Raise KeyboardInterrupt, or let the running block do so when it ends."""
        if not self._blocks:
            raise KeyboardInterrupt
        self._is_due = True

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._blocks += 1

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self._blocks -= 1
            if self._is_due and not self._blocks:
                self._is_due = False
                raise KeyboardInterrupt


interruption: Final = Interruption()
"""That of this process."""
