"""The head of a Go file: its package, imports, embeds and `#cgo` lines.

References: The Go Programming Language Specification, "Source file organization"; go/build, which reads
the same part of a file.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# Only comments precede the package clause, and only imports precede code.
_PACKAGE = re.compile(r"\s*package\s+(\w+)\s*;?")
_IMPORT = re.compile(
    r"""\s*import\b\s*(?:\((.*?)\)|([^\s"`]+\s*)?("[^"]*"|`[^`]*`))\s*;?""", re.DOTALL
)
_PATH = re.compile(r'"([^"]*)"|`([^`]*)`')
_EMBED = re.compile(r"^[ \t]*//go:embed[ \t]+(.*)$", re.MULTILINE)
_IGNORED = re.compile(r"^//(go:build|[ \t]*\+build)[ \t]+ignore[ \t]*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*(?://|/\*)?[ \t]*#cgo[ \t]([^:\n]*):(.*)$", re.MULTILINE)
_FLAGS = ("CFLAGS", "CPPFLAGS", "CXXFLAGS", "FFLAGS", "LDFLAGS")
_INCLUDE = re.compile(r'^[ \t]*(?://|/\*)?[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GoSource:
    """A Go file's head.

    Attributes:
        package: Its package's name; empty without a package clause.
        ignored: Whether its build constraint is `ignore`, which no build meets.
        imports: The imported paths, in order.
        embeds: The patterns of its `//go:embed` lines.
        flags: The words of its `#cgo` lines.
    """

    package: str
    ignored: bool
    imports: tuple[str, ...]
    embeds: tuple[str, ...]
    flags: tuple[str, ...]


def parse_go(text: str) -> GoSource:
    """Parse a Go file's head; a file that is not Go has an empty one."""
    code = _COMMENT.sub(" ", text)
    package = _PACKAGE.match(code)
    if package is None:
        return GoSource("", False, (), (), ())
    imports = tuple(_imports(code, package.end()))
    embeds = _EMBED.findall(text) if "embed" in imports else []
    directives = _DIRECTIVE.findall(text) if "C" in imports else []
    flags = [line for name, line in directives if name.rstrip().endswith(_FLAGS)]
    return GoSource(
        package[1],
        bool(_IGNORED.search(text.partition("\npackage ")[0])),
        imports,
        tuple(word for line in embeds for word in _words(line)),
        tuple(word for line in flags for word in _words(line)),
    )


def included(text: str) -> list[str]:
    """Return the local files that a C file, or the C in a Go file, includes."""
    return _INCLUDE.findall(text)


def _imports(code: str, position: int) -> list[str]:
    found = []
    while declaration := _IMPORT.match(code, position):
        position = declaration.end()
        paths = _PATH.findall(declaration[1] or declaration[3])
        found += [one or other for one, other in paths]
    return found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []  # the go command refuses it in any place
