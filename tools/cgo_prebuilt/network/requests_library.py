"""Find the library `requests`: in this Python, else in the released Bazel module."""

from __future__ import annotations

import importlib
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from cgo_prebuilt.errors import PackageError

_OLDEST: Final = (2, 31)

CARRIED: Final = Path(__file__).parents[1] / "carried"
"""The folder of wheels that `python3 -m release build` adds to the fetcher; a checkout lacks it."""


def load_requests(carried: Path = CARRIED) -> Any:
    """Import `requests`.

    Args:
        carried: A folder of wheels, used if the Python's `requests` is missing or too old.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: `requests` is not available.
        PackageError: It is available, but too old.
    """
    if "requests" not in sys.modules and carried.is_dir() and not is_good(_installed()):
        sys.path[:0] = map(str, [carried, *sorted(carried.glob("*.whl"))])
    requests = importlib.import_module("requests")
    if not is_good(requests.__version__):
        raise PackageError(
            f"requests {requests.__version__} is too old to download with",
            where=sys.executable,
            remedy="pip install --upgrade 'requests>={}.{}'".format(*_OLDEST),
        )
    return requests


def is_good(found: str) -> bool:
    """Return whether a version of `requests` is new enough; an empty one is not."""
    numbers = re.match(r"([0-9]+)\.([0-9]+)", found)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _OLDEST


def _installed() -> str:
    try:
        return version("requests")
    except PackageNotFoundError:
        return ""
