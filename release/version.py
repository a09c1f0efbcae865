"""The version: it stands in `tools/cgo_prebuilt/__init__.py`, and is copied from there into the rest."""

from __future__ import annotations

import re

SOURCE = "tools/cgo_prebuilt/__init__.py"

_STATED = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
# In MODULE.bazel's `module(...)`, and in each `bazel_dep(...)`, of the examples and in prose.
_COPY = re.compile(
    r'((?:module|bazel_dep)\(\s*name = "rules_cgo_prebuilt",\s*version = ")([^"]+)(")'
)


def stated(text: str) -> str:
    """Reads the version from the text of `SOURCE`."""
    match = _STATED.search(text)
    assert match, f"{SOURCE} states no version"
    return match[1]


def copies(text: str) -> list[str]:
    """Lists the versions of this module that a text names."""
    return [match[2] for match in _COPY.finditer(text)]


def stamped(text: str, version: str) -> str:
    """Writes a version into a text, wherever it names that of this module."""
    return _COPY.sub(rf"\g<1>{version}\g<3>", text)
