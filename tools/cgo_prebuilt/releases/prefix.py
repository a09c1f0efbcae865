"""Find the folder of an archive to which a library's paths are relative. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from cgo_prebuilt.amounts import format_names
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.members import normalize
from cgo_prebuilt.patterns import compile_pattern, is_pattern
from cgo_prebuilt.releases.catalog import Catalog

_SHOWN = 5
_COMPARED = 20_000


def find_prefix(spec: ArchiveSpec, catalog: Catalog) -> str:
    """Find the folder to which the manifest's paths are relative; empty for the root.

    Raises:
        ManifestError: The manifest's pattern matches no folder, or several.
    """
    if spec.find:
        key, said = "find", spec.find
        ends = (name for name in catalog.kinds if f"/{name}".endswith(f"/{said}"))
        found = sorted({name[: -len(said)].rstrip("/") for name in ends})
    elif is_pattern(spec.strip_prefix):
        key, said = "strip_prefix", spec.strip_prefix
        pattern = compile_pattern(said)
        found = sorted(folder for folder in catalog.folders if pattern.fullmatch(folder))
    else:
        return normalize(spec.strip_prefix)
    if len(found) == 1:
        return found[0]
    if found:
        raise ManifestError(
            f"'{key}: {said}' matches {len(found)} folders of the archive: {listed(found)}",
            where=catalog.where,
            remedy=f"write a longer pattern for the right one into '{key}'",
        )
    raise ManifestError(
        f"'{key}: {said}' matches nothing in the archive",
        where=catalog.where,
        remedy=advice_on(said, "", catalog.kinds if spec.find else catalog.folders - {""})
        or "look into the archive, and correct it",
    )


def advice_on(path: str, prefix: str, names: Collection[str]) -> str | None:
    """Return advice on a path that an archive lacks, from similar names.

    Args:
        path: The path, or a glob.
        prefix: The folder to which it is relative.
        names: The names of the archive's members.

    Returns:
        A similar file of the archive and the text to write; None without one.
    """
    pattern = compile_pattern(f"**/{path}")
    elsewhere = [name for name in names if pattern.fullmatch(name)]
    if elsewhere and (prefixes := _prefixes(path, elsewhere)):
        fitting = " or ".join(
            f"`strip_prefix: {p}`" if p else "no `strip_prefix`" for p in prefixes
        )
        return f"the archive has {listed(elsewhere)}: write {fitting}"
    file = path.rpartition("/")[2]
    same = [name for name in names if name.rpartition("/")[2] == file]
    near = same or _close(file, names)
    if not near:
        return None
    below = [_below(prefix, name) for name in near]
    outside = "" if all(below) else " ('strip_prefix' is removed from the start of each)"
    return f"the archive has {listed([b or n for b, n in zip(below, near, strict=True)])}{outside}"


def _prefixes(path: str, names: Sequence[str]) -> list[str]:
    """Return the folders below which a path or glob would match, the shortest first."""
    depth = path.count("/")
    if "**" in path.split("/"):
        # `**` matches any number of folders, so the prefix ends before its first fixed part.
        first = path.split("/")[0]
        if is_pattern(first):
            return []
        cut = (name.split("/") for name in names)
        found = {"/".join(parts[: parts.index(first)]) for parts in cut if first in parts}
    else:
        found = {"/".join(name.split("/")[: -depth - 1]) for name in names}
    return sorted(found, key=lambda prefix: (prefix.count("/"), prefix))[:2]


def _close(file: str, names: Collection[str]) -> list[str]:
    """Return the names most similar to a file's."""
    by_file: dict[str, str] = {}
    for name in list(names)[:_COMPARED]:
        by_file.setdefault(name.rpartition("/")[2], name)
    return [by_file[found] for found in difflib.get_close_matches(file, by_file, n=3, cutoff=0.7)]


def _below(prefix: str, name: str) -> str | None:
    if not prefix:
        return name
    return name[len(prefix) + 1 :] if name.startswith(f"{prefix}/") else None


def listed(names: Sequence[str]) -> str:
    """List some of many names, with the number of the others."""
    return format_names(names, _SHOWN)
