"""Make untrusted text safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """Return a text with control and invisible characters escaped.

    Line feeds and tabs stay. Messages quote texts from servers, archives and locks, and an escape
    sequence in one could rewrite what the terminal shows.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(text: str, replacement: str = "?") -> str:
    """Return a text on one line, with control and invisible characters replaced by `replacement`."""
    return "".join(c if c.isprintable() else replacement for c in text)


def quoted(lines: Iterable[str]) -> str:
    """Return another program's lines with a bar before each, so that none passes for ours."""
    return "".join(f"\n  | {line}" for text in lines for line in text.splitlines())
