"""Whose fault it is where a consumer and the hash disagree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.partial import PositionedFile
from cgo_prebuilt.network.serving import serve
from cgo_prebuilt.network.spool import BrokenStream, Spool

BODY = b"library" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
RIGHT = Download("lib", (), SHA256, len(BODY))
Serve = Callable[[Download, Callable[[ByteStream], None]], tuple[str, int]]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[PositionedFile]:
    path = tmp_path / "file"
    path.write_bytes(BODY)
    with closing(PositionedFile(os.open(path, os.O_RDWR), path)) as opened:
        yield opened


@pytest.fixture
def complete(file: PositionedFile) -> Serve:
    """Serves all of the body."""
    spool = Spool(file, Intervals([(0, len(BODY))]))
    spool.finish(len(BODY))
    return lambda wanted, consume: serve(wanted, spool, file, consume)


def nothing(stream: ByteStream) -> None:
    """A consumer that is content."""


def refuse(stream: ByteStream) -> None:
    raise IntegrityError("packed wrongly", where="a file", remedy="try again")


def test_right_bytes_give_hash_and_size(complete: Serve) -> None:
    assert complete(RIGHT, nothing) == (SHA256, len(BODY))
    assert complete(Download("lib", (), None, None), nothing) == (SHA256, len(BODY))


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Download("lib", (), SHA256, 3), "size 7000, expected 3"),
        (Download("lib", (), "0" * 64, len(BODY)), f"sha256 {SHA256}, expected {'0' * 64}"),
    ],
)
@pytest.mark.parametrize("consume", [nothing, refuse])
def test_wrong_bytes_are_the_mirrors_fault_whatever_the_consumer_says(
    complete: Serve, consume: Callable[[ByteStream], None], wanted: Download, reason: str
) -> None:
    with pytest.raises(Failure) as caught:
        complete(wanted, consume)
    assert (caught.value.kind, caught.value.reason) == (Kind.MISMATCH, reason)


def test_whole_is_given_only_where_the_bytes_are_right(complete: Serve) -> None:
    seen = []
    complete(RIGHT, lambda stream: seen.append(stream.whole().read()))
    assert seen == [BODY]
    with pytest.raises(Failure, match="sha256"):
        complete(
            Download("lib", (), "0" * 64, None), lambda stream: seen.append(stream.whole().read())
        )
    assert seen == [BODY]


def test_a_refusal_of_right_bytes_is_the_publishers_fault(complete: Serve) -> None:
    with pytest.raises(IntegrityError, match="packed wrongly"):
        complete(RIGHT, refuse)


def test_an_error_of_the_consumer_on_a_sound_stream_is_its_own(complete: Serve) -> None:
    def fail(stream: ByteStream) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        complete(RIGHT, fail)


@pytest.mark.parametrize(
    "error", [None, ValueError("cut"), IntegrityError("cut", where="a file", remedy="try again")]
)
def test_a_stream_that_broke_is_broken_whatever_the_consumer_makes_of_it(
    file: PositionedFile, error: Exception | None
) -> None:
    spool = Spool(file, Intervals([(0, 100)]))

    def consume(stream: ByteStream) -> None:
        assert stream.read(100) == BODY[:100]
        spool.fail(Failure(Kind.RESET, "gone"))
        if error is not None:
            raise error

    # An error of integrity has to be looked into, so there the reader of all bytes hears of it first.
    words = (
        "the download stopped: gone" if isinstance(error, IntegrityError) else "download stopped\n"
    )
    with pytest.raises(BrokenStream, match=words):
        serve(RIGHT, spool, file, consume)
