"""A file that fills while it is read: waiting, ends, errors, and the hash beside it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.partial import PositionedFile
from cgo_prebuilt.network.spool import BrokenStream, Digest, Spool, SpoolStream

BODY = bytes(range(250))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[PositionedFile]:
    path = tmp_path / "file"
    path.write_bytes(BODY)
    with closing(PositionedFile(os.open(path, os.O_RDWR), path)) as opened:
        yield opened


@pytest.fixture
def spool(file: PositionedFile) -> Spool:
    return Spool(file, Intervals())


def put(spool: Spool, start: int, end: int) -> None:
    spool.write(start, memoryview(BODY[start:end]))


def test_readers_follow_what_is_there_without_a_hole(spool: Spool) -> None:
    put(spool, 100, 200)
    assert (spool.held(), spool.parts()) == (100, [(100, 200)])
    assert spool.read(150, 1000) == BODY[150:200], "whatever is missing before it"
    put(spool, 0, 50)
    assert spool.held() == 150
    assert spool.read(0, 10) == BODY[:10]
    assert spool.read(40, 1000) == BODY[40:50]
    put(spool, 50, 100)
    assert spool.read(40, 1000) == BODY[40:200]


def test_what_was_there_before_is_read_at_once(file: PositionedFile) -> None:
    assert Spool(file, Intervals([(0, 7), (9, 20)])).read(0, 100) == BODY[:7]


def test_the_end_wakes_waiting_readers(spool: Spool) -> None:
    put(spool, 0, 100)
    threading.Timer(0.05, spool.finish, [100]).start()
    assert spool.read(100, 1) == b""
    assert spool.read(100, 1) == b""


@pytest.mark.timeout(20)
def test_new_bytes_wake_waiting_readers(spool: Spool) -> None:
    threading.Timer(0.05, put, [spool, 0, 3]).start()
    assert spool.read(0, 10) == BODY[:3]


def test_the_first_error_ends_every_wait_and_stays(spool: Spool) -> None:
    put(spool, 0, 10)
    threading.Timer(0.05, spool.fail, [ValueError("the first")]).start()
    with pytest.raises(BrokenStream, match="the download stopped: the first"):
        spool.read(10, 1)
    spool.fail(ValueError("the second"))
    assert str(spool.error) == "the first"
    with pytest.raises(BrokenStream, match="the download stopped: the first"):
        spool.read(0, 1)


def test_a_file_that_another_process_cut_is_noticed(spool: Spool, file: PositionedFile) -> None:
    put(spool, 0, 10)
    file.truncate(5)
    assert spool.read(0, 10) == BODY[:5]
    with pytest.raises(BrokenStream, match=r"^another process truncated the partial file\n"):
        spool.read(5, 5)


def test_a_write_error_is_a_local_failure(
    spool: Spool, file: PositionedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(offset: int, data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "write_at", refuse)
    with pytest.raises(Failure) as caught:
        put(spool, 0, 1)
    assert caught.value.kind is Kind.LOCAL
    assert str(caught.value) == f"cannot write {file.path}: No space left on device"
    assert spool.held() == 0


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [100, 1 << 18])
def test_the_hash_is_that_of_all_bytes(
    spool: Spool, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgo_prebuilt.network.spool._PIECE", piece)
    digest = Digest(spool)
    digest.start()
    put(spool, 0, 250)
    spool.finish(250)
    assert digest.result() == (hashlib.sha256(BODY).hexdigest(), 250)


def test_a_hash_that_waits_keeps_no_process_from_ending(spool: Spool) -> None:
    assert Digest(spool).daemon


def test_a_hash_of_a_failed_spool_raises_its_error(spool: Spool) -> None:
    digest = Digest(spool)
    digest.start()
    spool.fail(ValueError("gone"))
    with pytest.raises(BrokenStream, match="the download stopped: gone"):
        digest.result()


def test_a_hash_that_fails_ends_the_download(file: PositionedFile) -> None:
    broken = Spool(file, Intervals([(0, 10)]))
    file.close()
    digest = Digest(broken)
    digest.start()
    with pytest.raises(Failure, match="an unexpected ValueError") as caught:
        digest.result()
    assert str(caught.value.unexpected) == "the file is closed"
    assert broken.error is caught.value


@pytest.fixture
def stream(spool: Spool, file: PositionedFile) -> SpoolStream:
    put(spool, 0, 250)
    spool.finish(250)
    return SpoolStream(spool, file, lambda: 240)


def test_a_stream_is_read_in_order(stream: SpoolStream) -> None:
    pieces = iter(lambda: stream.read(100), b"")
    assert list(pieces) == [BODY[:100], BODY[100:200], BODY[200:]]


def test_the_whole_is_a_file_of_the_verified_size(
    stream: SpoolStream, file: PositionedFile
) -> None:
    with stream.whole() as whole:
        assert whole.seekable()
        assert whole.readable()
        assert whole.seek(-10, io.SEEK_END) == 230
        assert whole.read() == BODY[230:240]
        assert whole.read(1) == b""
        assert whole.seek(5) == 5
        assert whole.read(5) == BODY[5:10]
        assert whole.seek(-3, io.SEEK_CUR) == 7
        assert whole.read(1) == BODY[7:8]
        assert whole.seek(300) == 300
        assert whole.read(1) == b""
        with pytest.raises(OSError, match="before the start"):
            whole.seek(-241, io.SEEK_END)
        assert whole.seek(-240, io.SEEK_END) == 0
    assert file.size() == 250  # it is still open


def test_a_reader_looks_whether_to_wait_any_longer(
    file: PositionedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that should bring the bytes may hang, or be gone."""
    late = Failure(Kind.LIMIT_EXCEEDED, "late")

    def watch() -> None:
        raise late

    monkeypatch.setattr("cgo_prebuilt.network.spool._WAKE_SECONDS", 0.01)
    spool = Spool(file, Intervals([(0, 7)]), watch)
    assert spool.read(0, 100) == BODY[:7]
    with pytest.raises(BrokenStream, match="late"):
        spool.read(7, 100)
    assert spool.error is late
