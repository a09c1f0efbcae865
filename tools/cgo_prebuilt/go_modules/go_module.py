"""Names and versions of Go modules.

References: https://go.dev/ref/mod, sections "Module paths, packages, and versions" and "GOPROXY
protocol"; the rules of the Go package golang.org/x/mod/module.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import Platform

_HOST = re.compile(r"[a-z0-9.-]+")
_MAJOR_SUFFIX = re.compile(r"/v([1-9][0-9]*)")
# Semantic Versioning 2.0.0; build metadata after a plus sign is a separate group.
_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
)
_PSEUDO_VERSION = re.compile(r"v[0-9]+\.(?:0\.0-|\d+\.\d+-(?:[^+]*\.)?0\.)\d{14}-[0-9a-f]{12}")
_SHORT_NAME = re.compile(r"~[0-9]+")
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789"),
}
# The Go Programming Language Specification, "Keywords".
_KEYWORD = re.compile(
    r"break|case|chan|const|continue|default|defer|else|fallthrough|for|func|go|goto|if|import"
    r"|interface|map|package|range|return|select|struct|switch|type|var"
)
_FILE_SIGNS = "!#$%&()+,-.=@[]^_{}~ "

_DNS_REMEDY = "use a path below a host name of yours, such as go.acme.dev/vecsearch-prebuilt"


@dataclass(frozen=True, order=True, slots=True)
class GoModule:
    """One version of a module: its path and its canonical version (`v1.2.3`, `v1.2.3-rc.1`)."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


def check_module_path(path: str, *, where: str) -> None:
    """Refuse an invalid path of a module on a web site.

    Args:
        path: A path such as `go.acme.dev/vecsearch-prebuilt`, perhaps followed by `/v2`.
        where: The manifest and the key in it, for the error.

    Raises:
        UsageError: golang.org/x/mod/module.CheckPath refuses it; other modules may not import it; or its
            host serves modules from repositories only.
    """
    problem = _path_problem(path, module=True)
    host = path.partition("/")[0]
    if problem is None and not _HOST.fullmatch(host):
        problem = f"the host {host!r} has characters other than a-z, 0-9, '.' and '-'"
    if problem is None and "." not in host:
        problem = f"the host {host!r} has no dot"
    if problem is None and host in ("gopkg.in", "github.com"):
        problem = f"{host} serves repositories, and no go-import page of yours"
    closed = sorted({"internal", "vendor"} & set(path.split("/")))
    if problem is None and closed:
        problem = f"no other module may import what is below {closed[0]!r}"
    if problem is None and re.search(r"/v[0-9.]+$", path) and not _suffix(path):
        problem = "its last part looks like a major version, but is not v2 or later"
    if problem is None and _suffix(path) == "/v1":
        problem = "version 1 has no suffix"
    if problem is not None:
        raise UsageError(
            f"{path!r} is not a module path: {problem}", where=where, remedy=_DNS_REMEDY
        )


def module_version(release: str, path: str, *, where: str) -> str:
    """Return the module version of a library's release.

    Args:
        release: The library's version; `1.2.3` stands for `v1.2.3`.
        path: The module's path, which must fit the major version.
        where: The manifest, for the error.

    Raises:
        UsageError: There is no such module version.
    """
    version = release if release.startswith("v") else f"v{release}"
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UsageError(
            f"{release!r} is not a valid version of a Go module",
            where=where,
            remedy="use one of the form v1.2.3 or v1.2.3-rc.1, without build metadata",
        )
    suffix = _suffix(path)
    major = match[1]
    is_first = major in ("0", "1")
    if suffix != ("" if is_first else f"/v{major}"):
        base = path.removesuffix(suffix)
        wanted = base if is_first else f"{base}/v{major}"
        raise UsageError(
            f"version {version} does not fit the module path {path}",
            where=where,
            remedy=f"for this version the path has to be {wanted}",
        )
    return version


def platform_module(path: str, platform: Platform) -> str:
    """Return the path of a platform's module: `<module>-<os>-<arch>`, before a `/v2` suffix."""
    suffix = _suffix(path)
    return f"{path.removesuffix(suffix)}-{str(platform).replace('_', '-')}{suffix}"


def package_name(path: str) -> str:
    """Return the package name of a module's root: the last part of its path, as an identifier."""
    last = path.removesuffix(_suffix(path)).rsplit("/", 1)[-1]
    name = re.sub(r"[^a-z0-9_]", "_", last.lower())
    return name if not name[:1].isdigit() else f"_{name}"


def package_problem(name: str) -> str | None:
    """Return why a package of this name cannot be imported; None if it can."""
    if _KEYWORD.fullmatch(name) or name == "_":
        return "the language does not allow it as a name"
    if name == "main":
        return "it is a program's, which nobody imports"
    if name == "documentation":
        return "the go command ignores the files of a package with it"
    return None


def check_root_package(path: str, *, where: str) -> None:
    """Refuse a module whose root package cannot be imported.

    Args:
        path: A module's path.
        where: The manifest and the key in it, for the error.

    Raises:
        UsageError: It cannot be imported.
    """
    name = package_name(path)
    problem = package_problem(name)
    if problem is not None:
        raise UsageError(
            f"the package of {path!r} would have the name {name!r}: {problem}",
            where=where,
            remedy="end the path in another name, such as vecsearch-prebuilt",
        )


def version_key(version: str) -> tuple[Any, ...]:
    """Return a key that sorts canonical versions by precedence (Semantic Versioning 2.0.0, section 11)."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return ()
    numbers = tuple((len(match[part]), match[part]) for part in (1, 2, 3))
    if match[4] is None:
        return (*numbers, 1)
    # Numbers have no leading zeros, so the longer one is the larger one.
    identifiers = tuple(
        (0, len(text), text) if text.isdigit() else (1, 0, text) for text in match[4].split(".")
    )
    return (*numbers, 0, identifiers)


def is_canonical(version: str) -> bool:
    """Return whether a version may be listed: it is canonical and not a pseudo-version."""
    return bool(_VERSION.fullmatch(version)) and not _PSEUDO_VERSION.fullmatch(version)


def latest(versions: list[str]) -> str:
    """Return the version for `@latest`: the highest release, else the highest pre-release."""
    releases = [version for version in versions if "-" not in version]
    return max(releases or versions, key=version_key)


def file_path_problem(path: str) -> str | None:
    """Return why golang.org/x/mod/module.CheckFilePath refuses a path; None if it does not."""
    return _path_problem(path, module=False)


def import_path_problem(path: str) -> str | None:
    """Return why golang.org/x/mod/module.CheckImportPath refuses a path; None if it does not."""
    for sign in path:
        if not _is_import_sign(sign, "+"):
            return f"it has the character {sign!r}"
    if _SHORT_NAME.search(path):
        return "it has a tilde and digits, as a short name on Windows has"
    return _path_problem(path, module=False)


def _suffix(path: str) -> str:
    match = _MAJOR_SUFFIX.search(path)
    return match[0] if match and path.endswith(match[0]) else ""


def _path_problem(path: str, *, module: bool) -> str | None:
    if not path:
        return "it is empty"
    if module and path.startswith("-"):
        return "it begins with a dash"
    for part in path.split("/"):
        problem = _part_problem(part, module=module)
        if problem is not None:
            return problem
    return None


def _part_problem(part: str, *, module: bool) -> str | None:
    if not part:
        return "it has an empty part"
    if part.endswith("."):
        return f"the part {part!r} ends in a dot"
    if module and part.startswith("."):
        return f"the part {part!r} begins with a dot"
    for sign in part:
        if not (_is_import_sign(sign) if module else _is_file_sign(sign)):
            return f"it has the character {sign!r}"
    stem = part.partition(".")[0]
    if stem.lower() in _DEVICES:
        return f"{stem!r} is a device on Windows"
    if module and re.search(r"~[0-9]+$", stem):
        return f"the part {part!r} ends in a tilde and digits"
    return None


def _is_import_sign(sign: str, more: str = "") -> bool:
    return sign.isascii() and (sign.isalnum() or sign in "-._~/" + more)


def _is_file_sign(sign: str) -> bool:
    if sign.isascii():
        return sign.isalnum() or sign in _FILE_SIGNS
    return unicodedata.category(sign).startswith("L")
