"""What Bazel ran, from the file of `--execution_log_json_file`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def read_execution_log(log: Path) -> list[dict[str, Any]]:
    """The entries of a log: JSON values one after the other, with or without white space between."""
    text, at, entries = log.read_text(), 0, []
    while at < len(text):
        entry, at = json.JSONDecoder().raw_decode(text, at)
        at = re.compile(r"\s*").match(text, at).end()  # type: ignore[union-attr]
        entries.append(entry)
    return entries
