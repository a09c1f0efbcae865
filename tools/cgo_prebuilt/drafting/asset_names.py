"""Read the platform from a release file's name, or a reason to leave the file out.

Pure. Platforms have many names; a binary's header is stronger evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cgo_prebuilt.platforms import MUSL, SUPPORTED, Platform

OS, ARCH, LIBC, ABI, GLIBC = "os", "arch", "libc", "abi", "glibc"
UNIVERSAL = "universal"
OTHER = "other"
"""A system or an architecture that no platform has, such as Android or MIPS."""

_JOINED_WORDS = re.compile(
    r"(?i)(linux|macos|darwin|osx|mac|windows|win)(?=(64|32|x64|x32|x86|amd64|arm64|aarch64)(?![a-z0-9]))"
)
_WORDS: tuple[tuple[str, str, str], ...] = (
    (OS, OTHER, r"android(eabi)?|ios|iphone(os|simulator)|watchos|tvos|visionos|xros|uwp|wasi(p\d)?"
     r"|emscripten|netbsd|openbsd|dragonfly(bsd)?|solaris|illumos|aix|haiku|cygwin|ohos|plan9|hurd|nacl"),
    (ARCH, OTHER, r"wasm(32|64)?|webassembly|asmjs|mips\w*|loong(arch)?64"
     r"|sparc\w*|ppc64|powerpc64?|ia64|armeabi(-v7a)?"),
    (OS, "darwin", r"apple-darwin|macosx_\d+_\d+|macosx|macos(-?\d\d(\.\d+)?)?|osx(\d+\.\d+)?|darwin\d*"
     r"|mac|apple"),
    (OS, "windows", r"pc-windows|windows(-?20\d\d)?|win(32|64)?"),
    (OS, "linux", r"(unknown-)?linux|manylinux\w*?(?=_(x86|i686|aarch|arm|ppc|s390|riscv))|manylinux\w*"
     r"|musllinux_\d+_\d+|linuxmusl|ubuntu([-_.]?\d\d\.?\d\d)?|debian\d*|centos\d*|rhel\d*|el\d|alpine[\d.]*"),
    (OS, "freebsd", r"(unknown-)?freebsd\d*"),
    (ABI, "gnu", r"mingw(-?w?(32|64))?|ucrt(64)?|gnullvm"),
    (ABI, "msvc", r"msvc\d*|vc(1\d\d?)?|vs20\d\d"),
    (LIBC, MUSL, r"musl(eabi(hf)?)?"),
    (LIBC, "gnu", r"gnu(eabi(hf)?)?|glibc(2?[._]?\d+)?"),
    (ARCH, "amd64", r"x86[-_]64(?:[-_]v[1-4])?|amd64|x64|64[-_]?bit|intel64"),
    (ARCH, "386", r"i[3-6]86|x86|386|ia32|x32|32[-_]?bit"),
    (ARCH, "arm64", r"aarch64|arm64(e|ec)?(-v8a)?|armv8([-.]?a)?"),
    (ARCH, "arm", r"armv[67]\w*|armhf|armel|arm(eabi(hf)?)?|arm32(v[67])?"),
    (ARCH, "ppc64le", r"ppc64le|ppc64el|powerpc64le"),
    (ARCH, "riscv64", r"riscv64(gc)?"),
    (ARCH, "s390x", r"s390x"),
    (ARCH, UNIVERSAL, r"universal2?"),
)  # fmt: skip
_PATTERNS = tuple(
    (kind, value, re.compile(rf"(?i)(?<![a-z0-9])(?:{words})(?![a-z0-9])"))
    for kind, value, words in _WORDS
)
_BITS = {"64": "amd64", "32": "386"}
_BY_ENDING = (
    (re.compile(r"(?i).*\.(dylib|framework)(\.\w+)?"), "darwin"),
    (re.compile(r"(?i).*\.(dll|lib|dll\.a|exe|msi)(\.\w+)?"), "windows"),
    (re.compile(r"(?i).*(\.so(\.\d+)*|\.deb|\.rpm)"), "linux"),
)
_MANYLINUX = re.compile(r"(?i)manylinux(?:_2_(\d+)|2014|2010|1)")
_OLD_MANYLINUX = {"manylinux2014": "2.17", "manylinux2010": "2.12", "manylinux1": "2.5"}

_PROGRAM, _TESTS = "a program, by its name", "tests or examples"
_DRIVER = "a driver of another language"
BY_NAME_ALONE = frozenset({_PROGRAM, _TESTS, _DRIVER})
"""Reasons that do not count if a release has nothing else."""
_LEFT_OUT = (
    ("checksums", r".*\.(sha\d+(sum)?|md5|b3|blake3|sum|sha)(\.txt)?|.*(sha\d*|md5|b2)[-_]?sums?.*"
     r"|.*checksums?\b.*"),
    ("a signature", r".*\.(sig|asc|minisig|pem|crt|cert|cer|p7s|pub|sigstore(\.json)?|bundle|intoto\.jsonl"
     r"|att|jsonl)"),
    ("a bill of materials", r".*\.(spdx|cdx|cyclonedx|sbom)(\.json|\.xml)?|.*\bsbom\b.*"),
    ("sources", r".*[-_.](src|source|sources|source[-_]code|vendored|amalgamation|autoconf|orig)[-_.].*"
     r"|sources?[-_.].*|.*\.(dsc|patch|diff|src\.rpm)"),
    ("debug symbols", r".*[-_.](dbg|dbgsym|debuginfo|debug-?symbols?|symbols|pdbs?|dsyms?)[-_.].*|.*\.pdb"),
    ("documentation", r".*[-_.](docs?|manual|man|javadoc)[-_.](?!.*\.deb$).*"),
    (_TESTS, r".*[-_.](tests?|testdata|examples?|samples?|benchmarks?)[-_.].*"),
    (_PROGRAM, r".*[-_.](cli|installer|setup)[-_.].*"),
    (_DRIVER, r".*[-_.](jdbc|odbc|javadoc|sources)[-_.].*"),
    ("no archive and no library", r".*\.(md|txt|pdf|html?|json|ya?ml|xml|log|csv|toml|png|svg|js|py|sh|ps1"
     r"|rb|go)|install|readme|changelog|news"),
)  # fmt: skip
_REASONS = tuple((reason, re.compile(f"(?i){words}")) for reason, words in _LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Word:
    """A word in a name that means a system, an architecture or a C library."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class NameReading:
    """The platform that a name or path states.

    Attributes:
        name: The name.
        words: The words about it, in order.
    """

    name: str
    words: tuple[Word, ...]

    def values(self, kind: str) -> tuple[str, ...]:
        """Return the values of the words of a kind; the last first, since paths become more specific."""
        return tuple(
            dict.fromkeys(word.value for word in reversed(self.words) if word.kind == kind)
        )

    @property
    def os(self) -> str:
        """The operating system; empty if unknown, `OTHER` if unsupported."""
        named = self.values(OS)
        if OTHER in named:
            return OTHER
        if named:
            return named[0]
        if self.values(ABI):
            return "windows"
        return next((os for ending, os in _BY_ENDING if ending.fullmatch(self.name)), "")

    @property
    def arches(self) -> tuple[str, ...]:
        """The architectures: several for a universal file, none if unknown."""
        named = self.values(ARCH)
        if UNIVERSAL in named:
            return ("amd64", "arm64")
        return named[:1]

    @property
    def libc(self) -> str:
        """`musl`, or empty."""
        return MUSL if self.os in ("linux", "") and MUSL in self.values(LIBC) else ""

    @property
    def glibc(self) -> str:
        """The oldest glibc that a wheel's tag states, such as `2.28`; empty without one."""
        found = _MANYLINUX.search(self.name)
        if found is None:
            return ""
        return f"2.{found[1]}" if found[1] else _OLD_MANYLINUX[found[0].lower()]

    def platforms(self) -> tuple[Platform, ...]:
        """Return the supported platforms that it names completely; none if the name is incomplete."""
        named = [Platform(self.os, arch, self.libc) for arch in self.arches]
        return tuple(platform for platform in named if platform in SUPPORTED)

    def is_other(self) -> bool:
        """Return whether it names an unsupported platform."""
        if self.os == OTHER or OTHER in self.arches:
            return True
        return bool(self.os and self.arches) and not self.platforms()

    def evidence(self) -> str:
        """Return the words that name the platform, for a person; empty without any."""
        said = dict.fromkeys(self.name[word.start : word.end] for word in self.words)
        return ", ".join(f"`{text}`" for text in said)


def read_name(name: str) -> NameReading:
    """Read the platform from a name, or from a path inside an archive."""
    found = [
        Word(*match.span(), kind, value)
        for kind, value, pattern in _PATTERNS
        for match in pattern.finditer(name)
    ]
    for match in _JOINED_WORDS.finditer(name):  # `linux64` is two words
        arch = next(
            (value for kind, value, p in _PATTERNS if kind == ARCH and p.fullmatch(match[2])), None
        )
        os = next(value for kind, value, p in _PATTERNS if kind == OS and p.fullmatch(match[1]))
        found.append(Word(*match.span(1), OS, os))
        found.append(Word(*match.span(2), ARCH, arch or _BITS[match[2]]))
    words = list(_without_overlaps(found))
    if not any(word.kind == ARCH for word in words):
        words += [
            Word(word.end - 2, word.end, ARCH, _BITS[bits])
            for word in words
            if word.kind == OS
            and (bits := name[word.end - 2 : word.end]) in _BITS
            and word.value == "windows"
        ]  # in npm's `win32-x64`, the architecture is `x64`, not `32`
    words += [
        Word(word.start, word.end, LIBC, MUSL)
        for word in words
        if word.kind == OS and re.match(r"(?i)musl|linuxmusl|alpine", name[word.start : word.end])
    ]
    return NameReading(name, tuple(sorted(words, key=lambda w: (w.start, w.end))))


def _without_overlaps(words: list[Word]) -> Iterator[Word]:
    """Yield the words that are not part of longer words, such as `x86` in `x86_64`."""
    taken: list[Word] = []
    for word in sorted(words, key=lambda w: (w.start - w.end, w.start)):
        if all(word.end <= other.start or word.start >= other.end for other in taken):
            taken.append(word)
            yield word


def why_left_out(name: str) -> str | None:
    """Return why a release's file is not inspected; None if it may hold a library."""
    for reason, pattern in _REASONS:
        if pattern.fullmatch(name):
            return reason
    reading = read_name(name)
    if reading.is_other():
        return f"for a platform that is not supported ({reading.evidence()})"
    return None
