"""Globs over member names: `*` and `?` within a folder, `**` across folders."""

from __future__ import annotations

import re
from collections.abc import Iterable


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a glob's regular expression.

    Args:
        pattern: Parts with `/` between them. A part `**` matches any number of folders; as the last
            part, every file below.
    """
    parts = pattern.split("/")
    expression = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            expression += ".+" if last else "(?:[^/]+/)*"
        else:
            expression += _part(part) + ("" if last else "/")
    return re.compile(expression)


def is_pattern(text: str) -> bool:
    """Return whether a text is a glob."""
    return "*" in text or "?" in text


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a glob matches the whole name."""
    return any(compile_pattern(pattern).fullmatch(name) for pattern in patterns)


def _part(part: str) -> str:
    signs = {"*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(character, re.escape(character)) for character in part)
