"""The environment with which a plain `go build` compiles and links a fetched library.

cgo splits `CGO_CFLAGS` and `CGO_LDFLAGS` at white space. A field may be in single or double quotes,
without escapes inside (cmd/go: `go help environment`, internal/quoted).

The variable `RECORD` holds the flags that were set for each library. When the same shell evaluates
the environment of a newer version, the record identifies the old flags to replace. Otherwise the
old ones, which come first, would win.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.linker_arguments import linker_arguments, shared_to_link
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.strict_json import parse_json

# cgo's defaults if CGO_CFLAGS or CGO_LDFLAGS is unset or empty; setting the variable drops them silently.
_DEFAULT_FLAGS = "-O2 -g"


RECORD = "CGO_PREBUILT_ENV"
"""The variable that records, as JSON, the texts set in each other variable, by library."""


@dataclass(frozen=True, slots=True)
class FetchedLibrary:
    """A library in a folder, as a program links it.

    Attributes:
        name: Its name.
        interface: How its files are compiled and linked.
        os: The platform's `GOOS`; on macOS, `$ORIGIN` is called `@loader_path` (ld(1), dyld(1)).
        folder: The absolute path of the files.
        rpath: The folder of the files at run time, where `$ORIGIN` is the program's folder; empty for
            `folder`.
    """

    name: str
    interface: Interface
    os: str
    folder: PurePath
    rpath: str = ""

    def run_paths(self) -> list[str]:
        """Return the folders that a program searches for its shared libraries at run time."""
        parents = sorted({PurePosixPath(path).parent for path in self.interface.shared_library})
        if not self.rpath:
            return [str(self.folder / parent) for parent in parents]
        is_darwin = self.os == "darwin"
        base = self.rpath.replace("$ORIGIN", "@loader_path") if is_darwin else self.rpath
        return [str(PurePosixPath(base) / parent) for parent in parents]


def cgo_environment(
    library: FetchedLibrary, pkg_config: PurePath | None, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables for a library.

    Args:
        library: The library. Its earlier flags are replaced in place, so libraries keep the order in
            which they were first evaluated, which is their link order.
        pkg_config: The absolute path of the folder with its `.pc` file; None without one.
        environ: The current environment. What it holds besides this library's flags stays.

    Returns:
        `CGO_CFLAGS`, `CGO_LDFLAGS`, `PKG_CONFIG_PATH`, and `RECORD`.

    Raises:
        UsageError: The folder's name cannot be written for cgo, or an archive is linked as a whole.
    """
    interface, os, folder, name = library.interface, library.os, library.folder, library.name
    if interface.alwayslink:
        raise UsageError(
            "a plain `go build` cannot link archives as a whole: it would link them once per package",
            where=", ".join(interface.alwayslink),
            remedy="use the environment of `bazel run @NAME//:cgo_env`, or refer to what must be linked",
        )
    cflags = [f"-I{folder / path}" for path in interface.include_dirs]
    cflags += [f"-D{define}" for define in interface.defines]
    # So that a `-lNAME` in a module's `#cgo LDFLAGS` finds it; cgo puts those after CGO_LDFLAGS.
    linked = (*interface.static_library, *shared_to_link(interface))
    ldflags = [f"-L{parent}" for parent in dict.fromkeys((folder / path).parent for path in linked)]
    ldflags += linker_arguments(interface, os, lambda path: str(folder / path))
    ldflags += [f"-Wl,-rpath,{path}" for path in library.run_paths()]
    if os not in ("darwin", "windows") and len(shared_to_link(interface)) > 1:
        # A RUNPATH serves only the program's own needs, an RPATH also its libraries' (ld.so(8)).
        ldflags.append("-Wl,--disable-new-dtags")
    separator = ";" if isinstance(folder, PureWindowsPath) else ":"
    own = {
        "CGO_CFLAGS": " ".join(map(_field, cflags)),
        "CGO_LDFLAGS": " ".join([*map(_field, ldflags), *interface.linkopts]),
        "PKG_CONFIG_PATH": str(pkg_config or ""),
    }
    records = _records(environ.get(RECORD, ""))
    before = records.get(name, {})
    variables = {
        key: _joined(environ.get(key) or _DEFAULT_FLAGS, own[key], before.get(key, ""))
        for key in ("CGO_CFLAGS", "CGO_LDFLAGS")
    }
    variables["PKG_CONFIG_PATH"] = _prepended(
        own["PKG_CONFIG_PATH"],
        before.get("PKG_CONFIG_PATH", ""),
        environ.get("PKG_CONFIG_PATH", ""),
        separator,
    )
    recorded = json.dumps({**records, name: own}, separators=(",", ":"), sort_keys=True)
    return {**variables, RECORD: recorded}


def format_environment(variables: Mapping[str, str], shell: str) -> str:
    """Format variables for evaluation by a shell, or as a JSON object.

    Args:
        variables: Names and values.
        shell: `sh`, `fish`, `powershell` or `json`. JSON has no `RECORD`, since a
            program that reads it does not evaluate it again.
    """
    if shell == "json":
        read = {name: value for name, value in variables.items() if name != RECORD}
        return json.dumps(read, indent=2, sort_keys=True) + "\n"
    return "".join(f"{_assignment(name, value, shell)}\n" for name, value in variables.items())


def _assignment(name: str, value: str, shell: str) -> str:
    if shell == "fish":
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    if shell == "powershell":
        # PowerShell treats typographic single quotes like plain ones (about_Quoting_Rules).
        quoted = re.sub("(['\u2018-\u201b])", r"\1\1", value)
        return f"$env:{name} = '{quoted}'"
    return f"export {name}={shlex.quote(value)}"


def _records(text: str) -> dict[str, dict[str, str]]:
    """Return the earlier flags by library; nothing if another program wrote the variable."""
    try:
        document = parse_json(text)
    except ValueError:
        return {}
    records = document.items() if isinstance(document, dict) else ()
    return {name: own for name, own in records if _is_record(own)}


def _is_record(own: object) -> bool:
    return isinstance(own, dict) and all(isinstance(text, str) for text in own.values())


def _joined(present: str, text: str, before: str) -> str:
    """Replace the earlier or same text in the flags, or append it."""
    for old in filter(None, (before, text)):
        start, found, end = f" {present} ".partition(f" {old} ")
        if found:
            return " ".join(filter(None, (start.strip(), text, end.strip())))
    return f"{present} {text}".strip()


def _field(text: str) -> str:
    if not any(character in text for character in " \t\n\r'\""):
        return text
    for quote in "'", '"':
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise UsageError(
        "cgo cannot take a path with both kinds of quotes",
        where=text,
        remedy="set CGO_PREBUILT_CACHE to another folder",
    )


def _prepended(entry: str, before: str, present: str, separator: str) -> str:
    """Replace the earlier or same entry, or prepend it."""
    entries = [part for part in present.split(separator) if part]
    old = next((old for old in (before, entry) if old in entries), None)
    if old is None:
        return separator.join(filter(None, (entry, *entries)))
    replaced = [entry if part == old else part for part in entries]
    return separator.join(dict.fromkeys(filter(None, replaced)))
