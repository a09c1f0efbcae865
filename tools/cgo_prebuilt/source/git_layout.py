"""Decide which files of a Git repository belong to the wanted crates, and where cargo finds them. Pure.

Each crate gets a folder, as with `cargo vendor`. Its manifest stays unchanged: cargo finds the values that
it inherits from a workspace in a `Cargo.toml` above.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cgo_prebuilt.errors import BuildError, IntegrityError, UsageError
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.source.cargo_lock import GitCrates

MANIFEST = "Cargo.toml"

# The modes of entries (git-fast-import(1)).
PROGRAM, LINK, SUBMODULE = "100755", "120000", "160000"
_FOLLOWED = 8

_VENDOR = "leave 'vendor' out of the source, and commit what `cargo vendor` writes"

# Read line by line: Python has a reader of TOML since 3.11 only.
_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(#.*)?")
_PAIR = re.compile(r"\s*(name|version)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_INHERITS = re.compile(r"\bworkspace\s*=\s*true\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit.

    Attributes:
        mode: Git's mode, six digits.
        content: The hash of its content.
    """

    mode: str
    content: str


def crate_files(
    git: GitCrates,
    entries: Mapping[str, Entry],
    manifests: Mapping[str, str],
    link_of: Callable[[str], str],
) -> dict[str, str]:
    """Decide which files the archive of some crates holds.

    Args:
        git: The crates.
        entries: All files of the commit, by path.
        manifests: The text of each `Cargo.toml` among them.
        link_of: Returns the target of the symbolic link at a path.

    Returns:
        The path in the commit of each file, by its path in the archive. For a link, the path of its target.

    Raises:
        BuildError: A crate is not in the commit, or a part of it is in a submodule.
    """
    nested = {posixpath.dirname(path) for path in manifests}
    files = {}
    for name, version in git.crates:
        folder = _folder_of(git, name, version, manifests)
        for path in _below(folder, entries):
            parents = {path[:at] for at, character in enumerate(path) if character == "/"}
            if any(parent in nested for parent in parents if len(parent) > len(folder)):
                continue  # a nested package is left out, as by `cargo package`
            if entries[path].mode == SUBMODULE:
                raise BuildError(
                    f"the crate {name} {version} has a Git submodule, {path}, which 'vendor' does not fetch",
                    where=git.url,
                    remedy=_VENDOR,
                )
            place = f"{name}-{version}/{path[len(folder) :].lstrip('/')}"
            files.update(_followed(place, path, entries, link_of, _FOLLOWED))
    return files


def check_names(git: GitCrates, names: Iterable[str]) -> None:
    """Refuse names that an unpacker of the archive would refuse.

    Args:
        git: The crates.
        names: The names of the archive's files.

    Raises:
        UsageError: A name is unsafe on some system, or two names are the same file on some system.
    """
    try:
        check_member_names(sorted(names), where="")
    except IntegrityError as error:
        raise UsageError(
            f"the files of the crates cannot be in an archive: {error.what}",
            where=git.url,
            remedy=f"leave the dependency out; or {_VENDOR}",
        ) from None


def _folder_of(git: GitCrates, name: str, version: str, manifests: Mapping[str, str]) -> str:
    found = []
    for path, text in manifests.items():
        own = package_of(text)
        if own.get("name") == name and own.get("version", version) == version:
            folder = posixpath.dirname(path)
            found.append(("version" not in own, folder.count("/"), folder))
    if not found:
        raise BuildError(
            f"the crate {name} {version} is not in the commit that Cargo.lock names",
            where=git.url,
            remedy=f"regenerate Cargo.lock: `cargo update {name}`; or {_VENDOR}",
        )
    return min(found)[2]


def package_of(manifest: str) -> dict[str, str]:
    """Return the package's `name` and `version` in a manifest, if it states them."""
    table, found = "", dict[str, str]()
    for line in manifest.splitlines():
        if header := _HEADER.fullmatch(line):
            table = header[1]
        elif table == "package" and (pair := _PAIR.match(line)):
            found.setdefault(pair[1], pair[2] if pair[2] is not None else pair[3])
    return found


def _below(folder: str, entries: Mapping[str, Entry]) -> list[str]:
    return [path for path in entries if not folder or path.startswith(f"{folder}/")]


def _followed(
    place: str,
    path: str,
    entries: Mapping[str, Entry],
    link_of: Callable[[str], str],
    rest: int,
) -> dict[str, str]:
    """Return the files at a path: a file, or the files of a folder that a link resolves to."""
    entry = entries.get(path)
    if entry is not None and entry.mode != LINK:
        return {place: path} if entry.mode != SUBMODULE else {}
    if entry is None:
        below = _below(path, entries) if path else []
        inside = [(f"{place}{one[len(path) :]}", one) for one in below]
    else:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link_of(path)))
        inside = [(place, target)]
    files: dict[str, str] = {}
    for at, one in inside if rest else ():
        files.update(_followed(at, one, entries, link_of, rest - 1))
    return files


def workspace_manifest(
    git: GitCrates, files: Mapping[str, str], manifests: Mapping[str, str]
) -> str:
    """Return the workspace tables that the crates inherit from, or nothing.

    Args:
        git: The crates.
        files: From `crate_files`.
        manifests: The text of each `Cargo.toml` of the commit, by path.

    Raises:
        BuildError: The crates belong to several workspaces.
    """
    roots = {
        path
        for name, version in git.crates
        if (path := _workspace_of(files[f"{name}-{version}/{MANIFEST}"], manifests))
    }
    if len(roots) > 1:
        raise BuildError(
            f"the crates of one commit are of {len(roots)} workspaces, which 'vendor' cannot join:"
            f" {', '.join(sorted(roots))}",
            where=git.url,
            remedy=_VENDOR,
        )
    return _workspace_tables(manifests[roots.pop()]) if roots else ""


def _workspace_of(manifest: str, manifests: Mapping[str, str]) -> str:
    """Return the workspace manifest that a crate inherits from; empty without one."""
    if not _INHERITS.search(manifests[manifest]) or _workspace_tables(manifests[manifest]):
        return ""
    folder = posixpath.dirname(manifest)
    while folder:
        folder = posixpath.dirname(folder)
        above = posixpath.join(folder, MANIFEST)
        if _workspace_tables(manifests.get(above, "")):
            return above
    return ""


def _workspace_tables(manifest: str) -> str:
    """Return a manifest's workspace tables, without its package, whose files are not there."""
    table, lines = "", []
    for line in manifest.splitlines():
        if header := _HEADER.fullmatch(line):
            table = header[1]
        if table == "workspace" or table.startswith("workspace."):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)
