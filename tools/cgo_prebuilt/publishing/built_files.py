"""The files of a build's folder, and those among them that a manifest names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.own_files import is_link
from cgo_prebuilt.patterns import matches

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def source_files(folder: Path, overlay: Path | None) -> dict[str, Path]:
    """Return the files in a folder, or those that replace them, by relative path.

    Raises:
        UsageError: There is no such folder.
    """
    return {**_files_below(folder), **(_files_below(overlay) if overlay else {})}


def promised(names: Iterable[str], promises: Iterable[str]) -> list[str]:
    """Return the names that the manifest requires; hidden files only if it names them or their hidden folder.

    Args:
        names: Paths of files.
        promises: Paths and globs.
    """
    promises = list(promises)
    dotted = [promise for promise in promises if _is_hidden(promise)]
    return [name for name in names if matches(name, dotted if _is_hidden(name) else promises)]


def refuse_unpackable(folder: Path, promises: Iterable[str]) -> None:
    """Refuse paths that the manifest names, but that are not files in the folder.

    A link to a folder is refused, too, if the manifest names files below it: `pack` follows none.

    Args:
        folder: The folder of the built files.
        promises: Paths and globs.

    Raises:
        UsageError: A link leads out of the folder, nowhere, or to a folder; or it is a pipe, a socket or
            a device; or a folder cannot be read, or has the name of a file.
    """
    promises = list(promises)
    _refuse_folders(folder, promises)
    root = os.path.realpath(folder)
    found = dict(_walk(folder))
    above = [*promises, *_folders_of(promises)]
    folders = {name for name, path in found.items() if path.is_dir()}
    for name in sorted({*promised(found, promises), *promised(folders, above)}):
        path = found[name]
        target = os.path.realpath(path)
        if not Path(target).is_relative_to(root):
            raise UsageError(
                f"{name} is a link out of the folder that is packed",
                where=f"{path} -> {target}",
                remedy="copy the file there, or give --from the folder that has it",
            )
        if path.is_file():
            continue
        if not path.exists():
            raise UsageError(
                f"{name} is a link that leads nowhere",
                where=str(path),
                remedy="correct or remove the link",
            )
        if not is_link(path.lstat()) and name in folders:
            raise UsageError(
                f"{name} is a folder that cannot be read",
                where=str(path),
                remedy="check its permissions",
            )
        if name in folders:
            raise UsageError(
                f"{name} is a link to a folder, and pack follows links to files only",
                where=f"{path} -> {target}",
                remedy="copy the folder there, in place of the link",
            )
        raise UsageError(
            f"{name} is {_kind(path)}, not a regular file",
            where=str(path),
            remedy="remove it, or correct the manifest",
        )


def _refuse_folders(folder: Path, promises: Iterable[str]) -> None:
    for promise in promises:
        path = folder / promise
        if path.is_dir() and not path.is_symlink():
            raise UsageError(
                f"{promise} is a folder, and the manifest names a file",
                where=str(path),
                remedy=f"correct the manifest; {promise}/** names every file in the folder",
            )


def _folders_of(promises: Iterable[str]) -> Iterator[str]:
    """Yield paths and globs of the folders above the files that the manifest names."""
    for promise in promises:
        parts = promise.split("/")
        yield from ("/".join(parts[:end]) for end in range(1, len(parts)))


def _kind(path: Path) -> str:
    return _KINDS.get(stat.S_IFMT(path.stat().st_mode), "something else")


def _files_below(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=str(folder), remedy="correct --from")
    return {name: path for name, path in _walk(folder) if path.is_file()}


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield files, links and unreadable folders below a folder, by relative path; follow no links."""
    unreadable: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=unreadable.append):
        linked = [name for name in folders if is_link(Path(parent, name).lstat())]
        for name in (*files, *linked):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path
    for error in unreadable:
        path = Path(error.filename)
        yield path.relative_to(folder).as_posix(), path


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
