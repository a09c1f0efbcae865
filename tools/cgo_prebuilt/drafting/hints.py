"""Link hints in a release's texts: `#cgo` lines, pkg-config and CMake files. Pure.

References: `go doc cgo` and `go help buildconstraint`; pkg-config's guide; CMake's exported targets.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgo_prebuilt.locks.lock_names import DEFINE
from cgo_prebuilt.platforms import SUPPORTED, Platform

_CGO = re.compile(
    r"^[ \t]*(?://[ \t]*)?#cgo[ \t]*(.*?)(CFLAGS|CPPFLAGS|LDFLAGS)[ \t]*:(.*)$", re.MULTILINE
)
_GO_BUILD = re.compile(r"^//go:build (.*)$", re.MULTILINE)
_PLUS_BUILD = re.compile(r"^//\s*\+build (.*)$", re.MULTILINE)
_TOKEN = re.compile(r"\s*(&&|\|\||!|\(|\)|[\w.]+)")
_SYSTEMS = {platform.os for platform in SUPPORTED} | {
    "aix",
    "android",
    "dragonfly",
    "hurd",
    "illumos",
    "ios",
    "js",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "zos",
}
_ARCHES = {platform.arch for platform in SUPPORTED} | {
    "wasm",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "loong64",
    "ppc64",
    "riscv",
    "s390",
    "sparc64",
}
_PC_LINE = re.compile(r"^(?:([\w.]+)\s*=|([\w.]+)\s*:)[ \t]*(.*)$", re.MULTILINE)
_PC_VALUE = re.compile(r"\$\{([\w.]+)\}")
_CMAKE_LINKS = re.compile(r'INTERFACE_LINK_LIBRARIES\s+"([^"]*)"')
_CMAKE_DEFINES = re.compile(r'INTERFACE_COMPILE_DEFINITIONS\s+"([^"]*)"')
_LINK_ONLY = re.compile(r"\\?\$<LINK_ONLY:([^>]*)>")
_THREADS = {"-pthread": "-lpthread", "Threads::Threads": "-lpthread"}


@dataclass(frozen=True, slots=True)
class Hint:
    """The link hints of one text.

    Attributes:
        origin: The text's name, for a person.
        libraries: The libraries in link order: names as in `-l`, `:FILE` included, or paths in the archive.
        linkopts: The other options for the linker. The caller, who knows the archive's files, moves a `-l`
            here if no file fits.
        include_dirs: Folders of the archive, perhaps without their unknown parents.
        defines: Macros for the preprocessor.
        private: The libraries that only a static link needs.
    """

    origin: str
    libraries: tuple[str, ...] = ()
    linkopts: tuple[str, ...] = ()
    include_dirs: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


def cgo_hints(texts: Mapping[str, str], platform: Platform) -> list[Hint]:
    """Return the hints of each Go package's `#cgo` lines for a platform."""
    packages: dict[str, tuple[list[str], list[str], list[str]]] = {}
    for name, text in sorted(texts.items()):
        if not name.endswith(".go") or not _is_built(name, text, platform):
            continue
        folder, _, file = name.rpartition("/")
        for match in _CGO.finditer(text):
            if not _any_of(match[1], platform):
                continue
            files, linker, compiler = packages.setdefault(folder, ([], [], []))
            files.append(file)
            words = _words(match[3].replace("${SRCDIR}", folder or "."))
            (linker if match[2] == "LDFLAGS" else compiler).extend(words)
    return [
        _hint(f"`#cgo` in {', '.join(dict.fromkeys(files))}", linker, compiler)
        for files, linker, compiler in packages.values()
    ]


def _is_built(name: str, text: str, platform: Platform) -> bool:
    parts = name.rpartition("/")[2].removesuffix(".go").split("_")[1:]
    last = parts[-1:] if parts and parts[-1] in _SYSTEMS | _ARCHES else []
    if last and last[0] in _ARCHES and len(parts) > 1 and parts[-2] in _SYSTEMS:
        last = parts[-2:]
    if any(part not in (platform.os, platform.arch) for part in last):
        return False
    head = text.partition("\npackage ")[0]
    modern = _GO_BUILD.search(head)
    if modern is not None:
        return _holds(modern[1], platform)
    return all(_any_of(match[1], platform) for match in _PLUS_BUILD.finditer(head))


def _has_tag(tag: str, platform: Platform) -> bool:
    known = {platform.os, platform.arch, platform.libc, "cgo", "gc"} - {""}
    return tag in known or (tag == "unix" and platform.os != "windows")


def _any_of(terms: str, platform: Platform) -> bool:
    """Evaluate an old-style constraint: a space is or, a comma is and; an empty one is true."""
    alternatives = terms.split()
    return not alternatives or any(
        all(
            _has_tag(tag.lstrip("!"), platform) != tag.startswith("!")
            for tag in one.split(",")
            if tag
        )
        for one in alternatives
    )


def _holds(expression: str, platform: Platform) -> bool:
    tokens = _TOKEN.findall(expression)

    def either() -> bool:
        value = both()
        while tokens[:1] == ["||"]:
            tokens.pop(0)
            value = both() or value
        return value

    def both() -> bool:
        value = single()
        while tokens[:1] == ["&&"]:
            tokens.pop(0)
            value = single() and value
        return value

    def single() -> bool:
        token = tokens.pop(0) if tokens else ""
        if token == "!":
            return not single()
        if token == "(":
            value = either()
            del tokens[:1]
            return value
        return _has_tag(token, platform)

    return either()


def pkg_config_hint(name: str, text: str) -> Hint:
    """Return the hint of a `.pc` file, with folders relative to its `prefix`."""
    variables: dict[str, str] = {"prefix": "/", "pcfiledir": "/", "exec_prefix": "/"}
    fields: dict[str, str] = {}
    for variable, key, value in _PC_LINE.findall(text.replace("\\\n", " ")):
        value = value.partition("#")[0].strip()
        if key:
            fields[key.lower()] = value
        elif variable not in variables:
            variables[variable] = value

    def words(key: str) -> list[str]:
        value = fields.get(key, "")
        for _ in range(5):
            value = _PC_VALUE.sub(lambda match: variables.get(match[1], ""), value)
        return _words(value)

    hint = _hint(name.rpartition("/")[2], words("libs"), words("cflags"))
    private = _hint("", words("libs.private"), words("cflags.private"))
    needed = tuple(f"-l{library}" for library in private.libraries) + private.linkopts
    return Hint(hint.origin, hint.libraries, hint.linkopts, hint.include_dirs, hint.defines, needed)


def cmake_hint(name: str, text: str) -> Hint:
    """Return the hint of a CMake file of exported targets."""
    linked: list[str] = []
    for match in _CMAKE_LINKS.finditer(text):
        for word in _LINK_ONLY.sub(r"\1", match[1]).split(";"):
            word = _THREADS.get(word, word)
            if word.startswith("-") and not word.startswith("-L"):
                linked.append(word)
            elif re.fullmatch(r"[a-z][\w+]*", word):
                linked.append(f"-l{word}")
    defines = [
        word.removeprefix("-D")
        for match in _CMAKE_DEFINES.finditer(text)
        for word in match[1].split(";")
        if re.fullmatch(r"(-D)?[A-Za-z_]\w*(=[\w.]*)?", word)
    ]
    return Hint(
        name.rpartition("/")[2],
        defines=tuple(dict.fromkeys(defines)),
        private=tuple(dict.fromkeys(linked)),
    )


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=False)
    except ValueError:
        return text.split()


def _hint(origin: str, linker: Iterable[str], compiler: Iterable[str]) -> Hint:
    libraries, linkopts = [], []
    rest = iter(linker)
    for word in rest:
        if word in ("-framework", "-weak_framework", "-Xlinker", "-u"):
            linkopts.append(f"{word} {next(rest, '')}")
        elif re.fullmatch(r".*\.(a|lib|so|dylib|dll)", word) and not word.startswith("-"):
            libraries.append(posixpath.normpath(word))
        elif word.startswith("-l"):
            libraries.append(word[2:] or next(rest, ""))
        elif word == "-L":
            next(rest, "")
        elif word in _THREADS:
            linkopts.append(_THREADS[word])
        elif not word.startswith(("-L", "-O", "-g", "-Wl,-rpath", "-Wl,-R")):
            linkopts.append(word)
    folders, defines = [], []
    rest = iter(compiler)
    for word in rest:
        if word in ("-I", "-D", "-isystem"):
            word += next(rest, "")
        if word.startswith(("-I", "-isystem")):
            folder = posixpath.normpath(word.removeprefix("-I").removeprefix("-isystem").strip())
            folders.append(re.sub(r"\A//", "/", folder))
        elif DEFINE.fullmatch(word.removeprefix("-D")) and word.startswith("-D"):
            defines.append(word[2:])
    return Hint(
        origin,
        _once(libraries),
        _once(linkopts),
        _once(folders),
        _once(defines),
    )


def _once(words: Iterable[str]) -> tuple[str, ...]:
    """Keep the last of equal words, since a linker resolves from left to right."""
    listed = list(words)
    return tuple(word for index, word in enumerate(listed) if word not in listed[index + 1 :])
