"""Extraction as a whole: loose files, the wrong thing, errors of the stream and of the disk."""

from __future__ import annotations

import errno
import os
import random
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgo_prebuilt.archives import work
from cgo_prebuilt.archives.bytestream import FileStream
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.errors import IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.locks.lock_keys import FORMATS
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    ZipEntry,
    archive_of,
    compress,
    locked_archive,
    locked_file,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import extract_bytes, extract_into, index_bytes, said

# What repeats itself in short takes bz2 seconds.
NOISE = random.Random(4).randbytes(100_000) * 2 + bytes(10_000_000)
GOOD = {"lib/x.a": b"library"}


@pytest.mark.parametrize("most", [1 << 20, 777])
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_extracted(format: str, most: int, tmp_path: Path) -> None:
    files = {"lib/x.a": NOISE}
    data = archive_of(files, format)
    stream = MemoryStream(data, most)
    assert extract_into(tmp_path, locked_archive(data, format, files), stream) == files


@pytest.mark.parametrize("format", FORMATS)
def test_a_local_file_is_a_stream(format: str, tmp_path: Path) -> None:
    data = archive_of(GOOD, format)
    (tmp_path / "archive").write_bytes(data)
    (tmp_path / "staging").mkdir()
    stream = FileStream(tmp_path / "archive")
    extract(locked_archive(data, format, GOOD), stream, tmp_path / "staging")
    stream.close()
    assert (tmp_path / "staging/lib/x.a").read_bytes() == b"library"


@pytest.mark.parametrize("format", FORMATS)
def test_a_lock_made_by_index_is_what_extract_accepts(format: str, tmp_path: Path) -> None:
    data = archive_of({"a/b.h": b"header"}, format)
    spec = ArchiveSpec("lib", (), format, "", "a/b.h")
    files = index(MemoryStream(data), spec, WantedFiles(["**/*.h"]), where="lib").files
    assert files == (locked_file("a/b.h", b"header"),)
    assert extract_bytes(tmp_path, data, format, {"a/b.h": b"header"}) == {"a/b.h": b"header"}


def test_index_gives_only_what_is_selected_below_the_prefix_sorted() -> None:
    files = {"p/z.h": b"1", "p/a.h": b"2", "p/b.txt": b"3", "q/c.h": b"4"}
    spec = ArchiveSpec("lib", (), "tar.gz", "p", "")
    stream = MemoryStream(archive_of(files, "tar.gz"))
    found = index(stream, spec, WantedFiles(["**/*.h"]), where="lib").files
    assert found == (locked_file("a.h", b"2"), locked_file("z.h", b"1"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"librarY", "'lib/x.a' has the SHA-256 "),
        (b"librar", "'lib/x.a' has 6 bytes, the lock says 7"),
        (b"library and more", "'lib/x.a' has at least 16 bytes, the lock says 7"),
    ],
)
def test_a_loose_file_that_is_not_what_the_lock_says_is_refused(
    data: bytes, what: str, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "file", GOOD)
    assert said(caught.value).startswith(what)


@pytest.mark.parametrize("format", FORMATS)
def test_a_library_that_packs_very_well_is_no_bomb(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ALLOWANCE", 0)
    files = {"lib/x.a": bytes(8 << 20)}
    assert extract_bytes(tmp_path, archive_of(files, format), format, files) == files


def test_a_loose_file_has_no_folders_to_strip(tmp_path: Path) -> None:
    assert extract_bytes(tmp_path, b"library", "file", GOOD, prefix="vec-1.2.3") == GOOD


def test_a_loose_file_is_one_file(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, b"library", "file", {**GOOD, "lib/y.a": b"library"})
    assert said(caught.value) == "the archive lacks 'lib/y.a'"


HTML = b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>404 Not Found</body></html>" + b" " * 2000


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(HTML, "HTML, probably an error page", id="an HTML error page"),
        pytest.param(b"", "an empty file", id="an empty file"),
    ],
)
def test_the_wrong_thing_is_named(data: bytes, found: str, format: str, tmp_path: Path) -> None:
    for act in (
        lambda: extract_bytes(tmp_path, data, format, GOOD),
        lambda: index_bytes(data, format),
    ):
        with pytest.raises(IntegrityError) as caught:
            act()
        assert said(caught.value).startswith(f"this is {found}")
        assert caught.value.remedy == "get the file again, or open its URL in a browser"


OTHERS = {
    "gzip": compress(tar_member("x", NOISE), "tar.gz"),
    "xz": compress(b"x" * 5000, "tar.xz"),
    "zstd": compress(b"x" * 5000, "tar.zst"),
    "zip": zip_archive(ZipEntry("x", b"x"), comment=b"junk")[:-1],
    "a tar that is not compressed": tar_member("x", b"x") + END_OF_TAR,
    "bzip2": b"BZh91AY&SY",
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "a static library": b"!<arch>\nx.o/",
    "an ELF file": b"\x7fELF\2\1\1",
    "a Git LFS pointer, not the file that it stands for": b"version https://git-lfs.github.com/",
    "XML, probably an error page": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>',
    "JSON, probably an error message": b'{"message": "Not Found"}',
    "an unknown format": b"\1\2\3\4",
}
CONTENTS = {"tar.gz": "gzip", "tar.xz": "xz", "tar.zst": "zstd", "zip": "zip"}


@pytest.mark.parametrize("format", CONTENTS)
@pytest.mark.parametrize("found", OTHERS)
def test_another_format_than_the_name_says_is_named(
    found: str, format: str, tmp_path: Path
) -> None:
    if found == CONTENTS[format]:
        return
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, OTHERS[found], format, GOOD)
    what = said(caught.value)
    if found == "an unknown format" and format == "zip":
        assert what == "the zip is malformed: it has no end record: it is truncated, or not a zip"
    else:
        assert what == f"this is {found}, but {format} was expected"


class FailingStream(MemoryStream):
    """Fails after so many bytes."""

    def __init__(self, data: bytes, error: BaseException, after: int) -> None:
        super().__init__(data, 5000)
        self.error = error
        self.after = after

    def read(self, size: int) -> bytes:
        if self.file.tell() >= self.after:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("after", [0, 20_000, 100_000])
@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("gone", where="a file", remedy="try again"),
        KeyboardInterrupt(),
        MemoryError(),
    ],
)
@pytest.mark.parametrize("format", ["file", "tar.gz", "tar.zst"])
def test_an_error_of_the_stream_comes_out_as_it_is_and_leaves_no_thread(
    format: str, error: BaseException, after: int, tmp_path: Path
) -> None:
    files = {"lib/x.a": random.Random(0).randbytes(1 << 20)}
    data = archive_of(files, format)
    with pytest.raises(type(error)) as caught:
        extract_into(
            tmp_path, locked_archive(data, format, files), FailingStream(data, error, after)
        )
    assert caught.value is error


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process can grow past 1 MiB; the closest to a full disk without a mount."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_cannot_be_written_is_named(format: str, tmp_path: Path) -> None:
    files = {"lib/x.a": NOISE}
    with pytest.raises(UsageError) as caught:
        extract_bytes(tmp_path, archive_of(files, format), format, files)
    assert caught.value.what == "'lib/x.a' cannot be written: File too large"
    assert caught.value.where == str(tmp_path / "outside/staging/lib/x.a")
    assert caught.value.remedy


@pytest.mark.parametrize(("umask", "folder_mode"), [(0, 0o755), (0o077, 0o700)])
def test_files_are_readable_by_all_and_writable_by_one_whatever_the_umask(
    umask: int, folder_mode: int, tmp_path: Path
) -> None:
    files = {"a/deep/x.h": b"header"}
    before = os.umask(umask)
    try:
        extract_bytes(tmp_path, archive_of(files, "tar.gz"), "tar.gz", files)
    finally:
        os.umask(before)
    staging = tmp_path / "outside/staging"
    assert (staging / "a/deep/x.h").stat().st_mode & 0o777 == 0o644
    assert (staging / "a/deep").stat().st_mode & 0o777 == folder_mode


def test_an_error_at_the_end_of_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file system tells only then that the disk was full, as NFS does."""
    close = os.close

    def fail_for_the_library(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        close(descriptor)
        if size == len(GOOD["lib/x.a"]) and threading.current_thread().name == "sink":
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "close", fail_for_the_library)
    with pytest.raises(UsageError, match=r"'lib/x\.a' cannot be written: Disk quota exceeded"):
        extract_bytes(tmp_path, archive_of(GOOD, "tar.gz"), "tar.gz", GOOD)


def test_a_file_that_is_there_already_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/x.a").write_bytes(b"mine")
    data = archive_of(GOOD, "tar.gz")
    with pytest.raises(UsageError, match=r"'lib/x\.a' cannot be written: File exists"):
        extract(locked_archive(data, "tar.gz", GOOD), MemoryStream(data), tmp_path)
    assert (tmp_path / "lib/x.a").read_bytes() == b"mine"


def test_a_link_that_is_there_already_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/x.a").symlink_to(tmp_path / "target")
    data = archive_of(GOOD, "tar.gz")
    with pytest.raises(UsageError, match=r"'lib/x\.a' cannot be written"):
        extract(locked_archive(data, "tar.gz", GOOD), MemoryStream(data), tmp_path)
    assert not (tmp_path / "target").exists()


def test_an_early_wrong_hash_is_found_while_a_later_member_is_read(tmp_path: Path) -> None:
    data = archive_of({"a": b"wrong", **{f"b{i}": NOISE for i in range(4)}}, "tar.gz")
    files = {"a": b"right", **{f"b{i}": NOISE for i in range(4)}}
    with pytest.raises(IntegrityError, match="'a' has the SHA-256"):
        extract_bytes(tmp_path, data, "tar.gz", files)


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "'b0'"),
        (5, "'b0', 'b1', 'b2', 'b3', 'b4'"),
        (7, "'b0', 'b1', 'b2', 'b3', 'b4' and 2 more"),
    ],
)
def test_of_many_files_that_are_missing_some_are_named(
    count: int, named: str, tmp_path: Path
) -> None:
    data = archive_of({"a": b"a"}, "tar.gz")
    files = {"a": b"a", **{f"b{number}": b"" for number in range(count)}}
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, data, "tar.gz", files)
    assert said(caught.value) == f"the archive lacks {named}"


def test_no_locked_files_is_nothing_to_do(tmp_path: Path) -> None:
    assert extract_bytes(tmp_path, archive_of(GOOD, "zip"), "zip", {}) == {}
