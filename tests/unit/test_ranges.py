"""Some members of a compressed tar by recorded entry points: the same files, or a clear refusal."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import random
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks import archive_ranges
from cgo_prebuilt.locks.archive_ranges import (
    ArchiveRanges,
    EntryPoint,
    MemberRun,
    needed_points,
    segments_for,
)
from cgo_prebuilt.locks.ranges_file import (
    format_section,
    format_sections,
    parse_section,
    read_sections,
    segments_of,
)
from cgo_prebuilt.releases import entry_points
from tests.unit.archive_builders import (
    END_OF_TAR,
    compress,
    pax,
    tar_member,
)
from tests.unit.ranges_case import Release, five_platforms, library, needs_points
from tests.unit.test_xz_blocks import in_blocks

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that are as near as they can be, and parts of whatever size."""
    monkeypatch.setattr(entry_points, "_SPACING", 40_000)
    monkeypatch.setattr(archive_ranges, "MAX_SHARE_IN_PARTS", 2)


def mixed(seed: int, size: int) -> bytes:
    """Bytes of which half do not compress: deflate stores them as they are."""
    half = library(seed, size // 2)
    return half + random.Random(seed).randbytes(size - len(half))


CONTENTS = (library, mixed, lambda seed, size: random.Random(seed).randbytes(size))
FLUSHES = (None, None, zlib.Z_FULL_FLUSH, zlib.Z_SYNC_FLUSH)


def flushed(data: bytes, flush: int) -> bytes:
    """A gzip member with a flush every 128 KiB, as pigz writes it."""
    encoder = zlib.compressobj(6, zlib.DEFLATED, 31)
    pieces = (data[start : start + (1 << 17)] for start in range(0, len(data), 1 << 17))
    flushes = b"".join(encoder.compress(piece) + encoder.flush(flush) for piece in pieces)
    return flushes + encoder.flush()


def some_release(seed: int) -> Release:
    """Any library, cut into streams anywhere, for any platforms; from a number, which is easily shown."""
    rng = random.Random(seed)
    files = {
        f"lib/{n}": rng.choice(CONTENTS)(n, rng.choice([0, 1, 200_000]))
        for n in range(rng.randrange(1, 8))
    }
    tar = b""
    for name, data in files.items():
        extended = rng.random() < 0.3
        tar += pax({"path": name}) if extended else b""
        tar += tar_member("x" if extended else name, data)
        if rng.random() < 0.3:
            tar += tar_member(f"link/{name}", kind=b"2", link="nowhere")
    tar += END_OF_TAR
    format = rng.choice(["tar.gz", "tar.gz", "tar.zst", "tar.xz", "tar.bz2"])
    cuts = sorted(rng.randrange(len(tar) + 1) for _ in range(rng.randrange(6)))
    pieces = [tar[start:end] for start, end in zip([0, *cuts], [*cuts, len(tar)], strict=True)]
    flush = rng.choice(FLUSHES)
    data = b"".join(
        flushed(piece, flush) if format == "tar.gz" and flush else compress(piece, format)
        for piece in pieces
    )
    users = {frozenset(rng.choices(sorted(files), k=rng.randrange(1, 4))) for _ in range(4)}
    return Release(format, data, files, tuple(sorted(users, key=sorted)))


@needs_points
@SETTINGS
@given(st.integers(0, 1 << 30))
@example(71713321).via("a member that ends closely behind the start of another, and of a point")
def test_every_platform_gets_its_files_from_its_ranges_alone(seed: int) -> None:
    release = some_release(seed)
    ranges = release.ranges()
    assert ranges is not None
    section = format_section(ranges)
    assert parse_section(section, len(release.data)) == ranges
    for user in release.users:
        assert release.gives(user, section)


@pytest.mark.parametrize(
    ("format", "member"),
    [
        pytest.param("tar.gz", 1 << 30, marks=needs_points),
        ("tar.gz", 65_280),
        ("tar.zst", 100_000),
        ("tar.xz", 100_000),
        ("tar.bz2", 100_000),
    ],
)
def test_a_platform_costs_little_more_than_its_share(format: str, member: int) -> None:
    release = five_platforms(format, member)
    ranges = release.ranges()
    assert ranges is not None
    for user in release.users:
        segments = segments_for(ranges, user, len(release.data))
        cost = sum(end - start for start, end in (one.part for one in segments))
        # A point is at most so far from where a member begins or ends.
        assert cost < len(release.data) / 5 + 4 * 100_000


def test_a_block_within_an_xz_stream_is_entered() -> None:
    release = five_platforms("tar.xz", 1 << 30)
    data = in_blocks(lzma.decompress(release.data), 100_000)
    release = replace(release, data=data + compress(b"", "tar.xz"))
    ranges = release.ranges()
    assert ranges is not None
    for user in release.users:
        segments = segments_for(ranges, user, len(release.data))
        cost = sum(end - start for start, end in (one.part for one in segments))
        assert cost < len(release.data) / 5 + 4 * 100_000
        assert release.gives(user, format_section(ranges))


def test_one_stream_cannot_be_entered_without_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_points, "can_enter_deflate", lambda: False)
    monkeypatch.setattr(archive_ranges, "MAX_SHARE_IN_PARTS", 0.5)
    last = replace(five_platforms(), users=(frozenset(["lib/4/libvec.a"]),))
    assert last.ranges() is None


def test_about_all_of_an_archive_is_not_worth_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_ranges, "MAX_SHARE_IN_PARTS", 0.5)
    release = five_platforms("tar.zst", 100_000)
    assert replace(release, users=(frozenset(release.files),)).ranges() is None
    assert release.ranges() is not None


def test_from_a_window_decoding_goes_no_farther_than_the_next_stream() -> None:
    """A shifted stream does not tell where its last byte ends, so its trailer cannot be passed over."""
    window = bytes(32)
    candidates = [
        EntryPoint(0, 0, window=b""),
        EntryPoint(100, 1000, 3, window),
        EntryPoint(200, 2000, 3, window),
        EntryPoint(300, 3000, window=b""),
        EntryPoint(400, 4000, window=b""),
        EntryPoint(500, 5000, 1, window),
    ]
    points = needed_points([[(1100, 4500)]], candidates)
    assert points == (candidates[1], candidates[3], EntryPoint(500, 5000))
    ranges = ArchiveRanges((MemberRun("a", 1100, 4500),), points)
    segments = segments_for(ranges, ["a"], 600)
    assert [segment.part for segment in segments] == [(99, 300), (300, 500)]
    assert [segment.pieces for segment in segments] == [((1100, 3000),), ((3000, 4500),)]


DAMAGES = st.sampled_from(["cut", "byte", "number", "window"])


def damaged(section: bytes, damage: str, rng: random.Random) -> bytes:
    """A section with something else in one place."""
    place = rng.randrange(len(section))
    head, _, windows = section.partition(b"\n")
    if damage == "cut":
        return section[:place]
    if damage == "byte":
        return section[:place] + rng.randbytes(1) + section[place + 1 :]
    document = json.loads(head)
    if damage == "number":
        row = rng.choice(document[rng.choice(["points", "runs"])] or [[1, 2]])
        row[-1 - rng.randrange(2)] = rng.choice([-1, 0, 512, 1 << 40, row[-1] + 512])
    else:
        windows = rng.randbytes(len(windows))
    return json.dumps(document).encode() + b"\n" + windows


@needs_points
@SETTINGS
@given(DAMAGES, st.integers(0, 1 << 30), st.sampled_from(["tar.gz", "tar.zst"]))
def test_a_damaged_section_gives_the_right_files_or_is_refused(
    damage: str, seed: int, format: str
) -> None:
    release = FIVE[format]
    section = damaged(SECTIONS[format], damage, random.Random(seed))
    user = release.users[seed % 5]
    archive = release.locked(user, "hash")
    try:
        if not segments_of(archive, {"hash": section}):
            return
    except ValueError:
        return
    try:
        found = release.gives(user, section)
    except IntegrityError:
        return
    assert found


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_whatever_json_a_section_holds_it_is_refused_and_not_obeyed(value: object) -> None:
    for document in (value, {"points": value, "runs": value}, {"points": [], "runs": value}):
        with pytest.raises(ValueError, match=r"\w"):
            parse_section(json.dumps(document).encode() + b"\n", 1000)


@pytest.mark.parametrize(
    ("points", "runs"),
    [
        ([], []),
        ([[0, 0, 0, 0]], [["a", 0, 512]]),
        ([[1001, 512, 0, 0]], [["a", 0, 512]]),
        ([[2, 512, 0, 0], [1, 1024, 0, 0]], [["a", 0, 512]]),
        ([[1, 512, 8, 0]], [["a", 0, 512]]),
        ([[1, 512, 3, 0]], [["a", 0, 512]]),
        ([[1, 512, 0, 7]], [["a", 0, 512]]),
        ([[1, 512, 0, -2]], [["a", 0, 512]]),
        ([[True, 512, 0, 0]], [["a", 0, 512]]),
        ([], [["a", 0, 0]]),
        ([], [["a", 1, 512]]),
        ([], [["a", 512, 1024], ["b", 0, 512]]),
        ([], [["a", -512, 1024]]),
        ([], [["a", 512]]),
    ],
)
def test_a_section_that_nobody_could_have_written_is_refused(
    points: list[object], runs: list[object]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_section(json.dumps({"points": points, "runs": runs}).encode() + b"\n", 1000)


def test_a_file_gives_back_its_sections_and_its_bytes_do_not_depend_on_their_order(
    tmp_path: Path,
) -> None:
    sections = {hashlib.sha256(data).hexdigest(): data for data in (b"one", b"", b"three")}
    path = tmp_path / "prebuilt.lock.ranges"
    path.write_bytes(format_sections(sections))
    assert read_sections(path) == sections
    assert format_sections(dict(reversed(list(sections.items())))) == path.read_bytes()
    assert b"\0" in path.read_bytes()[:8]  # for Git it is binary


@pytest.mark.parametrize("data", [b"", b"{}", b"\0cgo-prebuilt ranges 2\n", bytes(100)])
def test_another_file_has_no_sections(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert read_sections(tmp_path / "x") == {}
    assert read_sections(tmp_path / "absent") == {}


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_a_section_of_a_damaged_file_has_the_hash_that_it_is_found_by(tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(format_sections({"0": b"section"}) + tail)
        for sha256, section in read_sections(path).items():
            assert hashlib.sha256(section).hexdigest() == sha256


def test_a_newer_index_of_points_is_ignored() -> None:
    index = entry_points._HEADER.pack(b"GZIDX", 2, 0, 1, 1, 1, 1, 0)
    assert entry_points._read_points(io.BytesIO(index)) == []


def built() -> Iterator[tuple[str, Release, bytes]]:
    for format, member in (("tar.gz", 1 << 30), ("tar.zst", 100_000)):
        release = five_platforms(format, member)
        ranges = release.ranges()
        assert ranges is not None
        yield format, release, format_section(ranges)


@pytest.fixture(scope="module", autouse=True)
def sections() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive_ranges, "MAX_SHARE_IN_PARTS", 2)
        patch.setattr(entry_points, "_SPACING", 40_000)
        for format, release, section in built():
            FIVE[format], SECTIONS[format] = release, section


FIVE: dict[str, Release] = {}
SECTIONS: dict[str, bytes] = {}
