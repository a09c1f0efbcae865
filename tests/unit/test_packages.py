"""Packages that hold a tar, and files that are compressed by themselves."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt.archives.ar_reader import read_ar
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError, ManifestError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    ZipEntry,
    ar_archive,
    archive_of,
    compress,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import extract_bytes, index_bytes, said

GOOD = {"lib/x.a": b"library"}
TAR = tar_member("./lib/x.a", b"library") + END_OF_TAR


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb")
@pytest.mark.parametrize("compression", ["none", "gzip", "xz", "zstd"])
def test_what_dpkg_deb_packs_is_read(compression: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: amd64\nMaintainer: a <a@b.c>\nDescription: x\n"
    )
    (root / "usr/lib/libx.so.1").write_bytes(b"library")
    (root / "usr/lib/libx.so").symlink_to("libx.so.1")
    command = ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", "root", "x.deb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "x.deb").read_bytes()
    shutil.rmtree(tmp_path / "root")
    (tmp_path / "x.deb").unlink()
    files = index_bytes(data, "deb", "usr")
    assert [(file.path, file.member) for file in files] == [
        ("lib/libx.so", "usr/lib/libx.so.1"),
        ("lib/libx.so.1", ""),
    ]
    files_there = {"usr/lib/libx.so.1": b"library"}
    assert extract_bytes(tmp_path, data, "deb", files_there) == files_there


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_the_tar_of_a_debian_package_may_be_compressed_in_any_way(
    ending: str, tmp_path: Path
) -> None:
    data = ar_archive({"debian-binary": b"2.0\n", f"data.tar{ending}": compress(TAR, ending)})
    assert extract_bytes(tmp_path, data, "deb", GOOD) == GOOD


DEB = {"debian-binary": b"2.0\n", "control.tar.gz": b"", "data.tar": TAR}


@pytest.mark.parametrize(
    ("data", "format", "what"),
    [
        pytest.param(
            ar_archive({"debian-binary": b"2.0\n", "control.tar.gz": b""}),
            "deb",
            "this is not a supported deb package: it has no data archive",
            id="no data",
        ),
        pytest.param(
            ar_archive({**DEB, "data.tar.gz": compress(TAR, "gz")}),
            "deb",
            "this is not a supported deb package: it has 'data.tar' and 'data.tar.gz'",
            id="two data",
        ),
        pytest.param(
            ar_archive({"debian-binary": b"2.0\n", "data.tar.lzma": b"x"}),
            "deb",
            "this is not a supported deb package: the format of 'data.tar.lzma' is not supported",
            id="another compression",
        ),
        pytest.param(
            ar_archive({"x.o": b"x"}),
            "deb",
            "this is a static library, but deb was expected",
            id="a static library",
        ),
        pytest.param(ar_archive(DEB)[:-700], "deb", "the ar archive is truncated", id="truncated"),
        pytest.param(
            ar_archive(DEB) + b"garbage", "deb", "the ar archive is malformed", id="garbage"
        ),
        pytest.param(
            ar_archive(DEB).replace(b"`\n", b"x\n", 3),
            "deb",
            "the ar archive is malformed",
            id="header",
        ),
        pytest.param(
            zip_archive(ZipEntry("metadata.json", b"{}")),
            "conda",
            "this is not a supported conda package: it has no data archive",
            id="a zip that is no conda package",
        ),
        pytest.param(
            TAR,
            "gem",
            "this is not a supported gem package: it has no data archive",
            id="a tar",
        ),
        pytest.param(
            compress(TAR, "gz"),
            "gem",
            "this is gzip, but gem was expected",
            id="a tar.gz that is no gem",
        ),
        pytest.param(
            compress(TAR, "gz"), "tar", "this is gzip, but tar was expected", id="a tar.gz as a tar"
        ),
        pytest.param(
            TAR, "bz2", "this is a tar that is not compressed, but bz2 was expected", id="bz2"
        ),
    ],
)
def test_what_is_no_such_package_is_refused(data: bytes, format: str, what: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        index_bytes(data, format)
    assert said(caught.value) == what


def test_the_first_member_of_a_package_ends_before_the_next() -> None:
    members = {"a": b"1", "bb": b"22", "c" * 16: b""}
    found = [
        (member.name, member.size, b"".join(member.chunks()))
        for member in read_ar(iter([ar_archive(members)]), Work("lib"))
    ]
    assert found == [("a", 1, b"1"), ("bb", 2, b"22"), ("c" * 16, 0, b"")]
    unread = [member.name for member in read_ar(iter([ar_archive(members)]), Work("lib"))]
    assert unread == list(members)


def test_a_bomb_inside_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from cgo_prebuilt.archives import work

    monkeypatch.setattr(work, "ALLOWANCE", 1 << 20)
    bomb = {"bomb": bytes(16 << 20)}
    for format in ("conda", "deb", "gem", "tar.bz2"):
        with pytest.raises(IntegrityError) as caught:
            index_bytes(archive_of(bomb, format), format)
        assert said(caught.value).endswith("this is a decompression bomb")


def test_the_headers_inside_a_package_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from cgo_prebuilt.archives import work

    monkeypatch.setattr(work, "HEADERS", 20)
    many = {f"f{number}": b"" for number in range(200)}
    for format in ("conda", "deb", "gem"):
        with pytest.raises(IntegrityError, match="headers, too many for its size"):
            index_bytes(archive_of(many, format), format)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (compress(TAR, "gz"), "gzip"),
        (compress(TAR, "zst"), "zstd"),
        (compress(TAR, "bz2"), "bzip2"),
        (zip_archive(ZipEntry("x", b"x")), "zip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7z"),
        (b"Rar!\x1a\x07\0", "rar"),
        (ar_archive(DEB), "a Debian package"),
        (TAR, "a tar that is not compressed"),
    ],
)
def test_an_archive_whose_name_does_not_say_so_is_no_loose_file(data: bytes, found: str) -> None:
    spec = ArchiveSpec("download", (), "file", "", "x.a", is_loose_by_name=True)
    with pytest.raises(ManifestError) as caught:
        index(MemoryStream(data), spec, WantedFiles(["x.a"]), where="download")
    assert caught.value.what == f"its contents are {found}, but its name is that of a loose file"
    assert caught.value.remedy == "write its 'format'; `format: file` keeps it unchanged"
    written = ArchiveSpec("download", (), "file", "", "x.a")
    (file,) = index(MemoryStream(data), written, WantedFiles(["x.a"]), where="download").files
    assert file.size == len(data)


def test_a_static_library_is_a_loose_file() -> None:
    data = ar_archive({"x.o": b"\x7fELF" + struct.pack("<60x")})
    spec = ArchiveSpec("libx.a", (), "file", "", "libx.a", is_loose_by_name=True)
    (file,) = index(MemoryStream(data), spec, WantedFiles(["libx.a"]), where="libx.a").files
    assert file.size == len(data)
