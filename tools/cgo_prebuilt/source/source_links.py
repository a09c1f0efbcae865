"""The files that the links of a source archive lead to. Pure.

Links are not trusted: each is resolved within the source's root, and one that leads elsewhere gives nothing.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from cgo_prebuilt.errors import IntegrityError

ELSEWHERE = ".."
"""Where a link leads that leaves the source's root."""

_FOLLOWED = 8
_STEPS_MAX = 200_000


def target_of(name: str, link: str) -> str:
    """Return the path that a symbolic link leads to, relative to the source's root.

    Args:
        name: The link's path.
        link: Its target, as in the archive.

    Returns:
        The path, `.` for the root, or one that begins with `/` or `..` and so names no file of the source.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def linked_files(names: Mapping[str, None], links: Mapping[str, str], where: str) -> dict[str, str]:
    """Return the files that links provide: each one's path, and that of the file to copy.

    Args:
        names: The files of the source.
        links: The path that each link leads to, by its own.
        where: The archive's name in errors.

    Raises:
        IntegrityError: There are too many.
    """
    if not links:
        return {}
    links_of = _Links(names, links, where)
    return {
        place: path
        for link in links
        for place, path in links_of.followed(link, link, _FOLLOWED)
        if place not in names
    }


class _Links:
    """The links of a source, which are followed a bounded number of times."""

    def __init__(self, names: Mapping[str, None], links: Mapping[str, str], where: str) -> None:
        self._names = names
        self._links = links
        self._where = where
        self._all = sorted({*names, *links})
        self._steps = 0

    def followed(self, place: str, path: str, rest: int) -> Iterator[tuple[str, str]]:
        """Yield the files at a path: a file, or those of a folder, also through links."""
        self._steps += 1
        if self._steps > _STEPS_MAX:
            raise IntegrityError(
                "it has too many links to follow",
                where=self._where,
                remedy="do not use this archive",
            )
        if path in self._names:
            yield place, path
            return
        if not rest:
            return
        link = next((one for one in (path, *_folders(path)) if one in self._links), None)
        if link is None:
            for name in self._below(f"{path}/"):
                yield from self.followed(f"{place}{name[len(path) :]}", name, rest - 1)
            return
        target = self._links[link]
        if not f"{link}/".startswith(f"{target}/") and target != ".":  # else it is a circle
            yield from self.followed(place, f"{target}{path[len(link) :]}", rest - 1)

    def _below(self, folder: str) -> Iterator[str]:
        """Yield the names of all files and links below a folder."""
        for index in range(bisect_left(self._all, folder), len(self._all)):
            if not self._all[index].startswith(folder):
                return
            yield self._all[index]


def _folders(path: str) -> Iterator[str]:
    """Yield the folders that a path is in, the innermost first."""
    while path := posixpath.dirname(path).rstrip("/"):
        yield path
