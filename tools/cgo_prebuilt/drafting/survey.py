"""Inspect the files of a release: the contents of each, and their kinds.

This module only reads; it decides nothing. As for a lock, every archive is read twice: once for its
names and links, once for the libraries and the texts with hints.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cgo_prebuilt.archive_names import format_of
from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.bytestream import ByteStream, SeekableStream
from cgo_prebuilt.archives.member import FILE, FOLDER, Member
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.drafting.asset_names import NameReading, read_name
from cgo_prebuilt.drafting.binaries import Binary, read_binary
from cgo_prebuilt.errors import CgoPrebuiltError
from cgo_prebuilt.locks.lock_keys import SINGLE
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.releases.catalog import NAMES_MAX, Catalog, read_catalog
from cgo_prebuilt.url import Url

_LIBRARY = re.compile(
    r"(?i).+\.(a|lib|dll|tbd|node|bare|pyd|jnilib)|.+\.(so|dylib)(\.\d\w*)*|.+(\.\d\w*)+\.dylib"
)
HEADER = re.compile(r"(?i).+\.(h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tcc|tpp)")
LICENSE = re.compile(
    r"(?i)(?!.+\.(go|h|c|cc|cpp|py|js|rs|java)\Z)(.+[-_.])?(licen[cs]es?|copying|copyright|notices?"
    r"|third[-_]?party[-_]?(notices?|licen[cs]es?)?|thirdpartynotices)([-_.][\w+-]+)?(\.(txt|md|rst|html))?"
)
_CMAKE = re.compile(r"(?i).+\.cmake(\.in)?")
_TEXT_MAX = 1 << 20
_TEXTS_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """A file of a release: its name, its place, and its size in bytes, if known."""

    file: str
    url: Url
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """The contents of a file of a release.

    Attributes:
        asset: The file.
        format: One of `lock_keys.FORMATS`; or `FOLDER` for an unpacked library.
        names: The names of all files in it, including links to files; for a loose file, its own name.
        links: The member that a link resolves to, by the link's name.
        dangling: The links to no file of the archive, as in Debian's packages.
        binaries: Libraries and programs, by name.
        texts: The texts of headers, `.pc`, CMake and Go files, by name.
        sizes: The sizes of its files in bytes, by name, if its format tells.
    """

    asset: ListedAsset
    format: str
    names: tuple[str, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    dangling: frozenset[str] = frozenset()
    binaries: Mapping[str, Binary] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def reading(self) -> NameReading:
        """The platform in its name."""
        return read_name(self.asset.file)

    @property
    def is_single(self) -> bool:
        """Return whether it is a single file, not an archive."""
        return self.format in SINGLE

    def named(self, ending: str) -> list[str]:
        """Return the texts whose names have this suffix."""
        return [name for name in self.texts if name.endswith(ending)]


def loose_name(file: str, format: str) -> str:
    """Return the name of a loose file without its compression suffix."""
    return file.rpartition(".")[0] if format in SINGLE and format != "file" else file


def inspect_asset(stream: ByteStream, asset: ListedAsset) -> Asset:
    """Inspect a file of a release.

    Raises:
        IntegrityError: It is malformed, or not an archive of the format in its name.
        CgoPrebuiltError: The stream's own errors.
    """
    format = format_of(asset.file)
    loose = loose_name(asset.file, format)
    file = stream.whole()
    names: tuple[str, ...] = (loose,)
    links: dict[str, str] = {}
    dangling: set[str] = set()
    if format not in SINGLE:
        members = read_members(SeekableStream(file), format, Work(asset.file))
        catalog = read_catalog(members, where=asset.file)
        safe = [name for name in catalog.files() if _is_safe(name)]
        for name in safe:
            if name not in catalog.kinds or name in catalog.links:
                target = _member_of(catalog, name)
                if target is None:
                    dangling.add(name)
                else:
                    links[name] = target
        names = tuple(name for name in safe if name in links or catalog.kinds.get(name) == FILE)
    binaries: dict[str, Binary] = {}
    texts: dict[str, str] = {}
    sizes: dict[str, int] = {}
    read = 0
    for member in read_members(SeekableStream(file), format, Work(asset.file), loose):
        if member.kind != FILE or not _is_safe(member.name):
            continue
        if member.size is not None:
            sizes[member.name] = member.size
        if _LIBRARY.fullmatch(member.name):
            binary = _binary(member)
            if binary is not None:
                binaries[member.name] = binary
        elif read < _TEXTS_MAX and _may_have_hints(member.name):
            texts[member.name] = _text(member)
            read += len(texts[member.name])
    return Asset(asset, format, names, links, frozenset(dangling), binaries, texts, sizes)


def inspect_folder(folder: Path) -> Asset:
    """Inspect an unpacked library, as if it were an archive."""
    names: list[str] = []
    binaries: dict[str, Binary] = {}
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    whole = folder.resolve()
    for path in sorted(whole.rglob("*")):
        name = path.relative_to(whole).as_posix()
        if not path.is_file() or not _is_safe(name) or not path.resolve().is_relative_to(whole):
            continue
        names.append(name)
        if path.is_symlink():
            links[name] = path.resolve().relative_to(whole).as_posix()
        elif _LIBRARY.fullmatch(name):
            with path.open("rb") as file:
                binary = read_binary(file)
            if binary is not None:
                binaries[name] = binary
        elif _may_have_hints(name):
            with path.open("rb") as file:
                texts[name] = file.read(_TEXT_MAX).decode("utf-8", "replace")
        if len(names) > NAMES_MAX:
            break
    asset = ListedAsset(whole.name, Url(whole.as_uri()))
    return Asset(asset, FOLDER, tuple(names), links, frozenset(), binaries, texts)


def _is_safe(name: str) -> bool:
    try:
        check_member_name(name, where="")
    except CgoPrebuiltError:
        return False
    return not name.rpartition("/")[2].startswith("._")


def _member_of(catalog: Catalog, name: str) -> str | None:
    try:
        return catalog.member_of(name)
    except CgoPrebuiltError:
        return None  # a link out of the archive, or a dangling one


def _may_have_hints(name: str) -> bool:
    if HEADER.fullmatch(name):
        return True
    file = name.rpartition("/")[2]
    if file.endswith(".go"):
        return not file.endswith("_test.go")
    return file.endswith(".pc") or bool(_CMAKE.fullmatch(file))


def _binary(member: Member) -> Binary | None:
    with tempfile.TemporaryFile() as copy:
        for chunk in member.chunks():
            copy.write(chunk)
        copy.flush()
        return read_binary(copy)


def _text(member: Member) -> str:
    data = bytearray()
    for chunk in member.chunks():
        if len(data) < _TEXT_MAX:
            data += chunk
    return data[:_TEXT_MAX].decode("utf-8", "replace")
