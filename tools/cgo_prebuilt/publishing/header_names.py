"""Find the names that a library's headers declare, from their words."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_]\w*")
_PART = re.compile(r"\w+")


class HeaderNames:
    """The words of some headers, and the names that `##` in macros can form from them."""

    def __init__(self, text: str) -> None:
        self._words = set(_NAME.findall(text))
        # C17, 6.10.3.3: each part of a pasted name is a token of a header, or of its macro's arguments.
        self._parts = set(_PART.findall(text)) if "##" in text else set()
        self._longest = max(map(len, self._parts), default=0)

    def has(self, name: str) -> bool:
        """Return whether a name is a word of the headers, or can be pasted from words by a macro."""
        return name in self._words or (bool(name and self._parts) and self._is_pasted(name))

    def _is_pasted(self, name: str) -> bool:
        ends = [0]  # the possible ends of a sequence of words from the beginning
        for end in range(1, len(name) + 1):
            if end > ends[-1] + self._longest:
                return False
            if any(name[start:end] in self._parts for start in ends):
                ends.append(end)
        return ends[-1] == len(name)
