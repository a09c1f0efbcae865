"""Runs a fuzz target with atheris, on a corpus that is made afresh each time.

    python tests/fuzz/fuzz_tar.py -max_total_time=60

All options are libFuzzer's. atheris has wheels for Linux and, from 3.11 on, for Python up to 3.14.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def fuzz(
    target: Callable[[bytes], None], *, modules: Iterable[str], seeds: Iterable[bytes]
) -> None:
    """Feeds a target until it raises or the time is over; does not return.

    Args:
        target: Takes any bytes; raises on what must not be.
        modules: What to instrument: the code under test, which must not be imported yet.
        seeds: Inputs to start from.
    """
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports():
        for module in modules:
            importlib.import_module(module)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / f"{number:03}").write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], target)
        atheris.Fuzz()
