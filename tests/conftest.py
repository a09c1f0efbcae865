"""Settings for all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let SIGINT interrupt: a shell makes its background commands and their children ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
