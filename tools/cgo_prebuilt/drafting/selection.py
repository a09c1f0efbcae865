"""Select the files of a release that may hold a library, by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cgo_prebuilt.drafting.asset_names import BY_NAME_ALONE, read_name, why_left_out
from cgo_prebuilt.drafting.places import is_file_name
from cgo_prebuilt.drafting.survey import ListedAsset
from cgo_prebuilt.drafting.versions import variant_of, version_in
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.template import bare_version

MAX_FILES = 200
"""The most files of one release to inspect; with more, a person must select some."""

_WHEEL = re.compile(r"(.+?)-(.+?)-(?:.+-)?(?P<python>[^-]+-[^-]+)-(?P<platform>[^-]+)\.whl")


def select_assets(
    assets: Sequence[ListedAsset], platforms: Sequence[Platform], version: str
) -> tuple[list[ListedAsset], dict[str, str]]:
    """Select the files that may hold a library or headers.

    Args:
        assets: The listed files, perhaps of several versions.
        platforms: The wanted platforms; empty for all.
        version: The wanted version; empty for the newest of each file.

    Returns:
        The files, and the reason for each of the others, by name.
    """
    chosen: list[ListedAsset] = []
    left_out: dict[str, str] = {}
    for asset in assets:
        reason = why_left_out(asset.file)
        named = read_name(asset.file).platforms()
        if reason is None and not is_file_name(asset.file):
            reason = "of a format that is not read"
        if reason is None and platforms and named and not set(named) & set(platforms):
            reason = "for other platforms"
        if reason is None:
            chosen.append(asset)
        else:
            left_out[asset.file] = reason
    # A name is weak evidence: SQLite's driver for Java has the library, too.
    for asset in () if chosen else assets:
        if left_out[asset.file] in BY_NAME_ALONE:
            chosen.append(asset)
            del left_out[asset.file]
    chosen = _of_one_version(chosen, version, left_out)
    chosen = _for_one_python(chosen, left_out)
    for asset in chosen[MAX_FILES:]:
        left_out[asset.file] = f"more than {MAX_FILES} files; name the ones you want"
    return chosen[:MAX_FILES], left_out


def _of_one_version(
    assets: Sequence[ListedAsset], version: str, left_out: dict[str, str]
) -> list[ListedAsset]:
    """Select the newest among files that differ only in version or platform, as on an index page.

    All platforms get the same version. Files that name no platform, such as the Go module that requires the
    platforms' modules, may have a different version.
    """
    versions = {asset.file: version_in(asset.file) for asset in assets}
    groups: dict[tuple[object, ...], list[str]] = {}
    for file, own in versions.items():
        groups.setdefault(_group(file, own), []).append(own)
    wanted = {}
    for group, found in groups.items():
        asked = [one for one in found if bare_version(one) == bare_version(version)]
        wanted[group] = asked[0] if version and asked else max(found, key=_order)
    newest: dict[object, str] = {}
    for (variant, words, _), own in wanted.items():
        if not words:
            continue
        newest[variant] = max(newest.get(variant, ""), own, key=lambda one: _rank(one, version))
    kept = []
    for asset in assets:
        own = versions[asset.file]
        group = _group(asset.file, own)
        variant, words, _ = group
        is_same = not own or not words or _same(own) == _same(newest[variant])
        if own == wanted[group] and is_same:
            kept.append(asset)
        else:
            left_out[asset.file] = "of another version"
    return kept


def _group(file: str, version: str) -> tuple[object, ...]:
    reading = read_name(file)
    words = tuple((word.kind, word.value) for word in reading.words)
    return variant_of(file, version), words, file.rpartition(".")[2].lower()


def _rank(found: str, asked: str) -> tuple[object, ...]:
    """Return a sort key for versions: the requested one last, none first."""
    return bool(found), bool(asked) and bare_version(found) == bare_version(asked), _order(found)


def _same(version: str) -> str:
    """Return a version for comparison, without Debian's rebuild suffix, as in `1.0-1+b1`."""
    return re.sub(r"\+b\d+\Z", "", bare_version(version))


def _order(version: str) -> tuple[bool, tuple[int, ...], str]:
    """Return a sort key for versions; pre-releases come first."""
    numbers = re.match(r"v?([\d.]*)", version)
    parts = tuple(int(part) for part in re.findall(r"\d{1,9}", numbers[1] if numbers else ""))
    is_final = re.search(r"(?i)\d[-.]?(rc|a|b|alpha|beta|pre|preview|dev)\d*", version) is None
    return is_final, parts, version


def _for_one_python(assets: Sequence[ListedAsset], left_out: dict[str, str]) -> list[ListedAsset]:
    """Select one of several wheels that differ only in their Python; the library is the same."""
    best: dict[tuple[str, str, str], str] = {}
    for asset in assets:
        match = _WHEEL.fullmatch(asset.file)
        if match:
            key = (match[1], match[2], match["platform"])
            best[key] = max(best.get(key, ""), asset.file)
    kept = []
    for asset in assets:
        match = _WHEEL.fullmatch(asset.file)
        if match and best[match[1], match[2], match["platform"]] != asset.file:
            left_out[asset.file] = "the same library for another Python"
        else:
            kept.append(asset)
    return kept
