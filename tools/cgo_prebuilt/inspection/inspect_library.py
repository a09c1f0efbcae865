"""Find errors and warnings in a library before it is packed or locked. Pure.

`object_files` and `build_paths` read the libraries, `provided_symbols` those of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.inspection.object_files import BITCODE, COFF, ELF, MACH_O, ObjectFile
from cgo_prebuilt.inspection.provided_symbols import LINKER_SYMBOLS, ProvidedSymbols, version_number
from cgo_prebuilt.inspection.well_known import (
    LIBM,
    has_option,
    is_of_program,
    known_since,
    lacks_libm,
    not_of_system,
    option_for,
)
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.platforms import Platform, libc_version
from cgo_prebuilt.requirements import highest_cpu, is_for

ERROR, WARNING, NOTE = "error", "warning", "note"

_FORMATS = {"darwin": MACH_O, "windows": COFF}
_EVERYBODY_HAS = (2, 17)  # of 2012; older versions are not worth a finding
_MUCH_DEBUG = 0.5
_FAMILIES = {"GLIBC": "glibc", "GLIBCXX": "libstdcxx"}
"""The families of symbol versions, with their keys in `requires`."""
_SHOWN = 5
_PLATFORM_REMEDY = (
    "name the archive or the path that is for this platform, in 'archives' or 'static_library' below"
    " 'platforms'"
)
# In libc.so since 2.33; earlier, glibc linked them into each program (libc_nonshared.a).
_FORMERLY_STATIC_IN_GLIBC = frozenset(
    f"{name}{bits}" for name in ("stat", "fstat", "lstat", "fstatat") for bits in ("", "64")
) | {"mknod", "mknodat"}
_WHY = {
    "-lm": " (Bazel's toolchains add it, plain Go does not)",
    "-ldl": " (part of glibc itself since 2.34)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about a file.

    Attributes:
        level: `error` if it cannot work, `warning` if it may not work, else `note`.
        file: The file, relative to the library's folder.
        what: The finding.
        remedy: What to do about it; empty if nothing.
    """

    level: str
    file: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {self.file}: {self.what}" + (
            f"\n  next: {self.remedy}" if self.remedy else ""
        )


def inspect_libraries(
    platform: Platform,
    interface: Interface,
    libraries: Mapping[str, Sequence[ObjectFile]],
    provided: ProvidedSymbols | None,
    paths: Mapping[str, Sequence[str]] | None = None,
) -> list[Finding]:
    """Inspect a platform's libraries.

    Args:
        platform: Their platform.
        interface: How they are linked.
        libraries: Their objects, by file.
        provided: The symbols that this machine provides; None if it has another platform or no compiler.
        paths: The build machine's paths in them, by file. None if somebody else
            built them, to leave out findings that only the builder can fix.

    Returns:
        The findings by file; those about all libraries together last.
    """
    is_own = paths is not None
    findings: list[Finding] = []
    for file, objects in libraries.items():
        findings += _of_file(platform, file, objects, is_own)
        if paths and paths.get(file):
            findings.append(_paths(file, paths[file]))
    everything = [item for objects in libraries.values() for item in objects]
    if not everything or any(finding.level == ERROR for finding in findings):
        return findings
    where = ", ".join(libraries) if len(libraries) <= _SHOWN else f"{len(libraries)} libraries"
    undefined = _undefined(platform, everything)
    findings += _symbols(where, platform, interface, undefined, provided, is_own)
    findings += _needed(platform, interface, libraries, provided)
    if platform.os == "linux" and not platform.libc:
        for family, key in _FAMILIES.items():
            stated = getattr(interface.requires, key)
            findings += _versions(family, stated, where, everything, undefined, provided)
    findings += _cpu(where, platform, interface.requires.cpu, everything)
    return findings


def _of_file(
    platform: Platform, file: str, objects: Sequence[ObjectFile], is_own: bool
) -> Iterator[Finding]:
    wanted = _FORMATS.get(platform.os, ELF)
    native = [item for item in objects if item.format != BITCODE]
    if not objects:
        yield Finding(
            WARNING,
            file,
            "it is not a library: it has no object",
            "build it again" if is_own else "correct its path in the manifest",
        )
        return
    remedy = "check --platform and --from" if is_own else _PLATFORM_REMEDY
    formats = sorted({item.format for item in native} - {wanted})
    if formats:
        yield Finding(
            ERROR,
            file,
            f"it is {' and '.join(formats)}, {platform} takes {wanted}",
            remedy,
        )
    elif native:
        archs = {item.arch for item in native}
        if platform.arch not in archs:
            named = ", ".join(sorted(archs - {""})) or "an unknown architecture"
            yield Finding(
                ERROR,
                file,
                f"it is for {named}, not {platform.arch}",
                remedy,
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
            "build without -flto (Rust: lto = false or embed-bitcode = no)" if is_own else "",
        )
    # A DLL is loaded by its file's name.
    if any(item.shared and item.soname is None and item.format != COFF for item in native):
        yield Finding(
            WARNING,
            file,
            "it has no SONAME: programs will look for it by the path that it had when they were"
            " linked",
            "link it with -Wl,-soname,NAME (macOS: -install_name @rpath/NAME)" if is_own else "",
        )
    size, debug = sum(item.size for item in objects), sum(item.debug for item in objects)
    if is_own and debug > _MUCH_DEBUG * size:
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
        f"it contains {len(paths)} paths of the build machine: {shown}"
        + (" ..." if len(paths) > 2 else ""),
        "build with -ffile-prefix-map=$PWD=. (Rust: --remap-path-prefix); --strip removes those in"
        " debug information",
    )


def _undefined(platform: Platform, objects: Sequence[ObjectFile]) -> set[str]:
    """Return the symbols that a linked program must find elsewhere, without Mach-O's underscore.

    A shared library finds its symbols in the libraries of its DT_NEEDED, unless it was linked without `-lm`.
    """
    needed: set[str] = set().union(*(item.undefined for item in objects if not item.needed))
    for item in objects:
        if platform.os == "linux" and lacks_libm(item.needed):
            needed.update(filter(LIBM.fullmatch, item.undefined))
    needed.difference_update(*(item.defined for item in objects))
    if platform.os == "darwin":
        return {name.removeprefix("_") for name in needed}
    return {name for name in needed if not LINKER_SYMBOLS.fullmatch(name)}


def _symbols(
    where: str,
    platform: Platform,
    interface: Interface,
    undefined: set[str],
    provided: ProvidedSymbols | None,
    is_own: bool,
) -> Iterator[Finding]:
    linkopts, glibc = interface.linkopts, interface.requires.glibc
    unknown, by_option = set[str](), dict[str, list[str]]()
    for name in sorted(undefined):
        option = option_for(name, platform)
        if option is not None:
            by_option.setdefault(option, []).append(name)
        elif not is_of_program(name) and known_since(name) is None:
            unknown.add(name)
    missing = [option for option in by_option if not has_option(option, linkopts, glibc)]
    line = ", ".join([*linkopts, *missing])
    for option in missing:
        why = _WHY.get(option, "")
        yield Finding(
            NOTE,
            where,
            f"needs {option} for {_listed(by_option[option])}, which 'linkopts' lacks{why}",
            f"write into the manifest: linkopts: [{line}]",
        )
    if provided is not None:
        there = [option for option in by_option if option not in missing]
        yield from _newer(where, {one: by_option[one] for one in there}, provided)
    of_program = sorted(filter(is_of_program, undefined))
    if of_program:
        yield Finding(
            NOTE, where, f"expects the Go package to export {_listed(of_program)} (`//export`)"
        )
    if provided is None:
        if is_own and unknown:
            what = f"undefined symbols are not checked: that needs a {platform} machine with a C compiler"
            yield Finding(NOTE, where, what)
        return
    unprovided = sorted(unknown - provided.symbols.keys())
    if unprovided and provided.absent:
        absent = ", ".join(sorted(provided.absent))
        yield Finding(
            NOTE,
            where,
            f"{len(unprovided)} undefined symbols are not checked: this machine has no {absent}",
        )
    elif unprovided:
        yield Finding(
            WARNING,
            where,
            f"{len(unprovided)} undefined symbols that neither the C library nor a linkopt provides:"
            f" {_listed(unprovided)}",
            "add the library that has them to 'linkopts'; nothing to do where the Go package exports"
            " them, or no program uses the objects that need them",
        )


def _newer(
    where: str, by_option: Mapping[str, Sequence[str]], provided: ProvidedSymbols
) -> Iterator[Finding]:
    """Report the symbols of known libraries that this machine's versions of these lack."""
    for option, names in by_option.items():
        lacking = [name for name in names if name not in provided.symbols]
        unknown = [name for name in lacking if known_since(name) is None]
        if unknown and len(lacking) < len(names):  # this machine has the library
            yield Finding(
                WARNING,
                where,
                f"{len(unknown)} undefined symbols that this machine's {option} lacks:"
                f" {_listed(unknown)}",
                "repeat this on a machine with a newer one, to learn what to record in 'requires'; or add"
                " the library that has them to 'linkopts'",
            )


def _needed(
    platform: Platform,
    interface: Interface,
    libraries: Mapping[str, Sequence[ObjectFile]],
    provided: ProvidedSymbols | None,
) -> Iterator[Finding]:
    """Report the shared libraries that a shared library loads and that nothing known provides."""
    own = {name.rpartition("/")[2] for name in interface.libraries()}
    own |= {(item.soname or "").rpartition("/")[2] for all in libraries.values() for item in all}
    for file, objects in libraries.items():
        needed = list(dict.fromkeys(name for item in objects for name in item.needed))
        lacking = [
            name
            for name in not_of_system(needed, platform)
            if name.rpartition("/")[2] not in own
            and (provided is None or name not in provided.needed)
        ]
        if not lacking or interface.requires.system:
            continue
        here = "" if provided is None else ", and this machine has none"
        yield Finding(
            NOTE if provided is None else WARNING,
            file,
            f"loads {_listed(lacking)}, which is not among the library's files{here}",
            "add it to 'shared_library'; or name the package that has it, for people:"
            " requires: {system: [PACKAGE]}",
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def _versions(
    family: str,
    stated: str,
    where: str,
    objects: Sequence[ObjectFile],
    undefined: set[str],
    provided: ProvidedSymbols | None,
) -> Iterator[Finding]:
    """Compare the newest symbol version that is required, as of glibc, with the manifest."""
    prefix, key = f"{family}_", _FAMILIES[family]
    # A static archive names no versions; it needs the oldest library version that has the symbol.
    since = {name: v for name in undefined if (v := known_since(name))}
    if provided is not None:
        names = undefined - _FORMERLY_STATIC_IN_GLIBC - since.keys()
        since |= {name: v for name in names if (v := provided.symbols.get(name))}
    asked = {version for item in objects for version in item.versions} | set(since.values())
    asked = {version for version in asked if version.startswith(prefix) and version_number(version)}
    if not asked:
        return
    newest = max(asked, key=version_number)
    lowest = newest.removeprefix(prefix)
    line = f'requires: {{{key}: "{lowest}"}}'
    reasons = sorted(name for name, version in since.items() if version == newest)
    because = f" (for {_listed(reasons)})" if reasons else ""
    here = provided.versions.get(key) if provided is not None else None
    if here and libc_version(here) < libc_version(lowest):
        yield Finding(
            WARNING,
            where,
            f"needs {key} {lowest}{because}, this machine has {here}: no program links it here",
            f"record it in the manifest: {line}",
        )
    elif not stated and (family != "GLIBC" or libc_version(lowest) > _EVERYBODY_HAS):
        yield Finding(
            NOTE,
            where,
            f"needs {key} {lowest} or later{because}",
            f"record it in the manifest: {line}",
        )
    elif stated and libc_version(stated) < libc_version(lowest):
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
