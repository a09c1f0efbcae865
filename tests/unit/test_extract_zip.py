"""Zips that are malformed, ambiguous or encrypted, and those of real writers."""

from __future__ import annotations

import io
import itertools
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from cgo_prebuilt.archives import work, zip_reader
from cgo_prebuilt.errors import IntegrityError
from tests.unit.archive_builders import (
    MemoryStream,
    ZipEntry,
    end_record,
    locked_archive,
    zip_archive,
)
from tests.unit.extract_case import extract_bytes, extract_into, index_bytes, said

DATA = b"library" * 1000
GOOD = {"lib/x.a": DATA}
X = ZipEntry("lib/x.a", DATA)
Y = ZipEntry("lib/y.a", b"other" * 50)
LARGE = ZipEntry("large", bytes(100_000), method=0)
"""More than an end record can be from the end."""

FILES = {
    "include/x.h": b"int x(void);\n",
    "lib/libx.a": bytes(range(256)) * 9000,
    "lib/empty": b"",
    "include/größe.h": b"utf-8",
}


def extra(kind: int, content: bytes) -> bytes:
    """An extra field of a header (APPNOTE 4.5.1)."""
    return struct.pack("<2H", kind, len(content)) + content


def sizes(*values: int) -> bytes:
    """The extra field with the sizes that do not fit (APPNOTE 4.5.3)."""
    return extra(1, struct.pack(f"<{len(values)}Q", *values))


SMALL = len(X.encode())
TOO_LARGE = 0xFFFFFFFF
BOTH = {"size": TOO_LARGE, "compressed": TOO_LARGE}
TIMES = extra(0x5455, b"times")
LONG = extra(0xCAFE, bytes(0x8000))


@pytest.fixture(params=["isal", "zlib"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal.igzip_lib", None)
    else:
        pytest.importorskip("isal.igzip_lib")


class Unseekable(io.BytesIO):
    """Makes `zipfile` write data descriptors."""

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("seekable", [True, False], ids=["sizes first", "data descriptors"])
@pytest.mark.parametrize("zip64", [False, True], ids=["zip", "ZIP64"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips_of_the_standard_writer_are_extracted_and_indexed(
    method: int, zip64: bool, seekable: bool, tmp_path: Path
) -> None:
    out = io.BytesIO() if seekable else Unseekable()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=zip64) as file:
                file.write(content)
    data = out.getvalue()
    assert extract_bytes(tmp_path, data, "zip", FILES) == FILES
    assert {file.path: file.size for file in index_bytes(data, "zip")} == {
        path: len(content) for path, content in FILES.items()
    }


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zip_archive(X, Y), id="plain"),
        pytest.param(zip_archive(Y, X, comment=b"a comment"), id="a comment"),
        pytest.param(zip_archive(ZipEntry("lib/x.a", DATA, zip64=True), Y), id="ZIP64 sizes"),
        pytest.param(zip_archive(X, Y, end64={}), id="ZIP64 end record"),
        pytest.param(zip_archive(ZipEntry("lib/x.a", DATA, flags=8)), id="data descriptor"),
        pytest.param(
            zip_archive(
                ZipEntry(
                    "lib/x.a",
                    DATA,
                    method=0,
                    flags=8,
                    descriptor=struct.pack("<3L", 0x6DB6F3C1, 7000, 7000),
                    directory={"crc": 0x6DB6F3C1},
                )
            ),
            id="data descriptor without a signature",
        ),
        pytest.param(
            zip_archive(X, before=b"#!/bin/sh\n", shift=True), id="junk before that offsets count"
        ),
        pytest.param(zip_archive(X, comment=b"PK\5"), id="a comment that begins like an end"),
        pytest.param(
            zip_archive(X, LARGE, end64={}, comment=bytes(0xFFFF)),
            id="ZIP64 end record as far from the end as it can be",
        ),
        pytest.param(zip_archive(X, LARGE, end64={}), id="ZIP64 end record of a large zip"),
    ],
)
def test_zip_is_extracted(data: bytes, tmp_path: Path) -> None:
    assert extract_bytes(tmp_path, data, "zip", GOOD) == GOOD


@pytest.mark.parametrize(
    "header",
    [
        {"extra": TIMES},
        {**BOTH, "extra": TIMES + sizes(len(DATA), SMALL)},
        {**BOTH, "extra": LONG + sizes(len(DATA), SMALL)},
        {**BOTH, "extra": TIMES + LONG + sizes(len(DATA), SMALL)},
        {**BOTH, "extra": sizes(len(DATA), SMALL) + TIMES},
        {**BOTH, "extra": extra(1, struct.pack("<2Q", len(DATA), SMALL) + b"rest")},
        {"size": TOO_LARGE, "extra": sizes(len(DATA))},
        {"compressed": TOO_LARGE, "extra": sizes(SMALL)},
        {"extra": TIMES + b"end"},
    ],
    ids=[
        "none",
        "behind another field",
        "behind a long field",
        "behind two other fields",
        "before another field",
        "with something behind them",
        "the size only",
        "the compressed size only",
        "none, and a field that is cut off",
    ],
)
def test_zip64_sizes_are_found_among_extra_fields(
    header: dict[str, int | bytes], tmp_path: Path
) -> None:
    data = zip_archive(ZipEntry("lib/x.a", DATA, header=header), Y)
    assert extract_bytes(tmp_path, data, "zip", GOOD) == GOOD


@pytest.mark.parametrize(
    "fields", [TIMES, sizes(), sizes(len(DATA)), sizes(SMALL, len(DATA)), sizes(0, 0)]
)
def test_zip64_sizes_that_are_missing_or_others_are_refused(fields: bytes, tmp_path: Path) -> None:
    data = zip_archive(ZipEntry("lib/x.a", DATA, header={**BOTH, "extra": fields}))
    with pytest.raises(IntegrityError, match="the header and the directory disagree about the "):
        extract_bytes(tmp_path, data, "zip", GOOD)


def test_the_descriptor_of_a_file_over_4_gib_has_wide_sizes() -> None:
    info = zipfile.ZipInfo("x")
    info.CRC, info.compress_size, info.file_size = 1, 2, 5 << 30
    good = struct.pack("<L2Q", 1, 2, 5 << 30)
    zip_reader._check_descriptor(good, info, "x.zip")
    zip_reader._check_descriptor(b"PK\x07\x08" + good, info, "x.zip")
    with pytest.raises(IntegrityError, match="the data descriptor of 'x' is wrong"):
        zip_reader._check_descriptor(struct.pack("<L2Q", 1, 2, 6 << 30), info, "x.zip")


@pytest.mark.parametrize("length", [26, 28], ids=["name", "extra fields"])
def test_a_header_that_reaches_behind_the_end_is_truncated(length: int, tmp_path: Path) -> None:
    data = bytearray(zip_archive(X))
    data[length : length + 2] = b"\xff\xff"
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, bytes(data), "zip", GOOD)
    assert said(caught.value) == "the zip is truncated"


def test_a_header_that_begins_just_before_the_end_is_truncated(tmp_path: Path) -> None:
    data = zip_archive(X)
    late = zip_archive(ZipEntry("lib/x.a", DATA, directory={"offset": len(data) - 5}))
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, late, "zip", GOOD)
    assert said(caught.value) == "the zip is truncated"


OVER = {"compressed": SMALL + 5}
"""By so little that only a name or an extra field makes the difference."""


@pytest.mark.parametrize("fields", [b"", TIMES], ids=["without extra fields", "with extra fields"])
def test_a_member_that_reaches_into_what_follows_it_is_refused(
    fields: bytes, tmp_path: Path
) -> None:
    entry = ZipEntry("lib/x.a", DATA, header={**OVER, "extra": fields}, directory=OVER)
    for number, data in enumerate((zip_archive(entry), zip_archive(entry, Y))):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(IntegrityError) as caught:
            extract_bytes(tmp_path / str(number), data, "zip", GOOD)
        assert said(caught.value) == "the zip is malformed: 'lib/x.a' overlaps another entry"


def test_a_member_that_another_one_reaches_into_is_refused(tmp_path: Path) -> None:
    other = ZipEntry("lib/y.a", DATA, directory=OVER)
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, zip_archive(other, X), "zip", GOOD)
    assert said(caught.value) == "the zip is malformed: 'lib/x.a' overlaps another entry"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"name": b"lib/z.a"})),
            "the header and the directory disagree about the name of 'lib/x.a'",
            id="local header against central directory: name",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"method": 0})),
            "the header and the directory disagree about the compression method of 'lib/x.a'",
            id="local header against central directory: method",
        ),
        pytest.param(
            # Of what a descriptor tells later, the header may say 0; of nothing else.
            zip_archive(ZipEntry("lib/x.a", DATA, flags=8, header={"method": 0})),
            "the header and the directory disagree about the compression method of 'lib/x.a'",
            id="local header against central directory: method, before a descriptor",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"size": 6999})),
            "the header and the directory disagree about the size of 'lib/x.a'",
            id="local header against central directory: size",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"compressed": 3})),
            "the header and the directory disagree about the compressed size of 'lib/x.a'",
            id="local header against central directory: compressed size",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"crc": 1})),
            "the header and the directory disagree about the CRC of 'lib/x.a'",
            id="local header against central directory: CRC",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"flags": 1})),
            "the header and the directory disagree about the flags of 'lib/x.a'",
            id="local header against central directory: encrypted flag",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"size": 0, "compressed": 0})),
            "the header and the directory disagree about the compressed size of 'lib/x.a'",
            id="local header against central directory: sizes left out",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, directory={"offset": 1})),
            "'lib/x.a' is not where the directory says",
            id="no local header there",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, header={"size": 0xFFFFFFFF})),
            "the header and the directory disagree about the size of 'lib/x.a'",
            id="ZIP64 without its sizes",
        ),
        pytest.param(
            zip_archive(
                ZipEntry(
                    "lib/x.a",
                    DATA,
                    header={
                        "compressed": 0xFFFFFFFF,
                        "size": 0xFFFFFFFF,
                        "extra": struct.pack("<2H", 1, 16) + bytes(6),
                    },
                )
            ),
            "the header and the directory disagree about",
            id="ZIP64 sizes cut off",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, flags=8, descriptor=b"PK\x07\x08" + bytes(12))),
            "the data descriptor of 'lib/x.a' is wrong",
            id="data descriptor that is wrong",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, flags=8, descriptor=b"")),
            "the data descriptor of 'lib/x.a' is wrong",
            id="data descriptor that is missing",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, flags=1)),
            "'lib/x.a' is encrypted",
            id="encrypted entry",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, flags=0x41)),
            "'lib/x.a' is encrypted",
            id="strongly encrypted entry",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, method=14, raw=b"lzma")),
            "'lib/x.a' has compression method 14, which is not supported",
            id="unsupported method",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, method=99, raw=b"aes")),
            "'lib/x.a' has compression method 99, which is not supported",
            id="unknown method",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, method=0, raw=DATA + b"x")),
            "'lib/x.a' is stored, with two different sizes",
            id="stored with two sizes",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=ZipEntry("", DATA + b"x").encode())),
            "'lib/x.a' is longer than it says",
            id="longer than declared",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=ZipEntry("", bytes(64 << 20)).encode())),
            "'lib/x.a' is longer than it says",
            id="bomb that says it is small",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=ZipEntry("", DATA[:-1]).encode())),
            "'lib/x.a' is shorter than it says",
            id="shorter than declared",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=X.encode()[:-3])),
            "the data of 'lib/x.a' are truncated",
            id="truncated data",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=X.encode() + b"junk")),
            "something follows the data of 'lib/x.a'",
            id="junk behind the data",
        ),
        pytest.param(
            zip_archive(ZipEntry("lib/x.a", DATA, raw=b"\xff" * 50)),
            "the data of 'lib/x.a': ",
            id="no deflate data",
        ),
        pytest.param(
            zip_archive(X, ZipEntry("lib/x2.a", DATA, directory={"offset": 0})),
            "'lib/x.a' overlaps another entry",
            id="overlapping entries: the same data twice",
        ),
        pytest.param(
            zip_archive(X, ZipEntry("lib/z.a", b"zz", directory={"offset": 20})),
            "'lib/x.a' overlaps another entry",
            id="overlapping entries: one in the header of another",
        ),
        pytest.param(
            zip_archive(
                ZipEntry("a", b"a", directory={"compressed": 50}), ZipEntry("lib/x.a", DATA)
            ),
            "'lib/x.a' overlaps another entry",
            id="overlapping entries: one reaches into the next",
        ),
        pytest.param(
            zip_archive(
                ZipEntry("lib/x.a", DATA, directory={"compressed": 90}, header={"compressed": 90})
            ),
            "'lib/x.a' overlaps another entry",
            id="overlapping the directory",
        ),
        pytest.param(zip_archive(X, before=b"junk"), "something precedes it", id="junk before"),
        pytest.param(zip_archive(X, after=b"junk"), "something follows it", id="junk after"),
        pytest.param(
            zip_archive(X, after=b"\0" * 70000), "it has no end record", id="much junk after"
        ),
        pytest.param(
            zip_archive(X, comment=end_record(0, 0, 0)),
            "it has two end records",
            id="two end records, one in the other's comment",
        ),
        pytest.param(
            zip_archive(ZipEntry("end", b"PK\5\6", method=0), X, comment=end_record(0, 0, 0)),
            "it has two end records",
            id="two end records, and what looks like another before them",
        ),
        pytest.param(
            zip_archive(X, comment=end_record(0, 0, 0) + b"x"),
            "it has two end records",
            id="two end records, one of them not at the end",
        ),
        pytest.param(
            zip_archive(X) + zip_archive(Y),
            "something precedes it",
            id="two zips, one behind the other",
        ),
        pytest.param(
            zip_archive(X, end={"size": 0}),
            "something precedes it, or its directory is not at its end",
            id="cd_size = 0",
        ),
        pytest.param(
            zip_archive(X, end={"size": 0, "offset": len(zip_archive(X)) - 22}),
            "its end promises 1 entries and its directory has 0",
            id="cd_size = 0 and an offset that fits",
        ),
        pytest.param(
            zip_archive(X, Y, end={"count": 1}),
            "its end promises 1 entries and its directory has 2",
            id="wrong number of entries",
        ),
        pytest.param(
            zip_archive(X, end64={"size": 1}),
            "something precedes it, or its directory is not at its end",
            id="ZIP64 end record with a wrong size",
        ),
        pytest.param(
            zip_archive(X, Y, end64={"count": 3}, end={"count": 2}),
            "its two end records disagree",
            id="two end records that disagree: ZIP64",
        ),
        pytest.param(
            zip_archive(X, end64={})[:-34] + bytes(8) + zip_archive(X, end64={})[-26:],
            "its ZIP64 end record is not at the stated offset",
            id="ZIP64 end record elsewhere",
        ),
        pytest.param(
            zip_archive(X)[:-18] + b"\1\0" + zip_archive(X)[-16:],
            "it is one part of a split zip",
            id="a part of several zips",
        ),
        pytest.param(
            zip_archive(X)[:-16] + b"\1\0" + zip_archive(X)[-14:],
            "it is one part of a split zip",
            id="the last part, with all entries, of several zips",
        ),
        pytest.param(
            zip_archive(X).replace(b"PK\x01\x02", b"PK\x01\x03"),
            "Bad magic number for central directory",
            id="no central directory there",
        ),
        pytest.param(
            zip_archive(X)[:-1],
            "something follows it, or it is truncated",
            id="truncated in the end record",
        ),
        pytest.param(zip_archive(X)[:60], "it has no end record", id="truncated"),
        pytest.param(
            zip_archive(X, comment=b"comment")[:-1],
            "something follows it, or it is truncated",
            id="truncated in the comment",
        ),
    ],
)
def test_zip_is_refused(data: bytes, what: str, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "zip", GOOD)
    assert said(caught.value).startswith(f"the zip is malformed: {what}")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(ZipEntry("y", b"y", flags=1), id="encrypted"),
        pytest.param(ZipEntry("y", b"y", method=99, raw=b"y"), id="unknown method"),
        pytest.param(ZipEntry("y", b"y", header={"name": b"z"}), id="disagreeing header"),
        pytest.param(ZipEntry("y", b"y", raw=b"\xff\xff"), id="no deflate data"),
    ],
)
def test_a_bad_entry_that_is_not_locked_is_skipped(entry: ZipEntry, tmp_path: Path) -> None:
    assert extract_bytes(tmp_path, zip_archive(entry, X, entry), "zip", GOOD) == GOOD


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (ZipEntry("lib/x.a", DATA[::-1]), "'lib/x.a' has the SHA-256 "),
        (ZipEntry("lib/x.a", DATA + b"x"), "'lib/x.a' has 7001 bytes, the lock says 7000"),
        (ZipEntry("lib/y.a", DATA), "the archive lacks 'lib/x.a'"),
    ],
)
def test_zip_that_is_not_what_the_lock_says_is_refused(
    entry: ZipEntry, what: str, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, zip_archive(entry), "zip", GOOD)
    assert said(caught.value).startswith(what)


def test_zip_with_a_wrong_crc_is_not_locked() -> None:
    wrong = {"crc": 1}
    with pytest.raises(IntegrityError) as caught:
        index_bytes(zip_archive(ZipEntry("x", b"x", header=wrong, directory=wrong)), "zip")
    assert said(caught.value) == "'x' does not have the CRC that the archive states"


def test_zip_bomb_is_not_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "ALLOWANCE", 1 << 20)
    with pytest.raises(IntegrityError) as caught:
        index_bytes(zip_archive(ZipEntry("x", bytes(16 << 20))), "zip")
    assert said(caught.value).endswith("this is a decompression bomb")


def test_zip_with_a_huge_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zip_archive(X, Y)
    size = len(data) - data.index(b"PK\1\2") - 22  # what an end record takes
    monkeypatch.setattr(zip_reader, "_DIRECTORY_MAX", size - 1)
    with pytest.raises(IntegrityError) as caught:
        index_bytes(data, "zip")
    assert said(caught.value).endswith(f"its directory has more than {size - 1} bytes")
    monkeypatch.setattr(zip_reader, "_DIRECTORY_MAX", size)
    assert extract_bytes(tmp_path, data, "zip", GOOD) == GOOD


def test_zip_without_entries_lacks_the_file(tmp_path: Path) -> None:
    assert index_bytes(zip_archive(), "zip") == ()
    with pytest.raises(IntegrityError, match=r"the archive lacks 'lib/x\.a'"):
        extract_bytes(tmp_path, zip_archive(), "zip", GOOD)


class Recorded(io.BytesIO):
    """A file that remembers which parts of it were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.parts: list[tuple[int, int]] = []

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        data = super().read(size)
        self.parts.append((start, start + len(data)))
        return data


def test_of_a_zip_only_the_end_and_the_locked_members_are_read_each_in_one_go(
    tmp_path: Path,
) -> None:
    noise = bytes(range(256)) * 4000
    other = ZipEntry("other", noise, method=0)
    wanted = ZipEntry("wanted", noise, method=0)
    data = zip_archive(other, wanted, ZipEntry("last", noise, method=0))
    stream = MemoryStream(b"")
    stream.file = file = Recorded(data)
    extract_into(tmp_path, locked_archive(data, "zip", {"wanted": noise}), stream)
    start = data.index(b"PK\x03\x04", 10)
    end = data.index(b"PK\x03\x04", start + 10)
    inner = [part for part in file.parts if part[1] <= end]
    assert inner[0][0] == start
    assert inner[-1][1] == end
    assert all(a[1] == b[0] for a, b in itertools.pairwise(inner))
    tail = len(data) - 22 - 0xFFFF - 20 - 56
    assert all(part[0] >= tail for part in file.parts if part not in inner)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        # unzip gives it the name of the entry before it.
        (ZipEntry("", b"other"), "the zip is malformed: an entry has no name"),
        (ZipEntry("lib/y.a/.", b"other"), "'lib/y.a' is a file with a folder's name"),
        (
            ZipEntry("lib/y.a", b"other", attributes=0o040755 << 16),
            "'lib/y.a' is a folder with a file's name",
        ),
    ],
    ids=["none", "a folder's", "a file's"],
)
def test_an_entry_whose_name_readers_take_for_different_ones_is_not_locked(
    entry: ZipEntry, what: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        index_bytes(zip_archive(ZipEntry("lib/x.a", b"library"), entry), "zip")
    assert said(caught.value) == what
