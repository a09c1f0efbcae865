"""Prefixes of a release's archives, and paths below them. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cgo_prebuilt.archives.member import FOLDER
from cgo_prebuilt.drafting.binaries import IMPORT, SHARED, STATIC
from cgo_prebuilt.drafting.choosing import LinkChoice
from cgo_prebuilt.drafting.header_folders import Headers
from cgo_prebuilt.drafting.libraries import FoundLibrary
from cgo_prebuilt.drafting.survey import Asset
from cgo_prebuilt.url import Url

_KEPT = re.compile(
    r"(?i)lib(s|32|64|rar(y|ies))?|include|inc|headers|bin|static|shared|release|debug|\w+-linux-\w+"
)
PACKED = "{name}-{version}-{platform}.tar.gz"
"""The name of the archive that `pack` makes of an unpacked library."""
PUBLISHED = "https://example.com/{version}/{file}"
"""A stand-in for the URL at which that will be published."""
_RANDOM = re.compile(r"tmp\.\w+|tmp\w{6,}")
_KEYS = {STATIC: "static_library", SHARED: "shared_library", IMPORT: "interface_library"}


@dataclass(frozen=True, slots=True)
class Archive:
    """One entry of `archives`, its texts without placeholders."""

    file: str
    url: Url
    strip_prefix: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One platform's values in a manifest, without placeholders.

    Attributes:
        choice: The choices and their reasons.
        archives: The downloads.
        lists: The interface, by key.
    """

    choice: LinkChoice
    archives: tuple[Archive, ...]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def prefixes(choices: Sequence[LinkChoice]) -> dict[str, str]:
    """Return each archive's prefix, shared by all platforms that need it."""
    chosen: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for choice in choices:
        for one in choice.libraries:
            chosen.setdefault(one.found.asset.file, set()).add(one.folder)
        for found, headers in choice.headers:
            folders = set(headers.roots) | set(headers.folders)
            chosen.setdefault(found.asset.file, set()).update(folders)
        for found, name in choice.licenses:
            near.setdefault(found.asset.file, set()).add(posixpath.dirname(name))
    unpacked = {found.asset.file for c in choices for found in c.assets() if found.format == FOLDER}
    result = {}
    for file, folders in chosen.items():
        if file in unpacked:
            result[file] = ""  # `pack` takes paths relative to the folder
            continue
        prefix = _common(folders)
        while prefix and _KEPT.fullmatch(posixpath.basename(prefix)):
            prefix = posixpath.dirname(prefix)
        for folder in sorted(near.get(file, ()), key=len):
            # Include a licence one folder up, even if each path gets one more part.
            if folder and posixpath.dirname(prefix) == folder:
                prefix = folder
        result[file] = prefix
    return result


def _common(folders: Iterable[str]) -> str:
    parts = [folder.split("/") if folder else [] for folder in folders]
    common = []
    for column in zip(*parts, strict=False):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    return "/".join(common)


def lay_out(choice: LinkChoice, prefix_of: Mapping[str, str]) -> Layout:
    """Return the layout of a platform's files.

    Args:
        choice: The choices.
        prefix_of: The prefix of each archive, by its file name.
    """
    assets = choice.assets()
    placed = {found.asset.file: prefix_of.get(found.asset.file, "") for found in assets}
    keys = (*_KEYS.values(), "headers", "include_dirs", "licenses")
    lists: dict[str, list[str]] = {key: [] for key in keys}
    paths: dict[str, str] = {}
    for one in choice.libraries:
        path = _library_path(one, placed, assets)
        paths[one.found.asset.file] = path
        lists[_KEYS[one.kind]].append(path)
    for found, headers in choice.headers:
        if found.is_single:
            path = f"include/{found.names[0]}"
            paths[found.asset.file] = path
            lists["headers"].append(path)
            lists["include_dirs"].append("include")
        else:
            prefix = placed[found.asset.file]
            lists["headers"] += _globs(found, headers, prefix, choice.libraries)
            lists["include_dirs"] += [_below(folder, prefix) or "." for folder in headers.folders]
    for found, name in choice.licenses:
        folder = placed.get(found.asset.file, name)
        if (not folder or name.startswith(f"{folder}/")) and not found.is_single:
            lists["licenses"].append(_below(name, folder))
    if choice.circular and len(lists["static_library"]) > 1:
        lists["circular"] = list(lists["static_library"])
    lists["linkopts"], lists["defines"] = list(choice.linkopts), list(choice.defines)
    archives = tuple(
        Archive(
            PACKED if found.format == FOLDER else found.asset.file,
            Url(PUBLISHED) if found.format == FOLDER else found.asset.url,
            ""
            if found.is_single
            else _with_glob_for_temporary_folder(placed[found.asset.file], found.names),
            paths.get(found.asset.file, "") if found.is_single else "",
        )
        for found in assets
    )
    unique = {key: tuple(dict.fromkeys(values)) for key, values in lists.items()}
    return Layout(choice, archives, _without_collisions(unique, assets, placed))


def _with_glob_for_temporary_folder(prefix: str, names: Iterable[str]) -> str:
    """Replace a folder named by `mktemp` with a glob, since the next release has a different name."""
    parts = prefix.split("/")
    for index, part in enumerate(parts):
        if _RANDOM.fullmatch(part):
            above = "".join(f"{one}/" for one in parts[:index])
            beside = {name[len(above) :].split("/")[0] for name in names if name.startswith(above)}
            parts[index] = "*" if len(beside) == 1 else part
    return "/".join(parts)


def _library_path(one: FoundLibrary, placed: Mapping[str, str], assets: Sequence[Asset]) -> str:
    if one.found.is_single:
        ending = one.name[len(one.name.rpartition("/")[2]) - len(one.name) :]
        match = re.search(r"(?i)(\.dll\.a|\.a|\.lib|\.dll|\.dylib|\.so(\.\d\w*)*)\Z", ending)
        stem = one.stem if one.name.lower().endswith((".lib", ".dll")) else f"lib{one.stem}"
        return f"lib/{stem}{match[0] if match else ''}"
    name = one.link_name
    if one.found.format == FOLDER and name not in one.found.names:
        name = one.name  # `pack` does not resolve versions
    dangling = any(name in found.dangling for found in assets)
    if dangling and one.kind == SHARED:
        # Another archive has a dangling link of this name, as in Debian's -dev packages.
        name = posixpath.join(one.folder, one.binary.soname or posixpath.basename(one.name))
    return _below(name, placed[one.found.asset.file])


def _globs(
    found: Asset, headers: Headers, prefix: str, libraries: Sequence[FoundLibrary]
) -> list[str]:
    """Return globs that match the headers, and as few other files as possible."""
    globs = []
    for root in headers.roots:
        below = f"{root}/" if root else ""
        files = [name for name in headers.files if name.startswith(below)]
        if not files:
            continue
        place = _below(root, prefix)
        start = f"{place}/" if place else ""
        is_own = posixpath.basename(root).lower() in ("include", "includes", "inc", "headers")
        if is_own and not any(
            one.found is found and one.name.startswith(below) for one in libraries
        ):
            globs.append(f"{start}**")
            continue
        deep = any("/" in name[len(below) :] for name in files)
        endings = sorted({name.rpartition(".")[2] for name in files})
        globs += [f"{start}{'**/' if deep else ''}*.{ending}" for ending in endings]
    return globs


def _below(name: str, prefix: str) -> str:
    if not prefix or name == prefix:
        return name if name != prefix else ""
    return name[len(prefix) + 1 :] if name.startswith(f"{prefix}/") else name


def _without_collisions(
    lists: dict[str, tuple[str, ...]], assets: Sequence[Asset], placed: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the lists without the licenses that two archives have at the same path."""
    if len(assets) < 2:
        return lists

    def count(path: str) -> int:
        folders = [(found, placed[found.asset.file]) for found in assets]
        return sum((f"{folder}/{path}" if folder else path) in f.names for f, folder in folders)

    return {**lists, "licenses": tuple(path for path in lists["licenses"] if count(path) < 2)}
