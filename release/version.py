"""The version, which is defined in `tools/cgo_prebuilt/__init__.py` and copied into other files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SOURCE = "tools/cgo_prebuilt/__init__.py"

_STATED = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
# The version in `module(...)` of MODULE.bazel, and in each `bazel_dep(...)` of examples and guides.
_COPY = re.compile(
    r'((?:module|bazel_dep)\(\s*name = "rules_cgo_prebuilt",\s*version = ")([^"]+)(")'
)


def stated(text: str) -> str:
    """Return the version in the text of `SOURCE`."""
    match = _STATED.search(text)
    assert match, f"{SOURCE} states no version"
    return match[1]


def copies(text: str) -> list[str]:
    """Return the versions of this module in a text."""
    return [match[2] for match in _COPY.finditer(text)]


def stamped(text: str, version: str) -> str:
    """Return a text with all versions of this module replaced."""
    return _COPY.sub(rf"\g<1>{version}\g<3>", text)


def places(repository: Path) -> dict[str, str]:
    """Find the files of a work tree that name the version of this module.

    Args:
        repository: The repository's root.

    Returns:
        Their texts, by path relative to the root.
    """
    command = ["git", "ls-files", "*.md", "*.bazel"]
    listed = subprocess.run(command, cwd=repository, stdout=subprocess.PIPE, text=True, check=True)
    paths = [name for name in listed.stdout.splitlines() if (repository / name).exists()]
    texts = {name: (repository / name).read_text(encoding="utf-8") for name in paths}
    return {name: text for name, text in texts.items() if copies(text)}


def stamp(repository: Path) -> list[str]:
    """Copy the version into the files of a work tree that name it.

    Args:
        repository: The repository's root.

    Returns:
        The paths of the changed files.
    """
    version = stated((repository / SOURCE).read_text(encoding="utf-8"))
    changed = []
    for name, text in places(repository).items():
        if text != (new := stamped(text, version)):
            (repository / name).write_text(new, encoding="utf-8", newline="\n")
            changed.append(name)
    return changed
