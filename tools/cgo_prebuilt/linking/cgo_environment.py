"""The environment in which a plain `go build` compiles and links against a fetched library.

cgo splits `CGO_CFLAGS` and `CGO_LDFLAGS` into fields at white space, and takes a field in single or
double quotes as one (cmd/go: `go help environment`, internal/quoted); it knows no escapes inside
quotes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath, PureWindowsPath

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.library_words import library_words
from cgo_prebuilt.locks.lock import Interface

# What cgo uses when CGO_CFLAGS or CGO_LDFLAGS is not set or empty; setting it would silently drop them.
_DEFAULT_FLAGS = "-O2 -g"


def cgo_environment(
    interface: Interface,
    os: str,
    folder: PurePath,
    pkg_config: PurePath,
    environ: Mapping[str, str],
) -> dict[str, str]:
    """The variables for a library.

    Args:
        interface: How its files are compiled and linked.
        os: The platform's `GOOS`.
        folder: Where the files are, absolute.
        pkg_config: The folder of its `.pc` file, absolute.
        environ: The present environment, which is added to and never replaced.

    Returns:
        `CGO_CFLAGS`, `CGO_LDFLAGS` and `PKG_CONFIG_PATH`.

    Raises:
        UsageError: The folder's name cannot be written for cgo, or an archive is linked as a whole.
    """
    if interface.alwayslink:
        raise UsageError(
            "a plain `go build` cannot link archives as a whole: it would link them once a package",
            where=", ".join(interface.alwayslink),
            remedy="use the environment of `bazel run @NAME//:cgo_env`, or refer to what must be linked",
        )
    cflags = [f"-I{folder / path}" for path in interface.include_dirs]
    cflags += [f"-D{define}" for define in interface.defines]
    ldflags = library_words(interface, os, lambda path: str(folder / path))
    for parent in sorted({(folder / path).parent for path in interface.shared_library}):
        ldflags.append(f"-Wl,-rpath,{parent}")
    separator = ";" if isinstance(folder, PureWindowsPath) else ":"
    return {
        "CGO_CFLAGS": _joined(environ.get("CGO_CFLAGS") or _DEFAULT_FLAGS, cflags),
        "CGO_LDFLAGS": _joined(
            environ.get("CGO_LDFLAGS") or _DEFAULT_FLAGS, ldflags, list(interface.linkopts)
        ),
        "PKG_CONFIG_PATH": _prepended(
            str(pkg_config), environ.get("PKG_CONFIG_PATH", ""), separator
        ),
    }


def format_environment(variables: Mapping[str, str], shell: str) -> str:
    """Writes variables so that a shell can evaluate them, or as a JSON object.

    Args:
        variables: Names and values.
        shell: `sh`, `fish`, `powershell` or `json`.
    """
    if shell == "json":
        return json.dumps(dict(variables), indent=2, sort_keys=True) + "\n"
    return "".join(f"{_assignment(name, value, shell)}\n" for name, value in variables.items())


def _assignment(name: str, value: str, shell: str) -> str:
    if shell == "fish":
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    if shell == "powershell":
        # PowerShell takes typographic single quotes for plain ones (about_Quoting_Rules).
        quoted = re.sub("(['\u2018-\u201b])", r"\1\1", value)
        return f"$env:{name} = '{quoted}'"
    return f"export {name}={shlex.quote(value)}"


def _joined(present: str, added: list[str], options: list[str] | None = None) -> str:
    text = " ".join([*map(_field, added), *(options or [])])
    if f" {text} " in f" {present} ":  # it was evaluated before
        return present
    return f"{present} {text}".strip()


def _field(text: str) -> str:
    if not any(sign in text for sign in " \t\n'\""):
        return text
    for quote in "'", '"':
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise UsageError(
        "cgo cannot take a path with both kinds of quotes",
        where=text,
        remedy="set CGO_PREBUILT_CACHE to another folder",
    )


def _prepended(entry: str, present: str, separator: str) -> str:
    entries = [part for part in present.split(separator) if part and part != entry]
    return separator.join([entry, *entries])
