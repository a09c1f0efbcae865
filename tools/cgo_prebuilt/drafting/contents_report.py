"""Report an archive's contents and its libraries, to a person and to a program. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.drafting.binaries import Binary
from cgo_prebuilt.drafting.survey import Asset

_PREFIX = re.compile(r"_*(?:[A-Z][A-Z0-9]+(?![a-z])|[A-Za-z][a-z0-9]*)_?")
_SHOWN = 8
_MANGLED = ("_Z", "__Z", "_R", "?")

Report = dict[str, object]


@dataclass(frozen=True, slots=True)
class Symbols:
    """The global symbols of a library: defined ones, and needed ones."""

    defined: frozenset[str]
    undefined: frozenset[str]


def by_prefix(names: Iterable[str]) -> list[tuple[str, int]]:
    """Count names by prefix, the most frequent first; mangled C++ and Rust names count as one."""
    counted = Counter(_prefix(name) for name in names)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _prefix(name: str) -> str:
    if name.startswith(_MANGLED):
        return "C++ or Rust"
    match = _PREFIX.match(name)
    return match[0] if match else name


def report(found: Asset, size: int, symbols: Mapping[str, Symbols]) -> Report:
    """Return a file's contents as JSON.

    Args:
        found: The inspected file.
        size: Its size in bytes.
        symbols: The symbols of its libraries, by name, if they were read.
    """
    return {
        "file": found.asset.file,
        "format": found.format,
        "size": size,
        "files": [
            {
                "path": name,
                "size": found.sizes.get(name, size if found.is_single else None),
                "link": found.links.get(name),
            }
            for name in sorted(found.names)
        ],
        "libraries": [
            {
                "path": name,
                "kind": binary.kind,
                "os": binary.os,
                "arch": list(binary.arches),
                "libc": binary.libc,
                "soname": binary.soname or None,
                "needs": list(binary.needs),
                "glibc": binary.glibc or None,
                "libstdcxx": binary.libstdcxx or None,
                "defined": _counted(symbols, name, "defined"),
                "undefined": _counted(symbols, name, "undefined"),
            }
            for name, binary in sorted(found.binaries.items())
        ],
    }


def _counted(symbols: Mapping[str, Symbols], name: str, kind: str) -> dict[str, int] | None:
    return dict(by_prefix(getattr(symbols[name], kind))) if name in symbols else None


def lines(found: Asset, size: int, symbols: Mapping[str, Symbols]) -> list[str]:
    """Return a file's contents as text."""
    count = len(found.names)
    what = "" if found.is_single else f", {count} {'file' if count == 1 else 'files'}"
    made = [f"{found.asset.file}: {found.format}, {format_size(size)}{what}"]
    for name in sorted(found.names):
        link = found.links.get(name)
        known = found.sizes.get(name)
        tail = f" -> {link}" if link else f"  {format_size(known)}" if known is not None else ""
        made.append(f"  {name}{tail}")
        if name in found.binaries:
            made += [f"      {line}" for line in _library(found.binaries[name], symbols.get(name))]
    for name in sorted(found.dangling):
        made.append(f"  {name}: a link to no file of the archive")
    return made


def _library(binary: Binary, symbols: Symbols | None) -> list[str]:
    arch = " and ".join(binary.arches) or "an unknown architecture"
    made = [
        f"{binary.kind}, for {binary.os} on {arch}" + (f", {binary.libc}" if binary.libc else "")
    ]
    if binary.soname:
        made.append(f"SONAME {binary.soname}")
    if binary.needs:
        made.append(f"needs {', '.join(binary.needs)}")
    versions = [("glibc", binary.glibc), ("libstdc++", binary.libstdcxx)]
    if any(version for _, version in versions):
        made.append(
            f"asks for {', '.join(f'{name} {version}' for name, version in versions if version)}"
        )
    if symbols is not None:
        for verb, names in (("defines", symbols.defined), ("leaves undefined", symbols.undefined)):
            counted = by_prefix(names)
            some = ", ".join(
                f"{prefix}* {count}" for prefix, count in counted[:_SHOWN] if count > 1
            )
            if names:
                made.append(f"{verb} {len(names)} symbols" + (f": {some}" if some else ""))
    return made
