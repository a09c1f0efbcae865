"""Link options that a lock may hold without permission; the rules use the same table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cgo_prebuilt.starlark_tables import read_tables

ALLOW = "CGO_PREBUILT_ALLOW_LINKOPTS"
"""The variable that allows more words, with white space between them."""


def _tables() -> Mapping[str, Any]:
    return read_tables("cgo_prebuilt.locks", "link_options.bzl")


def refused_linkopt(linkopts: Iterable[str], allowed: Collection[str]) -> str | None:
    """Return the first link option that could run a program or read other options.

    Args:
        linkopts: A lock's options, each of one or several words.
        allowed: The words that the consumer allows.

    Returns:
        The first option that is neither known to be harmless nor allowed; None without one.
    """
    return next((text for text in linkopts if not _harmless(text.split(" "), allowed)), None)


def _harmless(words: Sequence[str], allowed: Collection[str]) -> bool:
    if len(words) == 2 and words[0] in _tables()["PAIRS"]:
        return _is_value(words[1])
    return all(word in allowed or _is_harmless_word(word) for word in words)


def _is_harmless_word(word: str) -> bool:
    if word.startswith(tuple(_tables()["REFUSED"])):
        return False
    if word in _tables()["WORDS"]:
        return True
    if word.endswith(tuple(_tables()["ENDINGS"])) and _is_value(word):
        return True
    return any(
        word.startswith(beginning) and _is_value(word[len(beginning) :])
        for beginning in _tables()["BEGINNINGS"]
    )


def _is_value(text: str) -> bool:
    return (
        text != "" and text[0] not in "-@" and not any(character in text for character in ",'\"\\")
    )
