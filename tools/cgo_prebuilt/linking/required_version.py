"""Compare the version of a Go module that a program requires with the library's version. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cgo_prebuilt.url import Url

# `require PATH VERSION`, alone or as a line of a block (https://go.dev/ref/mod, "Go modules reference").
_REQUIRED = re.compile(r"^\s*(?:require\s+)?([^\s()/]+\.[^\s()]*/\S+)\s+(v\S+)", re.MULTILINE)
_MAJOR = re.compile(r"/v[0-9]+$")
_RELEASE = re.compile(r"https://github\.com/([^/{}]+/[^/{}]+)/releases/")
# A commit between two releases, which has no library version (same page, "Pseudo-versions").
_PSEUDO = re.compile(r"[-.][0-9]{14}-[0-9a-f]{12}$")


def other_version(go_mod: str, module: str, version: str) -> str | None:
    """Return the version of a module that a go.mod requires, if the library's differs.

    Args:
        go_mod: Its text.
        module: The module's path, of any major version.
        version: The library's version, with or without a `v`.

    Returns:
        The version; None if both are the same, or if they cannot be compared.
    """
    wanted = _MAJOR.sub("", module)
    for path, required in required_modules(go_mod):
        required = required.removesuffix("+incompatible")
        if _MAJOR.sub("", path) == wanted and not _PSEUDO.search(required):
            return required if required != f"v{version.removeprefix('v')}" else None
    return None


def required_modules(go_mod: str) -> list[tuple[str, str]]:
    """Return the path and the version of each module that a go.mod requires."""
    return _REQUIRED.findall(go_mod)


def modules_of_releases(urls: Iterable[Url]) -> list[str]:
    """Return the Go modules of the GitHub repositories that release at some URLs."""
    found = (_RELEASE.match(url.raw) for url in urls)
    return list(dict.fromkeys(f"github.com/{match[1]}" for match in found if match))
