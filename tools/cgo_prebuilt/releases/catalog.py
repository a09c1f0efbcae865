"""The names in an archive, and the file that each link resolves to.

Links are not trusted: each is resolved within the archive, part by part as on a disk, and refused if it
leads out of the archive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cgo_prebuilt.archives.member import FILE, FOLDER, HARD_LINK, SYMBOLIC_LINK, Member
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import normalize, possible_paths

NAMES_MAX = 200_000
"""The most members of an archive that can be locked, since their names are held in memory."""

_NAME_BYTES_MAX = 32 << 20
_LINK_MAX = 4096
_FOLLOWED_MAX = 40  # as on Linux (path_resolution(7))
_STEPS_MAX = 5_000_000

_REMEDY = (
    "correct the path, or name what the link leads to; its publisher can pack it without links"
)


@dataclass(slots=True)
class Catalog:
    """The members of an archive.

    Attributes:
        where: The name of the archive in errors.
        kinds: The kind of each member except folders, by name.
        links: The unresolved target of each link, by name.
        folders: All folders, including those without a member; the root is empty.
        places: The paths at which readers may place a member other than a folder, see `possible_paths`.
        duplicates: The paths at which they may place several members.
        dangling_hard_links: Hard links to no earlier member.
    """

    where: str
    kinds: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {""})
    places: set[str] = field(default_factory=set)
    duplicates: set[str] = field(default_factory=set)
    dangling_hard_links: set[str] = field(default_factory=set)
    _steps: int = 0

    def files(self) -> Iterator[str]:
        """Yield the names of all files, including those reached through links.

        Raises:
            IntegrityError: It has too many links to follow.
        """
        yield from (name for name in self.kinds if name not in self.links)
        for link in self.links:
            target = self._target(link, strict=False)
            if target is None or target not in self.folders:
                yield link
                continue
            below = f"{target}/" if target else ""
            self._step(len(self.kinds))
            for name in self.kinds:
                if name.startswith(below):
                    yield f"{link}/{name[len(below) :]}"

    def member_of(self, name: str) -> str | None:
        """Return the member that holds the bytes of a file.

        Args:
            name: The file's name from the archive's root: safe, and without `.` or `..`.

        Returns:
            The member's name; None if there is no such file.

        Raises:
            IntegrityError: It is a link to no file of the archive, or not a file, or readers may disagree
                about it.
        """
        target = self._target(name, strict=True)
        if target is None:
            return None
        kind = self.kinds.get(target)
        if target in self.folders:
            if kind is not None:
                raise self._ambiguous(f"{target!r} is a {kind} and a folder")
            return None
        if kind is None:
            if name in self.links:
                raise self._refused(f"{self._link(name)}, which the archive lacks")
            return None
        if kind != FILE:
            raise IntegrityError(
                f"{target!r} is a {kind}", where=self.where, remedy="select other files"
            )
        if target in self.duplicates:
            raise self._ambiguous(f"duplicate name {target!r}")
        for folder in _folders(target):
            if folder in self.places:
                raise self._ambiguous(f"{folder!r} is a file and the folder of {target!r}")
        return target

    def _target(self, name: str, *, strict: bool) -> str | None:
        """Return the member that a name resolves to; None if it cannot be a file.

        Args:
            name: The name.
            strict: Raise an error for a link that leads nowhere in the archive.
        """
        if not self.links:
            return name
        left = deque(name.split("/"))
        done: list[str] = []
        followed = 0
        while left:
            self._step(1)
            part = left.popleft()
            if followed and (here := "/".join(done)) not in self.folders:
                return self._nowhere(name, f"through {here!r}, which is not a folder", strict)
            if part in ("", "."):
                continue
            if part == "..":
                if not done:
                    return self._nowhere(name, "out of the archive", strict)
                done.pop()
                continue
            done.append(part)
            here = "/".join(done)
            link = self.links.get(here)
            if link is None:
                continue
            followed += 1
            if followed > _FOLLOWED_MAX:
                return self._nowhere(name, "in a circle", strict)
            if link.startswith("/"):
                return self._nowhere(name, "to an absolute path", strict)
            if not link:
                return self._nowhere(name, "nowhere", strict)
            if self.kinds[here] == HARD_LINK:
                if here in self.dangling_hard_links:
                    return self._nowhere(name, f"to {link!r}, which is not an earlier file", strict)
                done.clear()
            else:
                done.pop()
            left.extendleft(reversed(link.split("/")))
        return "/".join(done)

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > _STEPS_MAX:
            raise self._refused("it has too many links to follow")

    def _nowhere(self, name: str, where_to: str, strict: bool) -> str | None:
        if strict:
            raise self._refused(f"{name!r} is a link that leads {where_to}")
        return None

    def _link(self, name: str) -> str:
        return f"{name!r} is a {self.kinds[name]} to {self.links[name]!r}"

    def check_links(self) -> None:
        """Refuse a name that is both a link and something else: readers disagree about it.

        Raises:
            IntegrityError: There is such a link.
        """
        for name in self.links:
            for place in possible_paths(name):
                if place in self.folders or place in self.duplicates:
                    raise self._ambiguous(f"{name!r} is a link and something else")

    def _ambiguous(self, what: str) -> IntegrityError:
        return IntegrityError(what, where=self.where, remedy="ask its publisher to pack it again")

    def _refused(self, what: str) -> IntegrityError:
        return IntegrityError(what, where=self.where, remedy=_REMEDY)


def _folders(name: str) -> Iterator[str]:
    """Yield the folders above a name, without the root."""
    while name := name.rpartition("/")[0]:
        yield name


def read_catalog(members: Iterable[Member], *, where: str) -> Catalog:
    """Read the names of all members and the targets of links.

    Raises:
        IntegrityError: There are too many members, or a link is too long or also something else.
        CgoPrebuiltError: The errors of `members`.
    """
    catalog = Catalog(where)
    length = 0
    for member in members:
        name = member.name
        length += len(name)
        for place in possible_paths(name):
            folder = place if member.kind == FOLDER else place.rpartition("/")[0]
            while folder not in catalog.folders and length <= _NAME_BYTES_MAX:
                catalog.folders.add(folder)
                length += len(folder)
                folder = folder.rpartition("/")[0]
            if member.kind != FOLDER:
                (catalog.duplicates if place in catalog.places else catalog.places).add(place)
        if member.kind in (HARD_LINK, SYMBOLIC_LINK):
            link = catalog.links[name] = member.link or _read_link(member, where)
            length += len(link)
            # Systems hard-link files only, and readers create hard links in the order of the members.
            before = catalog.kinds.get(normalize(link))
            if member.kind == HARD_LINK and before not in (FILE, HARD_LINK):
                catalog.dangling_hard_links.add(name)
        if member.kind != FOLDER:
            catalog.kinds[name] = member.kind
        if len(catalog.kinds) > NAMES_MAX or length > _NAME_BYTES_MAX:
            raise IntegrityError(
                f"it has {len(catalog.kinds)} members or more, too many to lock",
                where=where,
                remedy="lock an archive with the library alone",
            )
    catalog.check_links()
    return catalog


def _read_link(member: Member, where: str) -> str:
    """Return the target of a link in a zip, which is its contents."""
    data = bytearray()
    for chunk in member.chunks():
        data += chunk
        if len(data) > _LINK_MAX:
            raise IntegrityError(
                f"the link {member.name!r} has more than {_LINK_MAX} bytes",
                where=where,
                remedy="ask its publisher to pack it again",
            )
    return data.decode("utf-8", "surrogateescape")
