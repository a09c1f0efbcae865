"""The libraries of a release, with their names and platforms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cgo_prebuilt.drafting.asset_names import OS, OTHER, read_name
from cgo_prebuilt.drafting.binaries import IMPORT, SHARED, STATIC, Binary
from cgo_prebuilt.drafting.survey import Asset
from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.platforms import SUPPORTED, Platform

# The version in `libusb-1.0.0.dylib` is `.0`: `1.0` is a part of the name.
_VERSIONED_DYLIB = r"(?<![-_]\d)(?<![-_]\d\d)(\.\d\w*)+\.dylib"
_DYLIB_VERSION = re.compile(rf"(?i){_VERSIONED_DYLIB}\Z")
_ENDING = re.compile(
    rf"(?i)(\.(so|dylib)(\.\d\w*)*|{_VERSIONED_DYLIB}|\.dll\.a|\.a|\.lib|\.dll|\.tbd)\Z"
)
_VERSION_OF_DLL = re.compile(r"[-_.]v?\d+(\.\d+)*\Z")
_FORM = re.compile(
    r"(?i)[-_.](static(lib)?|shared|dll|imp(ort)?)\Z|_s\Z|(?<=[a-z\d])(?-i:Static|Shared)\Z"
)
_MSVC_RUNTIME = re.compile(
    r"(?i)(msvc[pr]|vcruntime|concrt|vccorlib|vcomp|ucrtbase)\d*([-_.].*)?\.dll"
)
_DEBUG = re.compile(r"(?i)[-_.]?debug\Z|_d\Z")
_RELEASE = re.compile(r"(?i)[-_.]release\Z")
_DEBUG_FOLDER = re.compile(r"(?i)debug")
_AROUND_NAME = re.compile(r"\A(go|lib|node|py|rust)(?=.{3})|(go|rs|ffi|sys|dev|native)\Z")
_SEPARATORS = "-_. "
_EXAMPLES = 3
_EXTENSION_MODULE = re.compile(r"(?i)\.(cpython-|abi3|pypy)|pybind|\.(node|bare|pyd|jnilib)\Z")


@dataclass(frozen=True, slots=True)
class FoundLibrary:
    """A library in a file of a release.

    Attributes:
        found: The file of the release.
        name: The member.
        binary: Its kind and platform, from its header.
        platforms: Its platforms.
        stem: Its name without prefix, suffix and words for a platform.
        is_debug: Whether its name, or a folder's, means a debug build.
    """

    found: Asset
    name: str
    binary: Binary
    platforms: tuple[Platform, ...]
    stem: str
    is_debug: bool

    @property
    def kind(self) -> str:
        """`STATIC`, `SHARED` or `IMPORT`."""
        return self.binary.kind

    @property
    def folder(self) -> str:
        """The folder that it is in; empty for the root."""
        return self.name.rpartition("/")[0]

    @property
    def link_name(self) -> str:
        """The name without its version, which `lock` resolves; the link may be missing."""
        if self.found.is_single:
            return self.name
        plain = re.sub(r"\.so(\.\d\w*)+\Z", ".so", self.name)
        return _DYLIB_VERSION.sub(".dylib", plain)


def wanted_libraries(
    assets: Sequence[Asset],
    where: str,
    platforms: Sequence[Platform],
    left_out: Mapping[str, str],
) -> list[FoundLibrary]:
    """Return the libraries of a release for some platforms.

    Args:
        assets: The release's files.
        where: The release, for an error.
        platforms: The platforms; all if empty.
        left_out: The files that were not looked into, each with the reason.

    Raises:
        UnavailableError: No file has a library for them.
    """
    libraries = _libraries_of(assets)
    wanted = set(platforms)
    chosen = [one for one in libraries if not wanted or wanted & set(one.platforms)]
    if chosen:
        return chosen
    asked = ", ".join(map(str, platforms))
    there = ", ".join(sorted({str(p) for one in libraries for p in one.platforms}))
    looked = ", ".join(found.asset.file for found in assets[:10]) or "none of them"
    reasons = [f"{file} was left out: {reason}" for file, reason in left_out.items()]
    hints = (
        f"name the files that have one; looked into {looked}",
        *_why_not_linked(assets)[:_EXAMPLES],
        *reasons[:_EXAMPLES],
    )
    raise UnavailableError(
        f"no file of the release has a library for {asked or 'a supported platform'}",
        where=where,
        remedy=f"choose with --platform from {there}" if there else "; ".join(hints),
    )


def _libraries_of(assets: Iterable[Asset]) -> list[FoundLibrary]:
    """Return the libraries of a release; of several copies of a shared library, the first.

    Programs, extensions of other languages, and libraries for unsupported platforms are left out.
    """
    listed = []
    for found in assets:
        seen: set[tuple[str, str]] = set()
        for name, binary in sorted(found.binaries.items()):
            if binary.kind not in (STATIC, SHARED, IMPORT) or _is_extension(name):
                continue
            platforms = platforms_of(found, name, binary)
            stem, is_debug = _stem(name)
            library = FoundLibrary(found, name, binary, platforms, stem, is_debug)
            key = (library.link_name, library.kind)
            if platforms and key not in seen:
                seen.add(key)
                listed.append(library)
    if all(one.kind == IMPORT for one in listed):
        # The system has the DLLs: such a library is linked like a static one.
        listed = [replace(one, binary=replace(one.binary, kind=STATIC)) for one in listed]
    listed = [_as_imported(one, listed) for one in listed]
    listed = [_without_bits(one, listed) for one in listed]
    return [one for one in listed if not _is_plugin(one, listed)]


def is_msvc_runtime(library: FoundLibrary) -> bool:
    """Return whether a library is a part of Microsoft's C or C++ runtime, which some releases bring along."""
    return _MSVC_RUNTIME.fullmatch(library.name.rpartition("/")[2]) is not None


def _is_import_of(library: FoundLibrary, dll: FoundLibrary) -> bool:
    """Return whether a library is the import library of a DLL, by its contents."""
    file = dll.name.rpartition("/")[2].lower()
    is_pair = library.kind == IMPORT and dll.kind == SHARED
    return is_pair and [name.lower() for name in library.binary.needs] == [file]


def _as_imported(library: FoundLibrary, others: Sequence[FoundLibrary]) -> FoundLibrary:
    """Return a DLL named like its import library: `zlib1.dll` is imported by `libz.dll.a`."""
    stems = [
        one.stem
        for one in others
        if _is_import_of(one, library) and set(one.platforms) & set(library.platforms)
    ]
    return replace(library, stem=stems[0]) if stems and library.stem not in stems else library


def _without_bits(library: FoundLibrary, others: Sequence[FoundLibrary]) -> FoundLibrary:
    """Return a library named like others: `steam_api64.dll` is `libsteam_api.so` for Windows."""
    stem = library.stem[:-2].rstrip(_SEPARATORS)
    if library.binary.os != "windows" or library.stem[-2:] not in ("32", "64"):
        return library
    alike = [one for one in others if one.stem == stem]
    rivals = [one for one in alike if set(one.platforms) & set(library.platforms)]
    is_alone = all(one.kind != library.kind for one in rivals)
    return replace(library, stem=stem) if alike and is_alone else library


def _is_extension(name: str) -> bool:
    """Return whether a file extends Python, Node.js or Java, so that no program links it."""
    return _EXTENSION_MODULE.search(name) is not None


def why_unused(found: Asset) -> str:
    """Return why a file of the release is not needed."""
    if not found.binaries:
        return "has no library"
    if all(map(_is_extension, found.binaries)):
        return "has only extensions of other languages"
    return "has a library, but none that is needed"


def _why_not_linked(assets: Iterable[Asset]) -> list[str]:
    """Return why no program links the binaries of a release: one example of each reason."""
    examples: dict[str, str] = {}
    for found in assets:
        for name, binary in sorted(found.binaries.items()):
            if _is_extension(name):
                reason = "an extension of another language, which programs do not link"
            elif binary.kind in (STATIC, SHARED, IMPORT) and not platforms_of(found, name, binary):
                reason = f"for {binary.os} on {' and '.join(binary.arches) or 'another processor'}"
            else:
                continue
            examples.setdefault(reason.partition(" on ")[0], f"{name} is {reason}")
    return list(examples.values())


def platforms_of(found: Asset, name: str, binary: Binary) -> tuple[Platform, ...]:
    """Return a library's platforms by its header, else by names."""
    if _is_for_other_system(name):
        return ()  # not every header tells: that of illumos equals Linux's
    readings = [read_name(name), found.reading]
    os = binary.os
    if os == "linux" and any(reading.os == "freebsd" for reading in readings):
        os = "freebsd"  # not every linker marks it in the header
    arches = binary.arches or next((r.arches for r in readings if r.arches), ())
    libc = binary.libc
    if os == "linux" and not libc:
        libc = next((reading.libc for reading in readings if reading.libc), "")
        if libc and any("libc.so.6" in need for need in binary.needs):
            libc = ""
    named = [Platform(os, arch, libc) for arch in arches]
    return tuple(platform for platform in named if platform in SUPPORTED)


def _is_for_other_system(name: str) -> bool:
    """Return whether a file's or its folders' names state an unsupported system."""
    folder, _, file = name.rpartition("/")
    named = read_name(file).values(OS) or read_name(folder).values(OS)
    return named[:1] == (OTHER,)


def _stem(name: str) -> tuple[str, bool]:
    folders, _, file = name.rpartition("/")
    stem = _ENDING.sub("", file)
    if file.lower().endswith(".dll"):
        stem = _VERSION_OF_DLL.sub("", stem)
    reading = read_name(stem)
    for word in reversed(reading.words):
        if word.start > 3:  # not the whole name
            stem = stem[: word.start].rstrip(_SEPARATORS) + stem[word.end :]
    stem = stem.strip(_SEPARATORS)
    is_debug = bool(_DEBUG.search(stem)) or any(
        _DEBUG_FOLDER.fullmatch(folder) for folder in folders.split("/")
    )
    stem = _FORM.sub("", _RELEASE.sub("", _DEBUG.sub("", stem)))
    return re.sub(r"(?i)\Alib(?=.)", "", stem), is_debug


def _is_plugin(library: FoundLibrary, others: Sequence[FoundLibrary]) -> bool:
    """Return whether a library has neither a `lib` name nor a SONAME, while others for its platform do."""
    if library.kind != SHARED or library.binary.os == "windows":
        return False

    def is_named(one: FoundLibrary) -> bool:
        return one.name.rpartition("/")[2].startswith("lib") or bool(one.binary.soname)

    return not is_named(library) and any(
        is_named(one) for one in others if set(one.platforms) & set(library.platforms)
    )


def plain(text: str) -> str:
    """Return a name for comparison: lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def is_named_as(stem: str, name: str) -> bool:
    """Return whether a library or header has the release's name."""
    one, other = plain(stem), _AROUND_NAME.sub("", plain(name))
    return one in (other, plain(name)) or f"lib{one}" == plain(name) or one == f"lib{other}"
