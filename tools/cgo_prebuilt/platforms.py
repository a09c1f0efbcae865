"""The platforms of prebuilts, named as Go names them.

A platform is `GOOS_GOARCH`, followed by `_musl` for a Linux whose C library is musl.
`rules/private/platforms.bzl` holds the Bazel half of this table, and a test keeps the two equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cgo_prebuilt.errors import UsageError

MUSL = "musl"

_ARCHITECTURES_OF = {
    "darwin": ("amd64", "arm64"),
    "freebsd": ("amd64", "arm64"),
    "linux": ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"),
    "windows": ("386", "amd64", "arm64"),
}


@dataclass(frozen=True, order=True, slots=True)
class Platform:
    """An operating system, an architecture and, on Linux, a C library.

    Attributes:
        os: `GOOS`.
        arch: `GOARCH`.
        libc: `musl`, or empty for the platform's usual C library.
    """

    os: str
    arch: str
    libc: str = ""

    def __str__(self) -> str:
        return "_".join(part for part in (self.os, self.arch, self.libc) if part)


SUPPORTED: tuple[Platform, ...] = tuple(
    Platform(os, arch, libc)
    for os, architectures in sorted(_ARCHITECTURES_OF.items())
    for arch in architectures
    for libc in (("", MUSL) if os == "linux" else ("",))
)


# What compilers, Rust and others call them.
_OTHER_WORDS = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "x64": "amd64",
    "macos": "darwin",
    "osx": "darwin",
    "win32": "windows",
    "win64": "windows",
}

# Python refuses to read a number of thousands of digits.
_MANY_DIGITS = 100
_HUGE = 10**_MANY_DIGITS


def libc_version(text: str) -> tuple[int, ...]:
    """Return a C library's version, such as `2.9` or `2.17`, as a sort key.

    A number with more digits than any real one sorts after all others.
    """
    parts = (part.lstrip("0") for part in text.split(".") if re.fullmatch("[0-9]+", part))
    return tuple(int(part or 0) if len(part) < _MANY_DIGITS else _HUGE for part in parts)


def parse_platform(name: str, where: str = "--platform") -> Platform:
    """Parse a platform's name.

    Args:
        name: `GOOS_GOARCH` or `GOOS_GOARCH_musl`.
        where: What names it, for the error.

    Returns:
        The platform of that name.

    Raises:
        UsageError: No supported platform has that name; the error lists the supported ones.
    """
    by_name = {str(platform): platform for platform in SUPPORTED}
    found = by_name.get(name)
    if found is not None:
        return found
    normalized = name.lower().replace("-", "_")
    for word, word_of_go in _OTHER_WORDS.items():
        normalized = normalized.replace(word, word_of_go)
    import difflib

    nearest = difflib.get_close_matches(normalized, by_name, n=1)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    raise UsageError(
        f"platform {name!r} is not supported",
        where=where,
        remedy=f"{hint}the supported platforms are {', '.join(by_name)}",
    )
