"""The walk over zstd frames: it finds the borders of any frames, however the bytes come."""

from __future__ import annotations

import subprocess
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.archives.zstd import Frame, FrameWalk
from tests.programs import provide
from tests.unit.archive_builders import zstd

LEVEL = zstd.CompressionParameter.compression_level
CHECKSUM = zstd.CompressionParameter.checksum_flag
SIZED = zstd.CompressionParameter.content_size_flag


def skippable(data: bytes, number: int = 0) -> bytes:
    return (0x184D2A50 + number).to_bytes(4, "little") + len(data).to_bytes(4, "little") + data


def compressed(data: bytes, *, checksum: bool, sized: bool) -> bytes:
    options: dict[int, int] = {LEVEL: 1, CHECKSUM: int(checksum), SIZED: int(sized)}
    return bytes(zstd.compress(data, options=options))


def noise(size: int) -> bytes:
    return (size or 1).to_bytes(4, "little") * (size // 8) + bytes(range(256)) * (size // 512)


CONTENTS = st.one_of(st.binary(max_size=600), st.integers(0, 400_000).map(noise))
SKIPPED = st.builds(skippable, st.binary(max_size=300), st.integers(0, 15)).map(lambda s: (s, 0))


def frame(content: bytes, checksum: bool, sized: bool) -> tuple[bytes, int | None]:
    return compressed(content, checksum=checksum, sized=sized), len(content) if sized else None


FRAMES = st.lists(
    st.one_of(SKIPPED, st.builds(frame, CONTENTS, st.booleans(), st.booleans())), max_size=6
)


def walked(data: bytes, cuts: list[int]) -> tuple[FrameWalk, list[tuple[Frame, int]]]:
    walk, found = FrameWalk(), []
    for start, end in pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        found += walk.feed(data[start:end])
    return walk, found


@settings(max_examples=200, deadline=None)
@given(FRAMES, st.lists(st.integers(0, 2000), max_size=30), st.sampled_from([b"", b"<html>"]))
def test_every_border_is_found(
    frames: list[tuple[bytes, int | None]], cuts: list[int], behind: bytes
) -> None:
    data = b"".join(encoded for encoded, _ in frames)
    walk, found = walked(data + behind, cuts)
    assert [end for _, end in found] == list(accumulate(len(encoded) for encoded, _ in frames))
    assert [one.start for one, _ in found] == [0, *(end for _, end in found)][: len(frames)]
    assert [one.content for one, _ in found] == [content for _, content in frames]
    assert walk.is_lost == bool(behind)
    assert walk.position == len(data + behind)
    assert walk.frame is None


@settings(max_examples=100, deadline=None)
@given(CONTENTS, st.booleans(), st.data())
def test_a_frame_that_is_cut_off_has_no_end(content: bytes, checksum: bool, data: Any) -> None:
    encoded = compressed(content, checksum=checksum, sized=True)
    walk, found = walked(encoded[: data.draw(st.integers(0, len(encoded) - 1))], [5, 9])
    assert not found
    assert not walk.is_lost


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\x28\xb5\x2f\xfd\x28", "the reserved bit of a frame"),
        (b"\x28\xb5\x2f\xfd\x20\x05\x06\x00\x00", "a block of the reserved kind"),
        (b"\x28\xb5\x2f\xfe", "another magic number"),
    ],
)
def test_bytes_that_are_not_a_frame_end_the_walk(head: bytes, what: str) -> None:
    good = compressed(b"library", checksum=True, sized=True)
    walk, found = walked(good + head + good, [])
    assert [end for _, end in found] == [len(good)]
    assert walk.is_lost, what


def test_the_header_of_a_frame_is_known_before_its_end() -> None:
    encoded = compressed(noise(400_000), checksum=True, sized=True)
    walk = FrameWalk()
    walk.feed(encoded[:100])
    assert walk.frame == Frame(0, len(noise(400_000)), is_skippable=False)


def test_a_file_of_the_command_has_the_frames_that_the_command_finds(tmp_path: Path) -> None:
    program = provide("zstd", "zstd")
    parts = [tmp_path / str(number) for number in range(3)]
    for number, part in enumerate(parts):
        part.write_bytes(noise(200_000 * number))
    subprocess.run([program, "-q", "-T2", "-19", "--long", *map(str, parts)], check=True)
    data = b"".join(part.with_suffix(".zst").read_bytes() for part in parts)
    (tmp_path / "all.zst").write_bytes(data)
    listed = subprocess.run(
        [program, "-lv", tmp_path / "all.zst"], capture_output=True, text=True, check=True
    ).stdout
    walk, found = walked(data, [])
    assert f"Zstandard Frames: {len(found)}" in listed
    assert [one.content for one, _ in found] == [len(noise(200_000 * n)) for n in range(3)]
    assert not walk.is_lost
