"""Settings for all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let signals end what tests start: commands in the background and under `nohup` ignore some."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
