"""Deflate data that are entered within a byte."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from dataclasses import replace

import pytest

from cgo_prebuilt.archives.decode import deflate
from cgo_prebuilt.archives.tar_segments import _aligned, _filling, decode_segment
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks import archive_ranges
from cgo_prebuilt.locks.archive_ranges import START, Segment
from cgo_prebuilt.locks.ranges_file import format_section
from cgo_prebuilt.releases import entry_points
from tests.unit.archive_builders import END_OF_TAR, compress, tar_member
from tests.unit.ranges_case import five_platforms, library, needs_points


@pytest.mark.parametrize("bits", range(1, 8))
def test_empty_blocks_fill_a_byte_up_to_any_bit(bits: int) -> None:
    _, length = _filling(bits)
    assert length % 8 == bits


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("decoder", ["zlib", "the fastest"])
def test_a_stored_block_behind_them_is_read(bits: int, decoder: str) -> None:
    """A final stored block: 3 bits, the rest of their byte, its length twice, its contents."""
    size = (5).to_bytes(2, "little") + (5 ^ 0xFFFF).to_bytes(2, "little")
    first = 1 << 8 - bits
    header = bytes([first & 0xFF]) if bits >= 3 else bytes([first & 0xFF, 0])
    left = header + size + b"bytes"

    def read(count: int) -> bytes:
        nonlocal left
        data, left = left[:count], left[count:]
        return data

    data = b"".join(_aligned(read, bits))
    opened = zlib.decompressobj(-15) if decoder == "zlib" else deflate().open()
    assert opened.decompress(data, 100) == b"bytes"


@needs_points
def test_members_that_do_not_compress_are_read_from_their_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entry_points, "_SPACING", 40_000)
    monkeypatch.setattr(archive_ranges, "MAX_SHARE_IN_PARTS", 2)
    rng = random.Random(5)
    files = {f"lib/{n}": library(n, 150_000) + rng.randbytes(150_000) for n in range(12)}
    tar = b"".join(tar_member(name, data) for name, data in files.items()) + END_OF_TAR
    users = tuple(frozenset([name]) for name in files)
    release = replace(
        five_platforms(),
        data=compress(tar, "tar.gz"),
        files=files,
        users=tuple(sorted(users, key=sorted)),
    )
    ranges = release.ranges()
    assert ranges is not None
    section = format_section(ranges)
    assert all(release.gives(user, section) for user in release.users)


def test_a_segment_that_decodes_to_less_than_its_pieces_is_refused() -> None:
    data = gzip.compress(b"x" * 1000)
    segment = Segment(START, len(data), ((0, 512), (512, 1024)))
    with pytest.raises(IntegrityError) as caught:
        list(decode_segment(io.BytesIO(data), segment, "tar.gz", Work("vec.tar.gz")))
    assert caught.value.what == f"its first {len(data)} bytes decode to fewer than 1024"
