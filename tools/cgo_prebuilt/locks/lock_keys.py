"""The keys that a lock of this revision may hold, from a table that the rules load, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgo_prebuilt.starlark_tables import read_tables

_TABLES: Mapping[str, Any] = read_tables("cgo_prebuilt.locks", "lock_keys.bzl")

SCHEMA: int = _TABLES["SCHEMA"]
"""The version of the format; a lock with a different one is refused."""

REVISION: int = _TABLES["REVISION"]
"""The revision within that version; a lock of a newer revision is read, too."""

FORMATS: tuple[str, ...] = tuple(_TABLES["WORDS"]["format"])
"""The archive formats. `file` is a loose file: an archive whose only member is itself."""

SINGLE = ("file", "gz", "bz2", "xz", "zst")
"""The formats that hold one file, compressed or not, without its name."""

BUILD_TOOLS: tuple[str, ...] = tuple(_TABLES["WORDS"]["tool"])
"""The tools that build a source."""

INTERFACE_LISTS: tuple[str, ...] = tuple(_TABLES["INTERFACE_LISTS"])
"""The attributes of an `Interface` that are lists, and their keys in a manifest and in a lock."""

KEYS: Mapping[str, tuple[str, ...]] = {
    kind: (*keys, *(INTERFACE_LISTS if kind in _TABLES["INTERFACES"] else ()))
    for kind, keys in _TABLES["OBJECTS"].items()
}
"""The keys of each object."""

KNOWN = frozenset(key for keys in KEYS.values() for key in keys)
"""Every key: what `must_understand` may name."""
