"""Go modules that expect a library file beside their sources; no environment variable changes that.

Nothing can be added to the module cache. References: `go doc cgo` on `${SRCDIR}`; https://go.dev/ref/mod,
"Module cache" and "Vendoring".
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.linking.required_version import required_modules

_LINE = re.compile(
    r"^[ \t]*(?://[ \t]*)?#cgo[ \t].*?(?:LDFLAGS|pkg-config)[ \t]*:(.*)$", re.MULTILINE
)
_PATH = re.compile(r"^\$\{SRCDIR\}(/[^\s,]+)$")
_REPLACED = re.compile(r"^\s*(?:replace\s+)?([^\s()]+)(?:\s+v\S+)?\s+=>", re.MULTILINE)
_MOST_FILES = 5000
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class MissingSourceFile:
    """A missing file that a module expects beside its sources.

    Attributes:
        module: The module's path.
        word: The file as the module names it, such as `${SRCDIR}/vec.pc`.
        folder: The module's folder, in the module cache or vendored.
        is_vendored: Whether the module is vendored.
    """

    module: str
    word: str
    folder: Path
    is_vendored: bool


def paths_of(go_file: str) -> list[str]:
    """Return the files that a Go file's `#cgo` lines name relative to it: `${SRCDIR}/vec.pc`. Pure."""
    words = (word for line in _LINE.findall(go_file) for word in line.split())
    return [word for word in words if _PATH.match(word)]


def find_missing_source_file(
    project: Path, owners: Collection[str], files: Collection[str], environ: Mapping[str, str]
) -> MissingSourceFile | None:
    """Return the first library file that a module expects beside its sources and that is missing.

    Args:
        project: The folder of the program's go.mod.
        owners: The prefixes of the modules' paths, such as `github.com/acme/`.
        files: The names of the library's files.
        environ: The environment, over the settings of `go env -w`; it locates the module cache.
    """
    try:
        go_mod = text_of_file(project / "go.mod", errors="replace")
    except OSError:
        return None
    replaced = set(_REPLACED.findall(go_mod))
    for module, version in required_modules(go_mod):
        if not module.startswith(tuple(owners)) or module in replaced:
            continue
        vendored = project / "vendor" / module
        cached = _module_cache(environ) / f"{escape(module)}@{escape(version)}"
        is_vendored = vendored.is_dir()
        folder = vendored if is_vendored else cached
        for number, path in enumerate(sorted(folder.rglob("*.go"))):
            if number == _MOST_FILES:
                break
            for word in paths_of(_head_of(path)):
                place = path.parent.joinpath(*word.split("/")[1:])
                if basename(word) in files and not place.is_file():
                    return MissingSourceFile(module, word, folder, is_vendored)
    return None


def _head_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8", "replace")


def _module_cache(environ: Mapping[str, str]) -> Path:
    if environ.get("GOMODCACHE"):
        return Path(environ["GOMODCACHE"])
    first = environ.get("GOPATH", "").split(os.pathsep)[0]
    home = environ.get("HOME") or environ.get("USERPROFILE") or "/"
    return Path(first or f"{home}/go", "pkg", "mod")


def escape(text: str) -> str:
    """Return a path or version as a proxy's URLs spell it: `!x` for `X` (module.EscapePath)."""
    return re.sub(r"[A-Z]", lambda match: "!" + match[0].lower(), text)


def unescape(text: str) -> str:
    """Return the reverse of `escape`."""
    return re.sub(r"!([a-z])", lambda match: match[1].upper(), text)
