"""Read the Go package of a library's bindings, for the forwarding module.

Only the package's files are published. A package that needs other files is refused, since it would build
on this machine only.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cgo_prebuilt.bounded_read import bytes_of_file, text_of_file
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.go_modules.go_module import package_problem
from cgo_prebuilt.go_modules.go_package import GO_VERSION, Bindings
from cgo_prebuilt.go_modules.go_source import GoSource, included, parse_go
from cgo_prebuilt.patterns import matches

_GO_LINE = re.compile(r"^go\s+([0-9][0-9a-z.]*)\s*$", re.MULTILINE)
_MODULE_LINE = re.compile(r"^module\s+(\S+)\s*$", re.MULTILINE)
_LEFT_OUT = ("go.mod", "go.sum", "BUILD", "BUILD.bazel")
# Leftovers of editors and patch.
_LEFTOVER = re.compile(r".*(~|\.(orig|rej|bak|swp|swo|tmp))|#.*#")
# The suffixes of files with C code, including Go files with C in their comments.
_WITH_C = (".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".mm", ".h", ".hh", ".hpp", ".hxx", ".S")

_PATH_OF_WORD = re.compile(r"\$\{SRCDIR\}([^,]*)|-[IL](\.\.?/[^,]*|\.\.)")
_LINKED = (".a", ".o", ".dll", ".dylib", ".so", ".tbd")

_REMEDY = "name the folder of one Go package, relative to the manifest"
_ALONE = "or publish the bindings as a module of their own, without 'go.package'"


def read_bindings(
    folder: Path, headers: Collection[str] = (), modules: Collection[str] = ()
) -> Bindings:
    """Read a package's files: its folder without tests, build files, leftovers and ignored files.

    Args:
        folder: The package's folder. Its `go` line is that of the nearest `go.mod` above.
        headers: Globs of the published module's other files, by their paths in it.
        modules: The modules that it requires.

    Raises:
        ManifestError: The folder has no package, or one that cannot be imported, or one that needs files
            that are not published with it.
    """
    try:
        paths = sorted(folder.iterdir())
        files = {
            path.name: bytes_of_file(path)
            for path in paths
            if path.is_file() and not _is_left_out(path.name)
        }
    except OSError as error:
        raise _problem(f"cannot be read: {error.strerror}", folder) from None
    sources = {
        name: parse_go(_text(content)) for name, content in files.items() if name.endswith(".go")
    }
    for name in [name for name, source in sources.items() if source.ignored]:
        del files[name], sources[name]
    package = _package_of(sources, folder)
    module, go_version = _go_mod(Path(os.path.realpath(folder)))
    published = _Published(files.keys(), headers, [path.name for path in paths if path.is_dir()])
    for name, source in sources.items():
        _check_imports(source, module, modules, folder / name)
        _check_embeds(source, published, folder / name)
        _check_flags(source, published, folder / name)
    for name, content in files.items():
        if name.endswith(_WITH_C):
            for path in included(_text(content)):
                if (folder / path).is_file() and not published.has(path):
                    raise _needs(f"includes {path!r}", folder / name)
    embedded = {file for file in files for source in sources.values() if _embeds(source, file)}
    return Bindings(package, go_version, files, tuple(sorted(embedded)))


@dataclass(frozen=True, slots=True)
class _Published:
    """The files that the bindings' module publishes.

    Attributes:
        files: The bindings' files.
        headers: Globs of the library's headers.
        folders: The subfolders of the bindings, of which only headers are published.
    """

    files: Collection[str]
    headers: Collection[str]
    folders: Collection[str]

    def has(self, path: str) -> bool:
        path = posixpath.normpath(path)
        return path in self.files or matches(path, self.headers)

    def lacks_folder(self, name: str) -> bool:
        tops = (top for top, below, _ in (glob.partition("/") for glob in self.headers) if below)
        return name in self.folders and not any(fnmatchcase(name, top) for top in tops)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _is_left_out(name: str) -> bool:
    ignored = name.startswith(".") or (name.startswith("_") and name.endswith(".go"))
    return (
        ignored or name in _LEFT_OUT or name.endswith("_test.go") or bool(_LEFTOVER.fullmatch(name))
    )


def _package_of(sources: Mapping[str, GoSource], folder: Path) -> str:
    names = sorted({source.package for source in sources.values()} - {""})
    if len(names) != 1:
        what = f"has the packages {', '.join(names)}" if names else "has no Go package"
        raise _problem(what, folder)
    problem = package_problem(names[0])
    if problem is not None:
        raise _problem(f"has the package name {names[0]!r}: {problem}", folder)
    return names[0]


def _check_imports(source: GoSource, module: str, modules: Collection[str], where: Path) -> None:
    for path in source.imports:
        local = path == module or path.startswith(f"{module}/")
        if path in modules or not (local or "." in path.partition("/")[0]):
            continue
        raise ManifestError(
            f"the bindings import {path!r}, and their module requires the library's modules only",
            where=str(where),
            remedy=f"have them import the standard library alone, {_ALONE}",
        )


def _check_embeds(source: GoSource, published: _Published, where: Path) -> None:
    for pattern in source.embeds:
        glob = pattern.removeprefix("all:")
        found = published.has(glob) or any(fnmatchcase(name, glob) for name in published.files)
        if not found or any(fnmatchcase(name, glob) for name in published.folders):
            raise _needs(f"embeds {pattern!r}", where)


def _check_flags(source: GoSource, published: _Published, where: Path) -> None:
    for word in source.flags:
        for path in _paths_in(word):
            top = path.partition("/")[0]
            missing = word.endswith(_LINKED) and not published.has(path)
            if top == ".." or missing or published.lacks_folder(top):
                raise ManifestError(
                    f"the bindings' `#cgo` line with {word!r} names files that are not published with them",
                    where=str(where),
                    remedy="take it out: they are linked with the prebuilt library; for a build of"
                    f" your own set CGO_LDFLAGS and CGO_CFLAGS; {_ALONE}",
                )


def _paths_in(word: str) -> Iterator[str]:
    """Yield the paths in a word of a `#cgo` line, relative to the package's folder."""
    for in_sources, relative in _PATH_OF_WORD.findall(word):
        yield posixpath.normpath(relative or f"./{in_sources.lstrip('/')}")


def _embeds(source: GoSource, file: str) -> bool:
    return any(fnmatchcase(file, pattern.removeprefix("all:")) for pattern in source.embeds)


def _go_mod(folder: Path) -> tuple[str, str]:
    """Return the path and the `go` line of a folder's module; an empty path outside of modules."""
    for parent in (folder, *folder.parents):
        if (parent / "go.mod").is_file():
            text = text_of_file(parent / "go.mod")
            module, version = _MODULE_LINE.search(text), _GO_LINE.search(text)
            return module[1] if module else "", version[1] if version else GO_VERSION
    return "", GO_VERSION


def _needs(what: str, where: Path) -> ManifestError:
    return ManifestError(
        f"the bindings need files that are not published with them: one {what}",
        where=str(where),
        remedy=f"put all that they need into their own folder, without subfolders, {_ALONE}",
    )


def _problem(what: str, folder: Path) -> ManifestError:
    return ManifestError(f"'go.package' {what}", where=str(folder), remedy=_REMEDY)
