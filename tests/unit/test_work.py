"""The work that an archive may cause: it is bounded by its bytes, and so is the memory that it takes."""

from __future__ import annotations

import gzip
import lzma
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from cgo_prebuilt.archives import tar_reader, work
from cgo_prebuilt.archives.decode import codec_of, decode
from cgo_prebuilt.archives.work import (
    ALLOWANCE,
    BYTES_PER_HEADER,
    BYTES_PER_STREAM,
    EMPTY_BYTES_MAX,
    HEADERS,
    HEADERS_MAX,
    RATIO,
    RECORDS_PER_HEADER,
    STREAMS,
    Work,
)
from cgo_prebuilt.errors import IntegrityError
from tests.unit.archive_builders import (
    END_OF_TAR,
    TAR_FORMATS,
    MemoryStream,
    ZipEntry,
    compress,
    end_record,
    pax,
    pax_record,
    tar_member,
    zip_archive,
    zstd,
)

LIBRARY = tar_member("lib/x.a", b"library")


# The counters, by themselves.


def often(times: int, act: Callable[[], None]) -> int:
    """How often something is done before it is too much."""
    for done in range(times):
        try:
            act()
        except IntegrityError:
            return done
    return times


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_as_many_streams_as_the_size_explains(size: int) -> None:
    allowed = STREAMS + size // BYTES_PER_STREAM
    assert often(2 * allowed, Work("lib", promised=size).stream) == allowed


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_as_many_headers_as_the_size_explains(size: int) -> None:
    allowed = HEADERS + size // BYTES_PER_HEADER
    assert often(2 * allowed, Work("lib", promised=size).header) == allowed


def test_no_size_explains_endlessly_many_headers() -> None:
    counted = Work("lib", promised=1 << 40)
    allowed = HEADERS_MAX // 1000
    assert often(2 * allowed, lambda: counted.header(999 * RECORDS_PER_HEADER)) == allowed


def test_what_has_arrived_explains_as_much_as_what_is_promised() -> None:
    counted = Work("lib")
    counted.received(EMPTY_BYTES_MAX)
    allowed = STREAMS + EMPTY_BYTES_MAX // BYTES_PER_STREAM
    assert often(2 * allowed, counted.stream) == allowed


def test_bytes_that_decode_to_nothing_have_an_end() -> None:
    counted = Work("lib")
    counted.received(EMPTY_BYTES_MAX)
    counted.decoded(500)
    counted.received(1000)
    with pytest.raises(IntegrityError) as caught:
        counted.received(1)
    assert caught.value.what == (
        f"{EMPTY_BYTES_MAX + 1001} bytes decode to only 500: no compressor writes data as empty as that"
    )
    assert caught.value.where == "lib"
    assert caught.value.remedy == (
        "do not use this archive; if it comes from its publisher, it has to be packed again"
    )


def test_a_bomb_is_what_neither_its_size_nor_the_lock_explains() -> None:
    counted = Work("lib", expected=1000)
    counted.received(10)
    counted.decoded(ALLOWANCE + 10 * RATIO + 1000)
    with pytest.raises(IntegrityError, match="this is a decompression bomb"):
        counted.decoded(1)


# The readers, which count.


@pytest.mark.parametrize(
    ("stream", "format"),
    [
        pytest.param(gzip.compress(b""), "tar.gz", id="empty gzip members"),
        pytest.param(lzma.compress(b""), "tar.xz", id="empty xz streams"),
        pytest.param(zstd.compress(b""), "tar.zst", id="empty zstd frames"),
        pytest.param(b"\x5a\x2a\x4d\x18" + bytes(4), "tar.zst", id="empty skippable frames"),
        pytest.param(gzip.compress(b"a"), "tar.gz", id="gzip members of a byte"),
        pytest.param(zstd.compress(b"a" * 99), "tar.zst", id="zstd frames of a few bytes"),
    ],
)
def test_no_more_streams_are_opened_than_are_allowed(
    stream: bytes, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With threads, a few more are open at that moment: test_frames_ahead.
    monkeypatch.setattr("cgo_prebuilt.archives.decode.decoding_threads", lambda: 1)
    monkeypatch.setattr(work, "STREAMS", 50)
    opened = 0
    codec = codec_of(format)

    def counting() -> object:
        nonlocal opened
        opened += 1
        return codec.open()

    allowed = 50 + 200 * len(stream) // BYTES_PER_STREAM
    counted = type(codec)(codec.name, codec.magics, codec.padding, counting, codec.errors)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError) as caught:
        for _ in decode(MemoryStream(stream * 200).read, counted, Work("lib")):
            pass
    assert opened == allowed
    assert caught.value.what == (
        f"it is made of more than {allowed} compressed streams, too many for its size"
    )


def test_no_more_headers_are_read_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "HEADERS", 50)
    members = tar_reader.read_tar(iter([tar_member("m") * 100]), Work("lib", promised=640))
    assert len(list(islice(members, 60))) == 60
    with pytest.raises(IntegrityError) as caught:
        next(members)
    assert caught.value.what == "it has more than 60 headers, too many for its size"


def test_the_records_of_extended_headers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "HEADERS", 50)
    # A header, an extended one, and as many records as count for another.
    records = {f"k{number}": "v" for number in range(RECORDS_PER_HEADER)}
    tar = (pax(records) + tar_member("m")) * 100
    members = tar_reader.read_tar(iter([tar]), Work("lib"))
    assert len(list(islice(members, 50 // 4))) == 50 // 4
    with pytest.raises(IntegrityError, match="it has more than 50 headers"):
        next(members)


def test_a_global_header_is_forgotten_at_once() -> None:
    """`tarfile` keeps each, and copies all of them for every member."""
    members = b"".join(
        pax({f"key{number}": "v" * 900_000}, kind=b"g") + tar_member(f"m{number}")
        for number in range(8)
    )
    names = [member.name for member in tar_reader.read_tar(iter([members]), Work("lib"))]
    assert names == [f"m{number}" for number in range(8)]


# Memory, as it is promised.

_PROMISED = 150 << 20
_MEASURE = """\
import sys
from pathlib import Path
sys.path.insert(0, "tools")
from cgo_prebuilt.archives.bytestream import FileStream
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
path, format, target, expected = sys.argv[1:]
file = LockedFile("lib/x.a", "0" * 64, int(expected))
archive = LockedArchive("lib", (), "0" * 64, Path(path).stat().st_size, format, "", (file,))
try:
    extract(archive, FileStream(Path(path)), Path(target))
except IntegrityError as error:
    print(error.what[:300], file=sys.stderr)
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak.split()[1]) * 1024)
"""


def globals_without_end() -> bytes:
    noise = random.Random(1)
    return b"".join(
        pax(pax_record(f"k{number}", noise.randbytes(500_000).hex()), kind=b"g")
        + tar_member(f"m{number}")
        for number in range(30)
    )


def long_names() -> bytes:
    return b"".join(
        tar_member("L", b"%d" % number + b"n" * 1_000_000, kind=b"L") + tar_member("m")
        for number in range(100)
    )


def many_entries() -> bytes:
    """A zip whose directory has as many entries as fit."""
    entries = 90_000
    body = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 0, 0) * entries
    directory = b"".join(
        struct.pack("<4s6H3L2H", b"PK\1\2", 0x314, 20, 0, 0, 0, 33, 0, 0, 0, 0, 0)
        + struct.pack("<3H2L", 0, 0, 0, 0, 30 * number)
        for number in range(entries)
    )
    end = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(directory), len(body)
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(directory), 1)
    return body + directory + end + locator + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def large_window(format: str) -> bytes:
    """The largest window that is accepted, all of it used."""
    zeros = bytes(70 << 20)
    if format == "tar.xz":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 64 << 20}]
        return lzma.compress(zeros, filters=filters)
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 26})
    data: bytes = compressor.compress(zeros) + compressor.flush()
    return data


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "global headers of a megabyte": ("tar.gz", lambda: compress(globals_without_end(), "tar.gz")),
    "names of a megabyte": ("tar.gz", lambda: compress(long_names(), "tar.gz")),
    "200,000 empty members": ("tar.gz", lambda: compress(tar_member("m") * 200_000, "tar.gz")),
    "empty zstd frames": ("tar.zst", lambda: zstd.compress(b"") * 1_000_000),
    "empty gzip members": ("tar.gz", lambda: gzip.compress(b"") * 300_000),
    "empty xz streams": ("tar.xz", lambda: lzma.compress(b"") * 200_000),
    "padding behind an xz stream": ("tar.xz", lambda: lzma.compress(b"") + bytes(8 << 20)),
    "padding behind a gzip member": ("tar.gz", lambda: gzip.compress(b"") + bytes(8 << 20)),
    "empty stored blocks": (
        "tar.gz",
        lambda: gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 1_600_000,
    ),
    "a file name without an end in a gzip header": (
        "tar.gz",
        lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (8 << 20),
    ),
    "a large window, xz": ("tar.xz", lambda: large_window("tar.xz")),
    "a large window, zstd": ("tar.zst", lambda: large_window("tar.zst")),
    "a zip of 90,000 entries": ("zip", many_entries),
    "zip comments": (
        "zip",
        lambda: zip_archive(*(ZipEntry(f"{n}", b"") for n in range(60)), comment=b"c" * 65535),
    ),
    "a zip entry of empty blocks": (
        "zip",
        lambda: zip_archive(ZipEntry("lib/x.a", b"library", raw=b"\0\0\0\xff\xff" * 1_600_000)),
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("kind", HOSTILE)
def test_memory_stays_as_promised(kind: str, tmp_path: Path) -> None:
    format, build = HOSTILE[kind]
    path = tmp_path / "archive"
    path.write_bytes(build())
    (tmp_path / "output").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, path, format, tmp_path / "output", "7"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr, "the archive was to be refused"
    assert int(done.stdout) < _PROMISED, done.stdout


def test_small_files_are_far_from_every_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of headers, each with times and an owner in an extended header of its own."""
    monkeypatch.setattr(work, "HEADERS", 0)
    noise = random.Random(1)
    tar = b"".join(
        pax({"mtime": f"{noise.random()}", "uname": "root", "LIBARCHIVE.creationtime": "1"})
        + tar_member(f"include/h{number}.h", noise.randbytes(60).hex().encode())
        for number in range(2000)
    )
    for format in TAR_FORMATS:
        data = compress(tar + LIBRARY + END_OF_TAR, format)
        counted = Work("lib", promised=4 * len(data))
        pieces = decode(MemoryStream(data).read, codec_of(format), counted)
        assert sum(1 for _ in tar_reader.read_tar(pieces, counted)) == 2001
