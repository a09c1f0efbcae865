"""Strict readers for the mappings of manifests and locks.

Both formats refuse unknown keys, and suggest the nearest known one, so that a typo is reported where
it was made and not three steps later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import CgoPrebuiltError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Line ends and invisible characters: ASCII's control characters, and Unicode's line separators.
_CONTROL = frozenset([*map(chr, range(0x20)), *"\x7f\x85\u2028\u2029"])
_LIST_HINT = 'write `["one", "another"]`, or a single text'
_SHOWN = 40
_MOST = 1 << 63
"""An upper limit for the size of a file (`off_t`)."""


def keys_of(record: type[DataclassInstance]) -> tuple[str, ...]:
    """Return a section's keys, which are the names of a dataclass's fields."""
    return tuple(field.name for field in fields(record))


class Fields:
    """One mapping of a document, read key by key.

    Args:
        value: The document's value at this place; anything but a mapping is an error.
        where: The document and the place in it, for errors.
        known: Every key that may stand here.
        error: The error to raise.
        ignore: Called with the place of each unknown key, which is then not an error.
    """

    def __init__(
        self,
        value: object,
        *,
        where: str,
        known: Iterable[str],
        error: type[CgoPrebuiltError],
        ignore: Callable[[str], None] | None = None,
    ) -> None:
        self.where = where
        self._error = error
        if not isinstance(value, Mapping):
            raise self.problem(
                f"expected a mapping, found {_kind(value)}", "write `KEY: VALUE` here"
            )
        self._mapping: Mapping[str, object] = value
        names = tuple(known)
        for key in value:
            if key not in names:
                if ignore is None:
                    raise self._unknown(str(key), sorted(names))
                ignore(f"{where}.{key}")

    def _unknown(self, key: str, names: list[str]) -> CgoPrebuiltError:
        return self.problem(
            f"unknown key {key!r}", f"{nearest(key, names)}known keys here: {', '.join(names)}"
        )

    def problem(self, what: str, remedy: str) -> CgoPrebuiltError:
        """Return an error at this place of the document, to be raised by the caller."""
        return self._error(what, where=self.where, remedy=remedy)

    def __contains__(self, key: str) -> bool:
        return key in self._mapping

    def get(self, key: str) -> object:
        """Return the raw value of a key, or None."""
        return self._mapping.get(key)

    def required(self, key: str) -> object:
        """Return the raw value of a required key."""
        if key not in self._mapping:
            raise self.problem(f"{key!r} is missing", f"add {key!r} here")
        return self._mapping[key]

    def string(self, key: str, default: str | None = None, *, lines: bool = False) -> str:
        """Return a string, of one line unless `lines`; required without a default."""
        if key not in self._mapping and default is not None:
            return default
        value = self.required(key)
        if not isinstance(value, str):
            raise self.problem(
                f"{key!r} must be a string, found {_kind(value)}", _quote_hint(value)
            )
        return self._checked(key, value, lines)

    def optional_string(self, key: str) -> str | None:
        """Return a string, or None if the key is absent or null."""
        return None if self._mapping.get(key) is None else self.string(key)

    def sha256(self, key: str) -> str:
        """Return a SHA-256 as 64 lower-case hex digits."""
        return self.matching(key, _SHA256, "64 lower-case hex digits")

    def matching(self, key: str, pattern: re.Pattern[str], description: str) -> str:
        """Return a string that matches a pattern as a whole; the description names the pattern."""
        value = self.string(key)
        if not pattern.fullmatch(value):
            raise self.problem(
                f"{key!r} must be {description}, found {value!r}", "correct it there"
            )
        return value

    def count(self, key: str) -> int:
        """Return a whole number, zero or more."""
        value = self.required(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.problem(
                f"{key!r} must be a whole number of bytes, found {_shortened(str(value))}",
                "write digits only",
            )
        if value >= _MOST:
            raise self.problem(
                f"{key!r} is too large: {_shortened(str(value))} bytes, and no file has 2^63",
                "correct it there",
            )
        return value

    def flag(self, key: str) -> bool:
        """Return whether a key is true; false if absent."""
        value = self._mapping.get(key, False)
        if not isinstance(value, bool):
            raise self.problem(
                f"{key!r} must be true or false, found {_kind(value)}",
                "write `true`, or leave it out",
            )
        return value

    def strings(
        self, key: str, default: tuple[str, ...] = (), *, lines: bool = False
    ) -> tuple[str, ...]:
        """Return a list of strings; a single string stands for a list of one."""
        value = self._mapping.get(key)
        if value is None:
            return default
        if isinstance(value, str):
            return (self._checked(key, value, lines),)
        if not isinstance(value, list | tuple):
            raise self.problem(
                f"{key!r} must be a list of strings, found {_kind(value)}", _LIST_HINT
            )
        for item in value:
            if not isinstance(item, str):
                raise self.problem(
                    f"{key!r} must hold strings only, found {_kind(item)}", _quote_hint(item)
                )
        return tuple(self._checked(key, item, lines) for item in value)

    def line(self, key: str) -> str:
        """Return a line for people; required."""
        return self._readable(key, self.string(key))

    def lines(self, key: str) -> tuple[str, ...]:
        """Return a list of lines for people; a single one stands for a list of one."""
        return tuple(self._readable(key, text) for text in self.strings(key))

    def _readable(self, key: str, text: str) -> str:
        if not text.strip():
            raise self.problem(f"{key!r} has an empty text", "write a line of text for people")
        if not text.isprintable():
            raise self.problem(
                f"{key!r} has an unprintable character: {text!r}",
                "remove it from the text",
            )
        return text

    def string_mapping(self, key: str) -> dict[str, str]:
        """Return a mapping of strings to strings; empty if absent."""
        value = self._mapping.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.problem(
                f"{key!r} must be a mapping, found {_kind(value)}", f"write `{key}: {{NAME: TEXT}}`"
            )
        for name, item in value.items():
            if not isinstance(name, str) or not isinstance(item, str):
                raise self.problem(
                    f"{key!r} must map strings to strings, found {name!r}: {item!r}",
                    _quote_hint(item),
                )
        return {self._checked(key, k): self._checked(key, item) for k, item in value.items()}

    def _checked(self, key: str, text: str, lines: bool = False) -> str:
        """Check a text for use as a path, and in a command line, a script or a BUILD file."""
        if text.isascii() and text.isprintable():
            return text  # as nearly all texts are
        if "\0" in text:
            raise self.problem(f"{key!r} has a NUL character", "remove it from the text")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.problem(f"{key!r} has an unpaired surrogate", "remove it from the text")
        if not lines and not _CONTROL.isdisjoint(text):
            raise self.problem(
                f"{key!r} has a control character: {text!r}", "remove it from the text"
            )
        return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a suggestion, `did you mean …? `, for an unknown word; else an empty text."""
    import difflib

    bare = {one.lstrip("-"): one for one in known}  # the dashes would make any two options alike
    found = difflib.get_close_matches(word.lstrip("-"), bare, n=1)
    return f"did you mean {bare[found[0]]!r}? " if found else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", type(None): "nothing"}
    return names.get(type(value), str(value))


def _quote_hint(value: object) -> str:
    # YAML turns such a text into a number, a date or a truth value, and loses its spelling: 1.10 is 1.1.
    if value is None or isinstance(value, str | Mapping | list | tuple):
        return "write a text there"
    return 'put quotes around it, as in "1.10"'
