"""Text of somebody else's as a terminal may show it."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """A text in which everything that a terminal would obey or hide is written as an escape.

    Line feeds and tabs stay. What servers, archives and locks say ends up in messages, and an
    escape sequence in it could rewrite what a person reads.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def quoted(lines: Iterable[str]) -> str:
    """Lines that another program said, below a message; none can pass for a line of this one's."""
    return "".join(f"\n  | {line}" for text in lines for line in text.splitlines())
