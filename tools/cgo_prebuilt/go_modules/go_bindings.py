"""Reads the Go package that holds a library's bindings, to be published in the forwarding module."""

from __future__ import annotations

import re
from pathlib import Path

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.go_modules.go_package import GO_VERSION, Bindings

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(r"\s*package\s+(\w+)")
_GO_LINE = re.compile(r"^go\s+([0-9][0-9a-z.]*)\s*$", re.MULTILINE)
_LEFT_OUT = ("go.mod", "go.sum", "BUILD", "BUILD.bazel")


def read_bindings(folder: Path) -> Bindings:
    """Reads a package's files: all of its folder but tests and build files.

    Args:
        folder: The package's folder. Its `go` line is that of the nearest `go.mod` above.

    Raises:
        ManifestError: There is no package in it.
    """
    try:
        files = {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.is_file() and path.name not in _LEFT_OUT and not _is_test(path.name)
        }
    except OSError as error:
        raise _problem(f"cannot be read: {error.strerror}", folder) from None
    names = {
        name
        for name in (_package_of(text) for file, text in files.items() if file.endswith(".go"))
        if name
    }
    if len(names) != 1:
        what = f"has the packages {', '.join(sorted(names))}" if names else "has no Go package"
        raise _problem(what, folder)
    return Bindings(names.pop(), _go_version(folder.resolve()), files)


def _is_test(name: str) -> bool:
    return name.endswith("_test.go") or name.startswith(".")


def _package_of(text: bytes) -> str:
    # Before the package clause of a Go file there is nothing but comments.
    match = _PACKAGE.match(_COMMENT.sub(" ", text.decode("utf-8", "replace")))
    return match[1] if match else ""


def _go_version(folder: Path) -> str:
    for parent in (folder, *folder.parents):
        if (parent / "go.mod").is_file():
            match = _GO_LINE.search((parent / "go.mod").read_text(encoding="utf-8"))
            return match[1] if match else GO_VERSION
    return GO_VERSION


def _problem(what: str, folder: Path) -> ManifestError:
    return ManifestError(
        f"'go.package' {what}",
        where=str(folder),
        remedy="name the folder of one Go package, relative to the manifest",
    )
