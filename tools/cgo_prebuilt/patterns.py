"""Globs over the names of members: `*` and `?` within a folder, `**` over folders."""

from __future__ import annotations

import re
from collections.abc import Iterable


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a glob.

    Args:
        pattern: Parts with `/` between them. `**` as a whole part stands for any number of folders,
            and as the last one for every file below.
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
    """Whether a text is a glob, and not simply a name."""
    return "*" in text or "?" in text


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the globs matches the whole of a name."""
    return any(compile_pattern(pattern).fullmatch(name) for pattern in patterns)


def _part(part: str) -> str:
    signs = {"*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(character, re.escape(character)) for character in part)
