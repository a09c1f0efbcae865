"""Packed frames: where they are cut, the table at their end, and that threads change nothing."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.archives.decode import codec_of, decode
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.archives.zstd import FrameWalk
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.publishing import frame_writer
from cgo_prebuilt.publishing.frame_writer import frame_contents, write_frames
from tests.programs import provide
from tests.unit.archive_builders import MemoryStream
from tests.unit.test_zstd import noise

FRAME, LEAST = 1000, 100
SIZES = st.lists(st.integers(0, 3500), max_size=8)


@pytest.fixture(autouse=True)
def small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_writer, "FRAME", FRAME)
    monkeypatch.setattr(frame_writer, "LEAST", LEAST)


def members(sizes: list[int], piece: int = 64) -> Iterator[tuple[int, Iterator[bytes]]]:
    for number, size in enumerate(sizes):
        data = bytes([number]) * size
        yield size, (data[at : at + piece] for at in range(0, size, piece))


def written(contents: list[bytes], threads: int = 3) -> bytes:
    file = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: threads)
        write_frames(file, map(bytearray, contents), 3)
    return file.getvalue()


def decoded(data: bytes) -> bytes:
    return b"".join(decode(MemoryStream(data).read, codec_of("tar.zst"), Work("lib")))


@settings(max_examples=200, deadline=None)
@given(SIZES, st.integers(1, FRAME))
def test_frames_end_at_borders_of_members_and_are_never_too_large(
    sizes: list[int], piece: int
) -> None:
    frames = [bytes(frame) for frame in frame_contents(members(sizes, piece))]
    assert b"".join(frames) == b"".join(bytes([n]) * size for n, size in enumerate(sizes))
    assert all(0 < len(frame) <= FRAME for frame in frames)
    for number, size in enumerate(sizes):
        if size >= LEAST:
            others = [frame for frame in frames if bytes([number]) in frame]
            assert others[0][0] == number, "a large member begins a frame"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=12), st.integers(1, 9))
def test_the_table_has_the_frames_and_threads_change_no_byte(
    contents: list[bytes], threads: int
) -> None:
    data = written(contents, threads)
    assert data == written(contents, 1)
    assert decoded(data) == b"".join(contents)
    found = FrameWalk().feed(data)
    *frames, (table, end) = found
    assert [frame.content for frame, _ in frames] == [len(content) for content in contents]
    assert table.is_skippable
    assert end == len(data)
    # The seekable format: entries, then their number, no checksums, and the magic number.
    payload = data[table.start + 8 :]
    entries = list(struct.iter_unpack("<2L", payload[:-9]))
    ends = [end for _, end in frames]
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert entries == list(zip(sizes, map(len, contents), strict=True))
    assert struct.unpack("<LBL", payload[-9:]) == (len(contents), 0, 0x8F92EAB1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_table_changes_no_file(draw: Any) -> None:
    contents = [b"one" * 500, b"two" * 500]
    data = bytearray(written(contents))
    (*_, (table, _)) = FrameWalk().feed(bytes(data))
    place = draw.draw(st.integers(table.start + 8, len(data) - 1))
    data[place] ^= draw.draw(st.integers(1, 255))
    assert decoded(bytes(data)) == b"".join(contents)


def test_a_table_that_is_cut_off_is_refused() -> None:
    with pytest.raises(IntegrityError, match="the zstd data are truncated"):
        decoded(written([b"one" * 500])[:-1])


def test_the_command_reads_it(tmp_path: Path) -> None:
    contents = [noise(300_000), b"two" * 500, bytes(70_000)]
    (tmp_path / "all.zst").write_bytes(written(contents))
    command = [provide("zstd", "zstd"), "-q", "-d", "-c", str(tmp_path / "all.zst")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b"".join(contents)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_ends_it_early_ends_its_threads(error: type[BaseException]) -> None:
    def contents() -> Iterator[bytearray]:
        yield bytearray(noise(3_000_000))
        yield bytearray(noise(3_000_000))
        raise error

    with pytest.raises(error):
        write_frames(io.BytesIO(), contents(), 19)
    assert not [one for one in threading.enumerate() if one.name.startswith("compress")]


def test_levels_differ() -> None:
    contents = [noise(400_000)]
    sizes = []
    for level in (1, 19):
        file = io.BytesIO()
        write_frames(file, map(bytearray, contents), level)
        sizes.append(len(file.getvalue()))
    assert sizes[0] > sizes[1]
