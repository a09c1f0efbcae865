"""Frames decoded by threads: the same bytes or the same refusal as in order, whatever the file is."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.archives import decode, frames_ahead, work
from cgo_prebuilt.archives.decode import codec_of
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError
from tests.unit.archive_builders import MemoryStream
from tests.unit.test_zstd import FRAMES, compressed, noise, skippable

SMALL = 100_000
"""What a small frame is here, so that large ones are quickly made."""

READ = 5000


def outcome(data: bytes, threads: int, most: int = 1 << 20) -> tuple[bytes, str]:
    """What comes out of a file, and the error that ends it, without its numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "decoding_threads", lambda: threads)
        patch.setattr(decode, "SMALL", SMALL)
        patch.setattr(decode, "READ_SIZE", READ)
        patch.setattr(frames_ahead, "SMALL", SMALL)
        patch.setattr(frames_ahead, "_SMALL_ENCODED", SMALL)
        found = b""
        try:
            for piece in decode.decode(
                MemoryStream(data, most).read, codec_of("tar.zst"), Work("lib")
            ):
                found += piece
        except IntegrityError as error:
            return found, re.sub(r"\d+", "N", error.what)
        return found, ""


@pytest.fixture(autouse=True)
def no_thread_stays() -> Any:
    before = set(threading.enumerate())  # an earlier test's error may keep some alive
    yield
    more = set(threading.enumerate()) - before
    assert not [one.name for one in more if one.name.startswith("decode")]


@settings(max_examples=150, deadline=None)
@given(FRAMES, st.sampled_from([b"", b"<html>", b"\0\0\0\0"]), st.integers(1, 20_000))
def test_the_bytes_are_those_of_decoding_in_order(
    frames: list[tuple[bytes, int | None]], behind: bytes, most: int
) -> None:
    data = b"".join(encoded for encoded, _ in frames) + behind
    assert outcome(data, 3, most) == outcome(data, 1)


@settings(max_examples=150, deadline=None)
@given(FRAMES.filter(bool), st.data())
def test_damage_ends_as_it_does_in_order(frames: list[tuple[bytes, int | None]], draw: Any) -> None:
    data = bytearray(b"".join(encoded for encoded, _ in frames))
    place = draw.draw(st.integers(0, len(data) - 1))
    if draw.draw(st.booleans()):
        del data[place:]
    else:
        data[place] ^= draw.draw(st.integers(1, 255))
    assert outcome(bytes(data), 3) == outcome(bytes(data), 1)


def lying(content: bytes, size: int) -> bytes:
    """A frame that says that it decodes to another number of bytes (RFC 8878, section 3.1.1.1.4)."""
    frame = bytearray(compressed(content, checksum=False, sized=True))
    assert frame[4] & 0xC0 == 0x80, "a size of four bytes"
    at = 5 if frame[4] & 0x20 else 6
    frame[at : at + 4] = size.to_bytes(4, "little")
    return bytes(frame)


GOOD = compressed(noise(50_000), checksum=True, sized=True)
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a size that is too small": lambda: lying(noise(90_000), 70_000),
    "a size that is too large": lambda: lying(noise(70_000), 90_000),
    "a small size of a bomb": lambda: lying(bytes(64 << 20), 70_000),
    "a large size of little": lambda: lying(noise(70_000), 0xFFFFFFFF),
    "a bomb that says no size": lambda: compressed(bytes(64 << 20), checksum=False, sized=False),
    "a window that is too large": lambda: b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00",
    "a dictionary": lambda: b"\x28\xb5\x2f\xfd\x23\x01\x00\x00\x00\x00\x01\x00\x00",
    "a skippable frame that is larger than the file": lambda: b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("before", [0, 1, 9])
def test_a_hostile_frame_ends_as_it_does_in_order(
    kind: str, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ALLOWANCE", 8 << 20)
    data = GOOD * before + HOSTILE[kind]() + GOOD * 3
    found = outcome(data, 3)
    assert found == outcome(data, 1)
    assert found[1]


def test_what_is_empty_is_refused_by_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "EMPTY_BYTES_MAX", 200_000)
    data = GOOD + skippable(bytes(80_000)) * 9 + GOOD
    text, error = outcome(data, 3)
    assert text == noise(50_000)
    assert error == outcome(data, 1)[1]
    assert "no compressor writes data as empty as that" in error


def test_too_many_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "STREAMS", 50)
    data = compressed(b"x", checksum=False, sized=True) * 60
    assert outcome(data, 3) == outcome(data, 1)
    assert "more than" in outcome(data, 3)[1]


def test_frames_of_every_kind_in_turn() -> None:
    large = compressed(noise(3 * SMALL), checksum=True, sized=True)
    unsized = compressed(noise(3 * SMALL), checksum=True, sized=False)
    data = (GOOD + large + skippable(bytes(2 * SMALL)) + unsized + GOOD * 5) * 2
    expected = noise(50_000) + noise(3 * SMALL) * 2 + noise(50_000) * 5
    assert outcome(data, 3) == (expected * 2, "")


def test_a_reader_that_stops_ends_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "decoding_threads", lambda: 3)
    pieces = decode.decode(MemoryStream(GOOD * 20).read, codec_of("tar.zst"), Work("lib"))
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]


def test_an_error_of_the_download_ends_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "decoding_threads", lambda: 3)
    stream = MemoryStream(GOOD * 20, 1000)

    class Broken(CgoPrebuiltError):
        kind, exit_code = "unavailable", 3

    def read(size: int) -> bytes:
        if piece := stream.read(size):
            return piece
        raise Broken("gone", where="x", remedy="y")

    with pytest.raises(Broken):
        list(decode.decode(read, codec_of("tar.zst"), Work("lib")))


def test_an_interrupt_ends_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "decoding_threads", lambda: 3)
    pieces = decode.decode(MemoryStream(GOOD * 20).read, codec_of("tar.zst"), Work("lib"))
    next(pieces)
    with pytest.raises(KeyboardInterrupt):
        pieces.throw(KeyboardInterrupt)  # type: ignore[attr-defined]


def test_without_threads_it_decodes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert outcome(GOOD * 5, 3) == (noise(50_000) * 5, "")


def test_one_core_decodes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert frames_ahead.decoding_threads() == 1


def test_the_module_without_affinity_counts_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert frames_ahead.decoding_threads() == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert frames_ahead.decoding_threads() == 1
