"""Headers, licences and requirements of the linked libraries. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

from cgo_prebuilt.drafting.header_folders import Headers, find_headers, is_main_header
from cgo_prebuilt.drafting.hints import Hint
from cgo_prebuilt.drafting.libraries import FoundLibrary
from cgo_prebuilt.drafting.survey import HEADER, LICENSE, Asset
from cgo_prebuilt.platforms import libc_version


def once(assets: Iterable[Asset]) -> list[Asset]:
    """Return each item once, compared by identity, since items are large."""
    return list({id(found): found for found in assets}.values())


def headers_of(
    linked: Sequence[FoundLibrary],
    assets: Sequence[Asset],
    stems: Sequence[str],
    hint: Hint | None,
) -> list[tuple[Asset, Headers]]:
    """Return the headers beside the libraries, and those with a main header that is elsewhere."""
    own = once(one.found for one in linked)
    texts = {found.asset.file: _header_texts(found) for found in assets}
    chosen = [found for found in own if texts[found.asset.file]]
    if not any(is_main_header(name, stems) for found in own for name in texts[found.asset.file]):
        others = [f for f in assets if f not in own and texts[f.asset.file]]
        main = [f for f in others if any(is_main_header(n, stems) for n in texts[f.asset.file])]
        loose = [found for found in others if found.is_single]
        packed = [found for found in main if not found.is_single] or (
            [] if chosen else [found for found in others if not found.is_single]
        )
        # For loose libraries, take all loose headers; else the headers of one archive with the main header.
        is_loose = all(found.is_single for found in own)
        chosen += loose if loose and (is_loose or not packed) else packed[:1]
    result = []
    for found in chosen:
        own_texts = texts[found.asset.file]
        said = (
            []
            if hint is None
            else [f for d in hint.include_dirs if (f := _folder_of(d, own_texts))]
        )
        beside = [one.folder for one in linked if one.found is found]
        result.append((found, find_headers(own_texts, said, beside, stems)))
    return [(found, headers) for found, headers in result if headers.files]


def _header_texts(found: Asset) -> dict[str, str]:
    return {name: text for name, text in found.texts.items() if HEADER.fullmatch(name)}


def _folder_of(said: str, names: Iterable[str]) -> str | None:
    """Resolve a folder of an archive that a text may name without its parents."""
    folder = said.strip("/")
    if not folder or folder == ".":
        return None
    folders = {posixpath.dirname(name) for name in names}
    parents = {
        "/".join(one.split("/")[:count])
        for one in folders
        for count in range(1, one.count("/") + 2)
    }
    fitting = [one for one in parents if one == folder or one.endswith(f"/{folder}")]
    return min(fitting, key=len, default=None)


def licenses_of(linked: Sequence[FoundLibrary]) -> list[tuple[Asset, str]]:
    """Return the licences nearest to the libraries, for each release file with a library."""
    result = []
    for found in once(one.found for one in linked):
        fitting = [name for name in found.names if LICENSE.fullmatch(posixpath.basename(name))
                   and name not in found.dangling]  # fmt: skip
        folders = {one.folder for one in linked if one.found is found}
        above = {"/".join(f.split("/")[:n]) for f in folders for n in range(f.count("/") + 2)}
        near = [name for name in fitting if posixpath.dirname(name) in above]
        near = near or [n for n in fitting if re.search(r"(^|/)(licenses?|share/doc/[^/]+)/", n)]
        depth = max((name.count("/") for name in near), default=0)
        result += [(found, name) for name in sorted(near) if name.count("/") == depth][:5]
    return result


def requirements_of(linked: Sequence[FoundLibrary]) -> dict[str, str]:
    """Return the oldest usable glibc and libstdc++ of shared libraries, as keys of `requires`."""
    found: dict[str, str] = {}
    for one in linked:
        if one.binary.os != "linux" or one.platforms[0].libc:
            continue
        promised = one.found.reading.glibc
        versions = {"glibc": promised or one.binary.glibc, "libstdcxx": one.binary.libstdcxx}
        for key, version in versions.items():
            if version and libc_version(version) > libc_version(found.get(key, "")):
                found[key] = version
    return found
