"""Files that are given to a tree's record: how they are then, and what is noticed later."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.storage.sealing import fits, hash_again, seal
from cgo_prebuilt.storage.tree import FileRecord
from tests.unit.archive_builders import locked_file
from tests.unit.library_case import write_files

CONTENTS = {"a": b"1", "lib/b": b"22", "lib/deep/c": b""}
FILES = [locked_file(path, data) for path, data in CONTENTS.items()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "tree", CONTENTS)


@pytest.mark.parametrize("sync", [False, True])
def test_sealed_files_fit_their_records(folder: Path, sync: bool) -> None:
    records = seal(folder, FILES, sync=sync)
    assert list(records) == list(CONTENTS)
    for file in FILES:
        record = records[file.path]
        assert (record.sha256, record.size) == (file.sha256, file.size)
        assert fits(folder / file.path, record)
        assert hash_again(folder / file.path, record, sync=sync) == record


@pytest.mark.skipif(sys.platform == "win32", reason="there, a read-only file cannot be deleted")
def test_files_are_read_only_and_folders_open_to_all(folder: Path) -> None:
    (folder / "lib").chmod(0o700)
    seal(folder, FILES, sync=False)
    assert stat.S_IMODE((folder / "lib/b").stat().st_mode) == 0o444
    for path in (folder, folder / "lib", folder / "lib/deep"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_the_time_tells_contents_apart_by_whole_microseconds(folder: Path) -> None:
    seal(folder, FILES, sync=False)
    for file in FILES:
        mtime = (folder / file.path).stat().st_mtime_ns
        microseconds = int(file.sha256[:12], 16) % 1_000_000
        assert mtime % 1_000_000_000 == microseconds * 1_000


def test_only_where_it_is_asked_for_the_disk_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    wait = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        wait(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    records = seal(folder, FILES, sync=False)
    hash_again(folder / "lib/b", records["lib/b"])
    assert synced == []
    seal(folder, FILES, sync=True)
    hash_again(folder / "lib/b", records["lib/b"], sync=True)
    assert synced == [1, 2, 0, 2]


@pytest.mark.parametrize(
    ("files", "where"),
    [
        (FILES[:2], "lib/deep/c"),
        ([*FILES, locked_file("x", b"")], "x"),
        ([*FILES[1:], locked_file("a", b"11")], "a"),
        ([], "a, lib/b, lib/deep/c"),
        ([locked_file("0", b"")], "0, a, lib/b"),
    ],
    ids=["one more", "one less", "another size", "none", "only another one"],
)
def test_other_files_than_the_locks_are_refused(
    folder: Path, files: list[LockedFile], where: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        seal(folder, files, sync=False)
    assert caught.value.what == "the extracted files are not those that the lock names"
    assert caught.value.where == where


def test_a_file_that_is_named_twice_is_refused(folder: Path) -> None:
    with pytest.raises(IntegrityError, match="not those that the lock names") as caught:
        seal(folder, [*FILES, FILES[0]], sync=False)
    assert caught.value.where == str(folder)


@pytest.mark.parametrize("target", ["b", "deep", "nowhere"])
def test_a_link_is_none_of_the_files(folder: Path, target: str) -> None:
    (folder / "lib/link").symlink_to(target)
    size = len(str((folder / "lib/link").readlink()))
    files = [*FILES, locked_file("lib/link", bytes(size))]
    with pytest.raises(IntegrityError, match="not those that the lock names") as caught:
        seal(folder, files, sync=False)
    assert caught.value.where == "lib/link"


def test_a_link_to_a_folder_is_one_file_too_many(folder: Path) -> None:
    (folder / "lib/link").symlink_to("deep")
    with pytest.raises(IntegrityError, match="not those that the lock names") as caught:
        seal(folder, FILES, sync=False)
    assert caught.value.where == "lib/link"


def test_a_record_is_what_stat_says(folder: Path) -> None:
    records = seal(folder, FILES, sync=False)
    for file in FILES:
        found = (folder / file.path).stat()
        times = (found.st_mtime_ns, found.st_ino, found.st_dev, found.st_ctime_ns)
        assert records[file.path] == FileRecord(file.sha256, file.size, *times)


def test_where_a_read_only_file_cannot_be_opened_the_disk_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(errno.EACCES, "refused", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert list(seal(folder, FILES, sync=True)) == list(CONTENTS)


def test_what_changed_is_noticed(folder: Path) -> None:
    record = seal(folder, FILES, sync=False)["lib/b"]
    path = folder / "lib/b"
    path.chmod(0o644)
    os.utime(path, ns=(0, 0))
    assert not fits(path, record)
    again = hash_again(path, record)
    assert again is not None
    assert (again.sha256, again.size) == (record.sha256, record.size)
    assert fits(path, again)
    path.write_bytes(b"2")
    assert hash_again(path, record) is None
    path.write_bytes(b"23")
    assert hash_again(path, record) is None


def test_what_is_gone_or_no_file_fits_nothing(folder: Path) -> None:
    record = seal(folder, FILES, sync=False)["lib/b"]
    path = folder / "lib/b"
    path.rename(folder / "elsewhere")
    assert not fits(path, record)
    assert hash_again(path, record) is None
    path.symlink_to(folder / "elsewhere")
    assert not fits(path, record)
    assert hash_again(path, record) is None


def test_a_link_of_the_right_size_to_the_right_contents_is_no_file(folder: Path) -> None:
    (folder / "lib/12").write_bytes(CONTENTS["lib/b"])
    record = seal(folder, [*FILES, locked_file("lib/12", b"22")], sync=False)["lib/b"]
    path = folder / "lib/b"
    path.unlink()
    path.symlink_to("12")
    assert path.lstat().st_size == record.size
    assert hash_again(path, record) is None


def test_a_hash_is_of_all_of_a_file(tmp_path: Path) -> None:
    content = b"abc" * (1 << 20)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == (hashlib.sha256(content).hexdigest(), 3 << 20)
