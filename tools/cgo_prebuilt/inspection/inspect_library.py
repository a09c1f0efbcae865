"""What is wrong, or worth knowing, with a library that is to be packed. Decides; reads nothing.

`object_files` reads the libraries, `provided_symbols` this machine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.inspection.object_files import BITCODE, COFF, ELF, MACH_O, ObjectFile
from cgo_prebuilt.inspection.provided_symbols import LINKER_SYMBOLS, version_number
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.platforms import Platform, libc_version
from cgo_prebuilt.requirements import highest_cpu, is_for

ERROR, WARNING, NOTE = "error", "warning", "note"

_FORMATS = {"darwin": MACH_O, "windows": COFF}
_MUCH_DEBUG = 0.5
_SHOWN = 5
# Since 2.33 in libc.so; before, every glibc linked them into the program itself (libc_nonshared.a).
_ONCE_STATIC = frozenset(
    f"{name}{bits}" for name in ("stat", "fstat", "lstat", "fstatat") for bits in ("", "64")
) | {"mknod", "mknodat"}
# Folders that are on one machine only: people's homes, and those of the usual builders.
_BUILD_FOLDERS = (
    b"/home/",
    b"/Users/",
    b"/root/",
    b"/__w/",
    b"/builds/",
    b"/workspace/",
    b":\\Users\\",
    b":\\a\\",
)
_PATH = re.compile(rb"[\w.+-]+[/\\][\x21-\x7e]+")
# What may stand before a path that is not the tail of a longer one.
_PATH_BEFORE = re.compile(rb"[\w.-]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a file.

    Attributes:
        level: `error` for what cannot work, `warning` for what may not, `note` for the rest.
        file: The file, relative to the library's folder.
        what: What it is.
        remedy: What to do about it; empty where there is nothing to do.
    """

    level: str
    file: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {self.file}: {self.what}" + (
            f"\n  next: {self.remedy}" if self.remedy else ""
        )


def build_paths(data: bytes) -> list[str]:
    """The absolute paths of the build machine in a file's bytes, each once, folder by folder."""
    found = []
    for folder in _BUILD_FOLDERS:
        # A search for each folder is many times faster than one expression for all of them.
        at = data.find(folder)
        while at >= 0:
            start = at - 1 if folder[:1] == b":" else at
            match = _PATH.match(data, at + len(folder))
            if match and not (start > 0 and _PATH_BEFORE.match(data, start - 1)):
                found.append(data[start : match.end()].decode("ascii"))
            at = data.find(folder, at + len(folder))
    return list(dict.fromkeys(found))


def inspect_libraries(
    platform: Platform,
    interface: Interface,
    libraries: Mapping[str, Sequence[ObjectFile]],
    paths: Mapping[str, Sequence[str]],
    provided: Mapping[str, str | None] | None,
) -> list[Finding]:
    """Inspects a platform's libraries.

    Args:
        platform: What they are for.
        interface: How they are linked.
        libraries: Their objects, by file.
        paths: The build machine's paths in them, by file.
        provided: What `provided_symbols` gives; None where this machine cannot tell.

    Returns:
        The findings, file by file; those of all the libraries together last.
    """
    findings: list[Finding] = []
    for file, objects in libraries.items():
        findings += _of_file(platform, file, objects)
        if paths.get(file):
            findings.append(_paths(file, paths[file]))
    everything = [item for objects in libraries.values() for item in objects]
    where = ", ".join(libraries) if len(libraries) <= _SHOWN else f"{len(libraries)} libraries"
    undefined = _undefined(everything)
    if provided is None:
        findings.append(
            Finding(NOTE, where, "undefined symbols are not checked: that takes this machine to be"
                    f" {platform}, with a C compiler")
        )  # fmt: skip
    else:
        findings += _unprovided(where, undefined, provided)
    requires = interface.requires
    if platform.os == "linux" and not platform.libc:
        for family, key, stated in (
            ("GLIBC", "glibc", requires.glibc),
            ("GLIBCXX", "libstdcxx", requires.libstdcxx),
        ):
            findings += _versions(family, key, stated, where, everything, undefined, provided)
    findings += _cpu(where, platform, requires.cpu, everything)
    return findings


def _of_file(platform: Platform, file: str, objects: Sequence[ObjectFile]) -> Iterator[Finding]:
    wanted = _FORMATS.get(platform.os, ELF)
    native = [item for item in objects if item.format != BITCODE]
    if not objects:
        yield Finding(WARNING, file, "it is no library: there is no object in it", "build it again")
        return
    formats = sorted({item.format for item in native} - {wanted})
    if formats:
        yield Finding(
            ERROR,
            file,
            f"it is {' and '.join(formats)}, {platform} takes {wanted}",
            "check --platform and --from",
        )
    elif native:
        archs = {item.arch for item in native}
        if platform.arch not in archs:
            named = ", ".join(sorted(archs - {""})) or "an unknown architecture"
            yield Finding(
                ERROR,
                file,
                f"it is for {named}, not {platform.arch}",
                "check --platform and --from",
            )
        elif len(archs) > 1 and wanted != MACH_O:
            odd = next(item for item in native if item.arch != platform.arch)
            yield Finding(
                ERROR, file, f"{odd.name} in it is for {odd.arch or 'an unknown architecture'}"
            )
    if len(native) < len(objects):
        yield Finding(
            WARNING,
            file,
            f"{len(objects) - len(native)} of its objects are LLVM bitcode, which only the same LLVM"
            " links",
            "build without -flto (Rust: lto = false or embed-bitcode = no)",
        )
    if any(item.shared and item.soname is None for item in native):
        yield Finding(
            WARNING,
            file,
            "it has no SONAME: programs will look for it by the path that it had when they were"
            " linked",
            "link it with -Wl,-soname,NAME (macOS: -install_name @rpath/NAME)",
        )
    size, debug = sum(item.size for item in objects), sum(item.debug for item in objects)
    if debug > _MUCH_DEBUG * size:
        yield Finding(
            WARNING,
            file,
            f"{format_size(debug)} of its {format_size(size)} are debug information",
            "pack it with --strip, or build without -g",
        )


def _paths(file: str, paths: Sequence[str]) -> Finding:
    shown = ", ".join(paths[:2])
    return Finding(
        WARNING,
        file,
        f"{len(paths)} paths of the machine that built it are in it: {shown}"
        + (" ..." if len(paths) > 2 else ""),
        "build with -ffile-prefix-map=$PWD=. (Rust: --remap-path-prefix); --strip removes those in"
        " debug information",
    )


def _undefined(objects: Sequence[ObjectFile]) -> set[str]:
    needed: set[str] = set().union(*(item.undefined for item in objects))
    return needed.difference(*(item.defined for item in objects))


def _unprovided(
    where: str, undefined: set[str], provided: Mapping[str, str | None]
) -> Iterator[Finding]:
    missing = sorted(
        name for name in undefined if name not in provided and not LINKER_SYMBOLS.fullmatch(name)
    )
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" ..." if len(missing) > _SHOWN else "")
        yield Finding(
            WARNING,
            where,
            f"{len(missing)} undefined symbols that neither the C library nor a linkopt provides:"
            f" {shown}",
            "add the library that has them to 'linkopts', such as -lstdc++ or -lm; it matters only"
            " where a program uses the objects that need them",
        )


def _versions(
    family: str,
    key: str,
    stated: str,
    where: str,
    objects: Sequence[ObjectFile],
    undefined: set[str],
    provided: Mapping[str, str | None] | None,
) -> Iterator[Finding]:
    """Compares the newest version of a family, such as GLIBC, that is asked for with what is stated."""
    prefix = f"{family}_"
    asked = {version for item in objects for version in item.versions}
    # A static archive names no versions. A link takes the symbol from the oldest library that has it.
    undefined = undefined - _ONCE_STATIC
    asked |= {version for name in undefined if (version := (provided or {}).get(name))}
    asked = {version for version in asked if version.startswith(prefix) and version_number(version)}
    if not asked:
        if provided is None and key == "glibc":
            yield Finding(
                NOTE, where, "the lowest glibc is not known: static archives do not record it"
            )
        return
    newest = max(asked, key=version_number)
    lowest = newest.removeprefix(prefix)
    line = f'requires: {{{key}: "{lowest}"}}'
    if not stated:
        yield Finding(
            NOTE, where, f"needs {key} {lowest} or later", f"record it in the manifest: {line}"
        )
    elif libc_version(stated) < libc_version(lowest):
        reasons = sorted(name for name in undefined if (provided or {}).get(name) == newest)
        because = f" (for {', '.join(reasons[:_SHOWN])})" if reasons else ""
        yield Finding(
            WARNING,
            where,
            f"needs {key} {lowest}{because}, the manifest says {stated}",
            f"build against {key} {stated}, or say {line}",
        )


def _cpu(
    where: str, platform: Platform, stated: str, objects: Sequence[ObjectFile]
) -> Iterator[Finding]:
    built = {level for item in objects for level in item.cpu if is_for(level, platform.arch)}
    needed = highest_cpu(built)
    if needed and highest_cpu([needed, stated]) != stated:
        names = [item.name for item in objects if needed in item.cpu and item.name]
        example = f" ({', '.join(names[:_SHOWN])})" if names else ""
        yield Finding(
            NOTE,
            where,
            f"is built for the processor level {needed}{example}",
            f'say requires: {{cpu: "{needed}"}}, unless the library looks at the processor before it'
            " runs that code",
        )
