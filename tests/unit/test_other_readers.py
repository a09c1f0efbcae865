"""Hostile archives, read by us and by two others: we refuse one, or see what both of them see.

`PROPERTY_CASES=10000` tries so many of each format, other ones each time.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.errors import CgoPrebuiltError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.programs import provide
from tests.unit.archive_builders import (
    MemoryStream,
    ZipEntry,
    locked_archive,
    pax,
    pax_record,
    tar_member,
    zip_archive,
)

CASES = int(os.environ.get("PROPERTY_CASES", "120"))
SEED = int(os.environ.get("PROPERTY_SEED", "2026"))
pytestmark = [
    pytest.mark.skipif(
        sys.platform == "win32", reason="its own programs read archives by other rules"
    ),
    pytest.mark.timeout(600 + CASES / 4),  # also where others use the machine, too
]

# Few, so that they meet. None of the absolute ones may be there on a real disk.
FILES = ("a", "b", "c", "d/a", "d/b", "d/e/a", "d/e/b", "e/a", "e/b")
LINKS = ("l", "m", "n", "d/l", "d/m", "e/l", "d/e/l")
ODD_NAMES = (
    *("d", "e", "l", "d/l", "a/b", "b/a", "l/a", "l/b", "d/l/b", "e/l/a", "A"),
    *("./a", "d//a", "d/./b", "a/", "d/", "d/e/", "a/.", ".", "./", "", "/a", "//d/b", "/d/"),
    *("x/../a", "../a", "d/..", "..", "d/e/../b", "x/..", "/l", "../d/l", "a\\b", "d\\a"),
)
TARGETS = (
    "a",
    "b",
    "d",
    "e",
    "d/a",
    "d/b",
    "../a",
    "../b",
    "../d",
    "./a",
    "d/e",
    "d/e/a",
    "l",
    "m",
)
ODD_TARGETS = (
    *("a/", "d/", "a/.", "d/.", "d/../a", "a/../b", "e/a", "", ".", "..", "/a", "//a", "x/../a"),
    *("../../d/a", "l/a", "l/../a", "d/l", "d/l/", "./"),
)
CONTENTS = (b"", b"1", b"two", b"three" * 30)


@dataclass(frozen=True)
class Part:
    """A piece of an archive, and how a failing test shows it."""

    data: bytes
    text: str

    def __str__(self) -> str:
        return self.text


def part(make: Callable[..., bytes], *args: object, **options: object) -> Part:
    said = [*map(repr, args), *(f"{key}={value!r}" for key, value in options.items())]
    return Part(make(*args, **options), f"{make.__name__}({', '.join(said)})")


class Maker:
    """Draws archives, most of them nearly good."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.pick = self._random.choice

    def odd(self, percent: float) -> bool:
        return self._random.random() * 100 < percent

    def name(self, usual: Sequence[str] = FILES) -> str:
        return self.pick(ODD_NAMES) if self.odd(12) else self.pick(usual)

    def target(self) -> str:
        return self.pick(ODD_TARGETS) if self.odd(25) else self.pick(TARGETS)

    # Tars.

    def tar(self) -> list[Part]:
        parts = []
        for _ in range(self._random.randint(1, 6)):
            while self.odd(12):
                parts.append(self.extension())
            parts.append(self.member())
            if self.odd(1):
                parts.append(part(bytes, self.pick((512, 1024))))
        return [*parts, part(bytes, self.pick((0, 512, 10240)) if self.odd(8) else 1024)]

    def member(self) -> Part:
        kind = self.pick((b"0", b"0", b"0", b"0", b"\0", b"1", b"2", b"2", b"5"))
        if self.odd(4):
            kind = self.pick((b"7", b"S", b"V", b"D", b"Z", b"A"))
        name = self.name(LINKS if kind in b"12" else ("d", "d/e/", "e") if kind == b"5" else FILES)
        options: dict[str, Any] = {"kind": kind, "mode": 0o755}
        if kind in b"12" or self.odd(3):
            options["link"] = self.target()
        if self.odd(2):
            options["size"] = self.pick(
                (0, 1, 3, 200, b"\x80" + bytes(10) + b"\3", b"   3 ", b"3\0j")
            )
        if self.odd(4):
            options["magic"] = self.pick((b"ustar  \0", bytes(8), b"ustar\x0000"))
        if self.odd(4):
            options["prefix"] = self.pick((b"d", b"/", b"..", b"a", b"d/"))
        data = b"" if kind in b"125" and not self.odd(4) else self.pick(CONTENTS)
        return part(tar_member, name, data, **options)

    def extension(self) -> Part:
        if self.odd(30):
            kind, text = self.pick(((b"L", self.name()), (b"K", self.target())))
            return part(tar_member, "", f"{text}\0".encode(), kind=kind)
        values = b""
        for _ in range(self.pick((0, 1, 1, 2))):
            key, value = self.pick(
                (
                    *[("path", self.name()), ("linkpath", self.target()), ("comment", "c")] * 3,
                    ("size", self.pick(("0", "1", "3", "1000", "-1", "x", "00003"))),
                    ("GNU.sparse.name", self.name()),
                    ("GNU.sparse.realsize", "3"),
                    ("hdrcharset", self.pick(("BINARY", "ISO-IR 10646 2000 UTF-8"))),
                )
            )
            values += pax_record(key, value)
        return part(pax, values, kind=self.pick((b"g", b"X")) if self.odd(10) else b"x")

    # Zips.

    def zip(self) -> tuple[list[ZipEntry], dict[str, Any]]:
        options: dict[str, Any] = {}
        if self.odd(3):
            options = {"before": b"junk", "shift": self.odd(50)}
        if self.odd(3):
            options["comment"] = self.pick((b"words", b"PK\5\6" + bytes(18)))
        if self.odd(2):
            options["after"] = b"junk"
        return [self.entry() for _ in range(self._random.randint(1, 5))], options

    def entry(self) -> ZipEntry:
        if self.odd(30):
            target = self.target().encode()
            return ZipEntry(self.name(LINKS), target, method=0, attributes=0o120777 << 16)
        mode = self.pick((0o040755, 0o100755, 0, 0o120777)) if self.odd(15) else 0o100644
        flags = self.pick((8, 1 << 11)) if self.odd(8) else 0
        return ZipEntry(
            self.name(),
            self.pick(CONTENTS),
            method=self.pick((0, 8)),
            flags=flags,
            attributes=0x10 if self.odd(4) else mode << 16,
            zip64=self.odd(5),
            header=self.lies(),
            directory=self.lies(),
        )

    def lies(self) -> dict[str, int | bytes]:
        if not self.odd(5):
            return {}
        name = self.name().encode()
        unicode = struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(b"a")) + name
        return self.pick(
            (  # type: ignore[arg-type]
                *({"name": name}, {"method": self.pick((0, 8, 9))}, {"crc": 0}),
                *({"size": self.pick((0, 1, 3))}, {"compressed": self.pick((0, 1, 3))}),
                *({"flags": self.pick((0, 1, 8, 1 << 11))}, {"extra": unicode}),
            )
        )


# The others.

Reader = Callable[[bytes, Path], bool]
T = TypeVar("T")

BROKEN = (zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)


# Each gives whether it read the archive without a complaint.


def by_tarfile(data: bytes, folder: Path) -> bool:
    sound = True
    try:
        with tarfile.open(fileobj=io.BytesIO(data), errorlevel=2) as archive:
            for member in archive:
                try:
                    archive.extract(member, folder, filter="tar")
                except (tarfile.TarError, KeyError, *BROKEN):
                    sound = False
    except (tarfile.TarError, *BROKEN):
        return False
    return sound


def by_zipfile(data: bytes, folder: Path) -> bool:
    """As its own `extractall`, and makes links, which that does not."""
    sound = True
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                try:
                    place = Path(archive.extract(info, folder))
                    if info.external_attr >> 28 == 0o12:
                        target = place.read_bytes()
                        place.unlink()
                        place.symlink_to(os.fsdecode(target))
                except (IndexError, zipfile.BadZipFile, *BROKEN):
                    sound = False
    except (zipfile.BadZipFile, *BROKEN):
        return False
    return sound


def by_program(*command: str) -> Reader:
    def read(data: bytes, folder: Path) -> bool:
        archive = folder.with_name("archive")
        archive.write_bytes(data)
        done = subprocess.run(
            [part.format(archive=archive, folder=folder) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=300,
            check=False,
        )
        return done.returncode == 0

    read.__name__ = command[0]
    return read


TAR = by_program("tar", "-x", "-f", "{archive}", "-C", "{folder}", "--no-same-owner")
UNZIP = by_program("unzip", "-qq", "-o", "{archive}", "-d", "{folder}")


def files_in(folder: Path) -> dict[str, bytes]:
    """The regular files, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for place, _, names in os.walk(folder)
        for path in (Path(place, name) for name in names)
        if not path.is_symlink() and path.is_file()
    }


def contents_at(folder: Path, path: str) -> bytes | None:
    """What whoever opens a path there gets."""
    place = folder / path
    if not Path(os.path.realpath(place)).is_relative_to(folder):
        return None
    with suppress(OSError):
        return place.read_bytes()
    return None


# Ours.


@dataclass(frozen=True)
class Ours:
    """What we lock and extract, by path, and which of it is a link in the archive."""

    files: dict[str, bytes]
    links: frozenset[str]


def ours(data: bytes, format: str, wanted: WantedFiles) -> Ours | None:
    """None if we refuse to lock it."""
    spec = ArchiveSpec(f"lib.{format}", (), format, "", "")
    try:
        files = index(MemoryStream(data), spec, wanted, where=spec.file).files
    except CgoPrebuiltError:
        return None
    archive = replace(locked_archive(data, format, {}), files=files)
    with tempfile.TemporaryDirectory() as folder:
        # A lock is made of nothing that cannot be fetched.
        extract(archive, MemoryStream(data), Path(folder))
        links = frozenset(file.path for file in files if file.member)
        return Ours(files_in(Path(folder)), links)


NOTHING = Ours({}, frozenset())


def disagreement(data: bytes, format: str, readers: Sequence[Reader]) -> str | None:
    """What other readers see that we, who do not refuse it, see in another way."""
    everything = ours(data, format, WantedFiles((), everything=True))
    for reader in readers:
        with tempfile.TemporaryDirectory() as place:
            # Deep enough that no `..` leads out of what is the test's own.
            folder = Path(place).resolve() / "1/2/3/4"
            folder.mkdir(parents=True)
            sound = reader(data, folder)
            theirs = files_in(folder)
            if everything is not None and not set(theirs) <= set(everything.files):
                return f"{reader.__name__} sees {sorted(theirs)}, we {sorted(everything.files)}"
            for path in sorted({*theirs, *(everything or NOTHING).files, *FILES[:5]}):
                # A lock of this file alone knows less of the others.
                for view in (everything, ours(data, format, WantedFiles([path]))):
                    found = (view or NOTHING).files.get(path)
                    there = contents_at(folder, path)
                    given_up = there is None and not sound and path not in (view or NOTHING).links
                    if found not in (None, there) and not given_up:
                        return f"{path!r} is {there!r} to {reader.__name__}, and {found!r} to us"
    return None


def fewest(parts: list[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """The parts without which it does not fail."""
    for drop in range(len(parts)):
        rest = parts[:drop] + parts[drop + 1 :]
        if rest and fails(rest):
            return fewest(rest, fails)
    return parts


def check(parts: list[T], join: Callable[[list[T]], bytes], format: str, *readers: Reader) -> None:
    def trouble(some: list[T]) -> str | None:
        return disagreement(join(some), format, readers)

    if trouble(parts) is not None:
        few = fewest(parts, lambda some: trouble(some) is not None)
        pytest.fail(f"{trouble(few)}:\n" + "\n".join(map(str, few)), pytrace=False)


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar")
def test_a_tar_is_refused_or_read_as_others_read_it() -> None:
    for case in range(CASES):
        parts = Maker(SEED * CASES + case).tar()
        check(parts, tar_packed, "tar", by_tarfile, TAR)


def test_a_zip_is_refused_or_read_as_others_read_it() -> None:
    provide("unzip", "unzip")
    for case in range(CASES):
        entries, options = Maker(SEED * CASES + case).zip()
        check(entries, partial(zip_packed, options), "zip", by_zipfile, UNZIP)


def tar_packed(parts: Sequence[Part]) -> bytes:
    return b"".join(part.data for part in parts)


def zip_packed(options: dict[str, Any], entries: Sequence[ZipEntry]) -> bytes:
    return zip_archive(*entries, **options)
