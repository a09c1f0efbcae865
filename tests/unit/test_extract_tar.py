"""Tars that are malformed, truncated or ambiguous, and those of real writers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from cgo_prebuilt.archives import tar_reader, work
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError
from tests.unit.archive_builders import (
    END_OF_TAR,
    TAR_FORMATS,
    compress,
    pax,
    pax_record,
    tar_member,
)
from tests.unit.extract_case import extract_bytes, extract_tar, index_bytes, index_tar, said

GOOD = {"lib/x.a": b"library"}
LONG_NAME = tar_member("", b"a\0", kind=b"L")
GOOD_TAR = tar_member("lib/x.a", b"library")

FILES = {
    "include/x.h": b"int x(void);\n",
    "lib/libx.a": bytes(range(256)) * 9000,
    "lib/empty": b"",
    "lib/block": b"b" * 512,
    "d/" * 60 + "long.h": b"long",
    "include/größe.h": b"utf-8",
}


def packed(files: dict[str, bytes], format: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("format", TAR_FORMATS)
@pytest.mark.parametrize(
    "writer",
    [
        pytest.param(tarfile.USTAR_FORMAT, id="ustar"),
        pytest.param(tarfile.GNU_FORMAT, id="gnu"),
        pytest.param(tarfile.PAX_FORMAT, id="pax"),
    ],
)
def test_tars_of_every_writer_are_extracted_and_indexed(
    writer: int, format: str, tmp_path: Path
) -> None:
    data = compress(packed(FILES, writer), format)
    assert extract_bytes(tmp_path, data, format, FILES) == FILES
    assert {file.path: file.size for file in index_bytes(data, format)} == {
        path: len(content) for path, content in FILES.items()
    }


@pytest.mark.parametrize(
    ("members", "what"),
    [
        pytest.param(
            tar_member("lib/x.a", b"longer than the lock says"),
            "'lib/x.a' has 25 bytes, the lock says 7",
            id="a member longer than declared",
        ),
        pytest.param(
            tar_member("lib/x.a", b"short"),
            "'lib/x.a' has 5 bytes, the lock says 7",
            id="a member shorter than declared",
        ),
        pytest.param(
            tar_member("lib/x.a", b"LIBRARY"),
            "'lib/x.a' has the SHA-256 ",
            id="a member of the right size with other bytes",
        ),
        pytest.param(
            tar_member("lib/y.a", b"library"), "the archive lacks 'lib/x.a'", id="missing"
        ),
        pytest.param(
            tar_member("lib/x.a", b"library", kind=b"S"),
            "'lib/x.a' is a sparse file, the lock says that it is a file",
            id="sparse member, GNU",
        ),
        pytest.param(
            # GNU tar reads it to its end, without a word, and loses what is behind it.
            pax({"GNU.sparse.realsize": "3"}) + tar_member("y") + GOOD_TAR,
            "the tar is malformed: 'y' is a sparse file without a map",
            id="sparse member without a map",
        ),
        pytest.param(
            pax({"GNU.sparse.map": "0,7", "GNU.sparse.size": "7"}) + GOOD_TAR,
            "'lib/x.a' is a sparse file, the lock says that it is a file",
            id="sparse member, pax 0.1",
        ),
        pytest.param(
            pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "7"})
            + tar_member("lib/x.a", b"1\n0\n7\n".ljust(512, b"\0") + b"library"),
            "'lib/x.a' is a sparse file, the lock says that it is a file",
            id="sparse member, pax 1.0",
        ),
        pytest.param(
            pax({"size": "600"}) + tar_member("lib/x.a", b"library") + bytes(1024),
            "the tar is malformed: 'lib/x.a' has 600 bytes by its pax header and 7 by its own",
            id="PAX size against header size",
        ),
        pytest.param(
            pax({"size": "7", "comment": "c"}, kind=b"g") + GOOD_TAR,
            "the tar is malformed: a global header sets the size of all members",
            id="PAX size of all members",
        ),
        pytest.param(
            pax({"path": "lib/x.a"}, kind=b"g") + tar_member("y", b"library"),
            "the tar is malformed: a global header sets the path of all members",
            id="PAX path of all members",
        ),
        pytest.param(
            pax({"path": "lib/x.a"}) + LONG_NAME + tar_member("y", b"library"),
            "the tar is malformed: two headers of a member disagree about its path",
            id="two paths",
        ),
        pytest.param(
            # GNU tar forgets the first one.
            pax({"path": "lib/x.a"}) + pax({"comment": "c"}) + tar_member("y", b"library"),
            "the tar is malformed: a member has two pax headers",
            id="two PAX headers",
        ),
        pytest.param(
            tar_member("L", b"lib/x.a\0", kind=b"L") + pax({"path": "y"}) + tar_member("y", b"1"),
            "the tar is malformed: two headers of a member disagree about its path",
            id="GNU path against PAX path",
        ),
        pytest.param(
            tar_member("lib/x.a/", b"library"),
            "the tar is malformed: readers disagree whether 'lib/x.a/' is a file or a folder",
            id="a folder's name and contents",
        ),
        pytest.param(
            pax({"path": "lib/x.a/"}) + tar_member("y", b"library", kind=b"\0"),
            "the tar is malformed: readers disagree whether 'lib/x.a/' is a file or a folder",
            id="a folder's PAX name and contents",
        ),
        pytest.param(
            tar_member("lib/x.a/"),
            "the tar is malformed: readers disagree whether 'lib/x.a/' is a file or a folder",
            id="a folder's name and the type of a file",
        ),
        pytest.param(
            tar_member("./", b"contents", kind=b"\0") + GOOD_TAR,
            "the tar is malformed: readers disagree whether './' is a file or a folder",
            id="the root's name and contents",
        ),
        pytest.param(
            # tarfile looks at the header's own name, GNU tar at the other one.
            pax({"path": "lib/x.a"}) + tar_member("lib/x.a/", kind=b"\0"),
            "the tar is malformed: readers disagree whether 'lib/x.a' is a file or a folder",
            id="a folder's name below a file's PAX name",
        ),
        pytest.param(
            # tarfile makes the folder and no link, GNU tar the link.
            tar_member("lib/y.a/.", kind=b"2", link="x.a") + GOOD_TAR,
            "the tar is malformed: readers disagree whether 'lib/y.a/.' is a link or a folder",
            id="a folder's name and the type of a link",
        ),
        pytest.param(
            # tarfile takes the last of the two names, GNU tar that of the sparse file.
            pax({"GNU.sparse.name": "lib/y.a", "path": "lib/z.a"})
            + tar_member("w", kind=b"2", link="x.a")
            + GOOD_TAR,
            "the tar is malformed: 'lib/y.a' is a symbolic link and a sparse file",
            id="a link that is a sparse file",
        ),
        pytest.param(
            pax({"size": "-512"}) + tar_member("lib/x.a", size=0),
            "the tar is malformed: the pax header of 'lib/x.a' has an invalid size",
            id="negative PAX size",
        ),
        pytest.param(
            pax({"size": " 7"}) + GOOD_TAR,
            "the tar is malformed: the pax header of 'lib/x.a' has an invalid size",
            id="PAX size with a space, which some readers take",
        ),
        pytest.param(
            tar_member("lib/x.a", b"library", size=b"\xff" * 12),
            "the tar is malformed: a header has an invalid or negative number",
            id="negative offset: a size in base 256",
        ),
        pytest.param(
            tar_member("lib/y.a", size=b"\xff" * 12, kind=b"x") + GOOD_TAR,
            "the tar is malformed: a header has an invalid or negative number",
            id="negative offset: an extended header's size",
        ),
        pytest.param(
            tar_member("lib/x.a", b"library", size=b"\x80" + b"\xff" * 11),
            "'lib/x.a' has 309485009821345068724781055 bytes, the lock says 7",
            id="absurd size in base 256",
        ),
        *(
            pytest.param(
                tar_member("lib/x.a", b"library", size=size),
                "the tar is malformed: a header has an invalid or negative number",
                id=f"a size that some readers take for another: {size!r}",
            )
            for size in (b"0o7".ljust(12, b"\0"), b"1_0".ljust(12, b"\0"), b"8".ljust(12, b"\0"))
        ),
        pytest.param(
            pax({"size": "9" * 5000}) + GOOD_TAR,
            "the tar is malformed",
            id="absurd PAX size",
        ),
        pytest.param(
            pax(b"5 path=lib/x.a\n") + GOOD_TAR,
            "the tar is malformed: malformed pax header",
            id="malformed PAX: length too small",
        ),
        pytest.param(
            pax(b"99 path=lib/x.a\n") + GOOD_TAR,
            "the tar is malformed: malformed pax header",
            id="malformed PAX: length too large",
        ),
        pytest.param(
            pax(b"0 path=lib/x.a\n") + GOOD_TAR,
            "the tar is malformed: malformed pax header",
            id="malformed PAX: length zero",
        ),
        pytest.param(
            pax(pax_record("path", "y") + b"garbage") + GOOD_TAR,
            "the tar is malformed: malformed pax header",
            id="malformed PAX: garbage behind a record",
        ),
        pytest.param(
            pax(b"15 path=lib/x.ax") + GOOD_TAR,
            "the tar is malformed: malformed pax header",
            id="malformed PAX: no newline",
        ),
        pytest.param(
            pax({"size": "abc"}) + GOOD_TAR,
            "the tar is malformed",
            id="malformed PAX: size is no number",
        ),
        pytest.param(
            LONG_NAME * 17 + GOOD_TAR,
            "the tar is malformed: a member has too many extended headers",
            id="a thousand extended headers",
        ),
        pytest.param(
            tar_member("x", b"x" * (1 << 20), kind=b"L") + GOOD_TAR,
            "the tar is malformed: its headers are too long",
            id="a name of a megabyte",
        ),
        pytest.param(
            pax({"path": "lib/x.a"}),
            "the tar is malformed",
            id="an extended header before the end",
        ),
        pytest.param(
            b"\1" + GOOD_TAR[1:],
            "the tar is malformed: a header has a wrong checksum",
            id="wrong checksum",
        ),
        pytest.param(
            tar_member("y", b"y") + b"\1" + GOOD_TAR[1:],
            "the tar is malformed: a header has a wrong checksum",
            id="wrong checksum in the middle",
        ),
        pytest.param(
            b"not a tar at all " * 100, "the tar is malformed", id="something else in the gzip"
        ),
        pytest.param(
            GOOD_TAR[:-512] + tar_member("y"),
            "'lib/x.a' has the SHA-256 ",
            id="a member whose data are the next header",
        ),
    ],
)
def test_tar_is_refused(members: bytes, what: str, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, members, GOOD)
    assert said(caught.value).startswith(what)


@pytest.mark.parametrize("map", [b"999999999\n" + b"1\n" * (2 << 20), b"one\n"])
def test_the_map_of_a_sparse_file_elsewhere_is_not_read(map: bytes, tmp_path: Path) -> None:
    sparse = pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
    assert extract_tar(tmp_path, sparse + tar_member("y", map) + GOOD_TAR, GOOD) == GOOD


def old_gnu_sparse(more: int) -> bytes:
    """A sparse file whose map takes as many blocks behind its header."""
    header = bytearray(tar_member("y", size=7, kind=b"S"))
    header[257:265] = b"ustar  \0"
    header[482] = bool(more)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    blocks = b"".join(b"1" * 504 + bytes([left > 1]) + bytes(7) for left in range(more, 0, -1))
    return bytes(header) + blocks + b"library" + bytes(505)


@pytest.mark.parametrize("more", [0, 1, 3])
def test_the_map_of_an_old_sparse_file_elsewhere_is_skipped(more: int, tmp_path: Path) -> None:
    assert extract_tar(tmp_path, old_gnu_sparse(more) + GOOD_TAR, GOOD) == GOOD


def test_the_map_of_an_old_sparse_file_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "HEADERS", 10)
    monkeypatch.setattr(work, "BYTES_PER_HEADER", 1 << 20)
    with pytest.raises(IntegrityError, match="it has more than 10 headers, too many for its size"):
        extract_tar(tmp_path, old_gnu_sparse(20) + GOOD_TAR, GOOD)


def test_a_sparse_map_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    data = compress(old_gnu_sparse(3)[:1200], "tar.gz")
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "tar.gz", GOOD)
    assert said(caught.value) == "the tar is truncated"


def test_a_header_of_an_old_writer_may_have_a_sum_of_signed_bytes(tmp_path: Path) -> None:
    header = bytearray(tar_member("größe", b"1"))
    signed = sum(header[:148] + b" " * 8 + header[156:512]) - 256 * sum(
        byte > 127 for byte in header[:512]
    )
    header[148:156] = b"%06o\0 " % signed
    assert extract_tar(tmp_path, bytes(header) + GOOD_TAR, GOOD) == GOOD


@pytest.mark.parametrize("magic", [b"ustar  \0", bytes(8)], ids=["GNU", "before POSIX"])
def test_a_prefix_that_only_some_readers_take_is_refused(magic: bytes, tmp_path: Path) -> None:
    header = bytearray(tar_member("x.a", b"library"))
    header[257:265], header[345:348] = magic, b"lib"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, bytes(header), GOOD)
    assert said(caught.value).endswith("of 'x.a' has a name prefix, but is not a POSIX header")


def test_headers_may_be_as_long_as_they_may_be_and_no_longer(tmp_path: Path) -> None:
    header, most = 512, 1 << 20
    fits = pax_record("comment", "c" * (most - header - len("1048064 comment=\n")))
    assert len(fits) == most - header
    (tmp_path / "one").mkdir()
    assert extract_tar(tmp_path / "one", pax(fits) + GOOD_TAR, GOOD) == GOOD
    (tmp_path / "more").mkdir()
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path / "more", pax(fits + pax_record("x", "")) + GOOD_TAR, GOOD)
    assert said(caught.value) == "the tar is malformed: its headers are too long"


def test_an_extended_header_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    data = compress(pax({"comment": "c" * 2000})[:1000], "tar.gz")
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "tar.gz", GOOD)
    assert said(caught.value) == "the tar is truncated"


def test_a_block_that_is_no_header_is_not_the_end(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, b"X" * 512 + GOOD_TAR, GOOD)
    assert said(caught.value).startswith("the tar is malformed: ")
    assert "follows its end" not in said(caught.value)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(tar_member("././@LongLink", kind=b"L") + tar_member("y"), id="no long name"),
        pytest.param(tar_member(b"\xff\xfe", b"y"), id="a name that is not UTF-8"),
    ],
)
def test_strange_names_elsewhere_are_passed_over(before: bytes, tmp_path: Path) -> None:
    assert extract_tar(tmp_path, before + GOOD_TAR, GOOD) == GOOD


@pytest.mark.parametrize("cut", [425, 600, 1023, 1500])
def test_truncated_tar_is_refused(cut: int, tmp_path: Path) -> None:
    data = compress(
        (tar_member("y", b"y" * 2000) + tar_member("lib/x.a", b"l" * 600))[:-cut], "tar.gz"
    )
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "tar.gz", {"lib/x.a": b"l" * 600})
    assert said(caught.value) == "the tar is truncated"


def test_tar_that_ends_before_the_file_says_that_it_lacks_it(tmp_path: Path) -> None:
    data = compress(tar_member("y", b"y"), "tar.gz")
    with pytest.raises(IntegrityError, match=r"the archive lacks 'lib/x\.a'"):
        extract_bytes(tmp_path, data, "tar.gz", GOOD)


def test_all_missing_files_are_counted(tmp_path: Path) -> None:
    files = {f"{i}.h": b"" for i in range(8)}
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, tar_member("0.h"), files)
    assert said(caught.value) == "the archive lacks '1.h', '2.h', '3.h', '4.h', '5.h' and 2 more"
    assert caught.value.remedy == "make the lock again"


def test_empty_tar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, compress(b"", "tar.gz"), "tar.gz", GOOD)
    assert said(caught.value) == "the tar is malformed: there is nothing in it"


@pytest.mark.parametrize("format", TAR_FORMATS)
def test_concatenated_compressed_parts_are_one_tar(format: str, tmp_path: Path) -> None:
    tar = tar_member("y", b"y") + GOOD_TAR + END_OF_TAR
    data = b"".join(compress(tar[i : i + 300], format) for i in range(0, len(tar), 300))
    assert extract_bytes(tmp_path, data, format, GOOD) == GOOD


@pytest.mark.parametrize("format", TAR_FORMATS)
@pytest.mark.parametrize("behind", ["bomb", "garbage", "truncation", "duplicate"])
def test_what_follows_the_last_locked_file_is_not_read(
    behind: str, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ALLOWANCE", 1 << 20)
    first = compress(GOOD_TAR, format)
    rest = {
        "bomb": compress(bytes(8 << 20), format),
        "garbage": b"garbage" * 40000,
        "truncation": compress(END_OF_TAR, format)[:-5],
        "duplicate": compress(tar_member("lib/x.a", b"hostile"), format),
    }
    assert extract_bytes(tmp_path, first + rest[behind], format, GOOD) == GOOD
    with pytest.raises(IntegrityError):
        index_bytes(first + rest[behind], format)


@pytest.mark.parametrize("format", TAR_FORMATS)
def test_a_bomb_before_the_locked_file_is_refused(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ALLOWANCE", 1 << 20)
    data = compress(tar_member("bomb", bytes(16 << 20)) + GOOD_TAR + END_OF_TAR, format)
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, format, GOOD)
    assert said(caught.value).endswith("this is a decompression bomb")


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"trailing garbage", id="trailing garbage"),
        pytest.param(bytes(3 << 20) + b"x", id="trailing garbage after much padding"),
        pytest.param(tar_member("y", b"y") + END_OF_TAR, id="a second tar"),
    ],
)
def test_a_tar_with_something_behind_its_end_is_not_locked(behind: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        index_tar(GOOD_TAR + END_OF_TAR + behind)
    assert said(caught.value) == "the tar is malformed: something follows its end"


def test_whatever_byte_is_behind_its_end_is_something() -> None:
    for byte in range(1, 256):
        with pytest.raises(IntegrityError, match="something follows its end"):
            for _ in tar_reader.read_tar(iter([END_OF_TAR, bytes([0, byte])]), Work("lib")):
                pass


def test_a_header_whose_size_only_pax_can_hold_is_read(tmp_path: Path) -> None:
    body = tar_member("lib/x.a", b"library")
    for size in (0, 0o77777777777):
        header = tar_member("lib/x.a", size=size)
        members = pax({"size": "7"}) + header + body[512:]
        folder = tmp_path / str(size)
        folder.mkdir()
        assert extract_tar(folder, members, GOOD) == GOOD


@pytest.mark.parametrize("kind", [b"2", b"5"], ids=["link", "folder"])
def test_what_is_no_file_may_state_a_size_and_has_no_contents(kind: bytes) -> None:
    data = tar_member("other", kind=kind, link="y", size=700) + GOOD_TAR + END_OF_TAR
    found = [
        (member.name, member.size, sum(map(len, member.chunks())))
        for member in tar_reader.read_tar(iter([data]), Work("lib"))
    ]
    assert found == [("other", 0, 0), ("lib/x.a", 7, 7)]


def test_one_archive_of_all_platforms_gives_one_platform(tmp_path: Path) -> None:
    members = b"".join(
        tar_member(f"lib/{platform}/libx.a", platform.encode() * 99999)
        for platform in ("darwin_arm64", "linux_amd64", "windows_amd64")
    )
    files = {"libx.a": b"linux_amd64" * 99999}
    assert extract_tar(tmp_path, members, files, "lib/linux_amd64") == files
