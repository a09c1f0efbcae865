"""A library for several platforms in one compressed tar, and what is read of it for one of them."""

from __future__ import annotations

import hashlib
import io
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cgo_prebuilt.archives.archive import read_members
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.archives.tar_segments import SegmentStream
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.locks.archive_ranges import ArchiveRanges
from cgo_prebuilt.locks.lock import Interface, Lock, LockedArchive, LockedPlatform, LockedVersion
from cgo_prebuilt.locks.ranges_file import format_section, format_sections, segments_of
from cgo_prebuilt.releases import entry_points
from cgo_prebuilt.releases.entry_points import Layout, find_ranges
from cgo_prebuilt.url import Url
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    compress,
    locked_archive,
    tar_member,
)
from tests.unit.trees import read

needs_points = pytest.mark.skipif(
    not entry_points.can_enter_deflate(), reason="indexed_gzip is not installed"
)


def library(seed: int, size: int) -> bytes:
    """Bytes that compress to about half, and refer back as far as a decoder can."""
    rng = random.Random(seed)
    words = [rng.randbytes(rng.randrange(2, 9)) for _ in range(3000)]
    out = b""
    while len(out) < size:
        out += b"".join(rng.choices(words, k=2000))
    return out[:size]


@dataclass(frozen=True)
class Release:
    """An archive with files, and which of them each platform needs."""

    format: str
    data: bytes
    files: Mapping[str, bytes]
    users: tuple[frozenset[str], ...]

    def locked(self, user: frozenset[str], ranges: str = "") -> LockedArchive:
        files = {name: self.files[name] for name in user}
        return replace(locked_archive(self.data, self.format, files), ranges=ranges)

    def ranges(self) -> ArchiveRanges | None:
        layout = Layout()
        work = Work("test", borders=layout.borders)
        members = read_members(MemoryStream(self.data), self.format, work)
        for _ in layout.watch(members):
            pass
        file = io.BytesIO(self.data)
        return find_ranges(file, len(self.data), self.format, layout, self.users)

    def gives(self, user: frozenset[str], section: bytes) -> bool:
        """Whether a platform gets its files by what a section says; nothing but that is read."""
        archive = self.locked(user, hashlib.sha256(section).hexdigest())
        segments = segments_of(archive, {archive.ranges: section})
        blanked = bytearray(len(self.data))
        for start, end in (segment.part for segment in segments):
            blanked[start:end] = self.data[start:end]
        with tempfile.TemporaryDirectory() as folder:
            stream = SegmentStream(io.BytesIO(blanked), segments, archive)
            extract(replace(archive, format="tar"), stream, Path(folder))
            return read(Path(folder)) == {name: self.files[name] for name in user}


def five_platforms(format: str = "tar.gz", member: int = 1 << 30) -> Release:
    """A library for five platforms, in streams that decode to `member` bytes each."""
    files = {f"lib/{n}/libvec.a": library(n, 300_000) for n in range(5)}
    files["include/vec.h"] = b"int vec(void);\n"
    tar = b"".join(tar_member(name, data) for name, data in files.items()) + END_OF_TAR
    data = b"".join(
        compress(tar[start : start + member], format) for start in range(0, len(tar), member)
    )
    users = tuple(frozenset([f"lib/{n}/libvec.a", "include/vec.h"]) for n in range(5))
    return Release(format, data, files, users)


def lock_in_parts(release: Release, url: str) -> tuple[Lock, bytes]:
    """The lock of the third platform's files, as those of linux_amd64, and the file beside it."""
    ranges = release.ranges()
    assert ranges is not None
    section = format_section(ranges)
    sha256 = hashlib.sha256(section).hexdigest()
    user = release.users[2]
    archive = replace(release.locked(user, sha256), file=f"vec.{release.format}", urls=(Url(url),))
    interface = Interface(
        static_library=("lib/2/libvec.a",), headers=("include/vec.h",), include_dirs=("include",)
    )
    version = LockedVersion({"": {"linux_amd64": LockedPlatform((archive,), interface)}})
    return Lock("vec", "v1.2.3", {"v1.2.3": version}), format_sections({sha256: section})
