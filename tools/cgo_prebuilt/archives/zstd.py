"""The zstd module: the standard library's (Python 3.14), or its backport with the same API."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from cgo_prebuilt.errors import UsageError


def zstd_module() -> Any:
    """The module. Neither has types for every Python that we support, hence Any.

    Raises:
        UsageError: This Python has neither.
    """
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise UsageError(
        "this Python has no zstd",
        where=sys.executable,
        remedy="install cgo-prebuilt[fast], or use Python 3.14 or later",
    )
