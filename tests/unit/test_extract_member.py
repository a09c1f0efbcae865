"""Files whose bytes another member of the archive holds: renamed ones, and what is a link there."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
from tests.unit.archive_builders import (
    END_OF_TAR,
    HOLDERS,
    MemoryStream,
    ZipEntry,
    locked_archive,
    locked_file,
    pack_tar,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import extract_into, said

LIBRARY = bytes(range(256)) * 4000
REAL = "onnx-1.32.0/lib/libonnx.so.1.32.0"


def of_member(path: str, data: bytes, member: str = REAL) -> LockedFile:
    return replace(locked_file(path, data), member=member)


def release(format: str) -> bytes:
    """An archive in which the names that a linker wants are links, which stand before what they lead to."""
    if format == "zip":
        unix_link = 0o120777 << 16
        return zip_archive(
            ZipEntry("onnx-1.32.0/lib/libonnx.so", b"libonnx.so.1", attributes=unix_link),
            ZipEntry("onnx-1.32.0/lib/libonnx.so.1", b"libonnx.so.1.32.0", attributes=unix_link),
            ZipEntry(REAL, LIBRARY),
        )
    members = (
        tar_member("./onnx-1.32.0/lib/libonnx.so", kind=b"2", link="libonnx.so.1")
        + tar_member("./onnx-1.32.0/lib/libonnx.so.1", kind=b"2", link="libonnx.so.1.32.0")
        + tar_member(f"./{REAL}", LIBRARY)
    )
    return pack_tar(members + END_OF_TAR, format)


def locked(data: bytes, format: str, *files: LockedFile) -> LockedArchive:
    return replace(locked_archive(data, format, {}, "onnx-1.32.0"), files=files)


@pytest.mark.parametrize("format", ["zip", *HOLDERS])
def test_a_file_has_the_bytes_of_the_member_that_the_lock_names(
    format: str, tmp_path: Path
) -> None:
    data = release(format)
    archive = locked(
        data, format, of_member("lib/libonnx.so", LIBRARY), of_member("lib/libonnx.so.1", LIBRARY)
    )
    found = extract_into(tmp_path, archive, MemoryStream(data))
    assert found == {"lib/libonnx.so": LIBRARY, "lib/libonnx.so.1": LIBRARY}
    first, second = (tmp_path / "outside/staging" / name for name in found)
    assert first.samefile(second)
    assert first.stat().st_mode & 0o7777 == 0o644


def test_a_loose_file_may_have_two_names(tmp_path: Path) -> None:
    archive = replace(
        locked_archive(LIBRARY, "file", {"libonnx.so": LIBRARY}),
        files=(
            locked_file("libonnx.so", LIBRARY),
            of_member("so/libonnx.so.1", LIBRARY, "libonnx.so"),
        ),
    )
    found = extract_into(tmp_path, archive, MemoryStream(LIBRARY))
    assert found == {"libonnx.so": LIBRARY, "so/libonnx.so.1": LIBRARY}


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_hard_links_there_are_copies(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    data = release("tar.gz")
    archive = locked(data, "tar.gz", of_member("a.so", LIBRARY), of_member("b.so", LIBRARY))
    found = extract_into(tmp_path, archive, MemoryStream(data))
    assert found == {"a.so": LIBRARY, "b.so": LIBRARY}
    assert not (tmp_path / "outside/staging/a.so").samefile(tmp_path / "outside/staging/b.so")


@pytest.mark.parametrize(
    ("other", "what"),
    [
        pytest.param(LIBRARY[:-1] + b"x", "'b.so' has the SHA-256 ", id="other bytes"),
        pytest.param(LIBRARY + b"x", "'b.so' has 1024000 bytes, the lock says 1024001", id="size"),
    ],
)
@pytest.mark.parametrize("format", ["tar.gz", "zip"])
def test_a_member_is_what_each_of_its_files_has_to_be(
    format: str, other: bytes, what: str, tmp_path: Path
) -> None:
    data = release(format)
    archive = locked(data, format, of_member("a.so", LIBRARY), of_member("b.so", other))
    with pytest.raises(IntegrityError) as caught:
        extract_into(tmp_path, archive, MemoryStream(data))
    assert said(caught.value).startswith(what)


def test_a_loose_file_is_what_each_of_its_names_has_to_be(tmp_path: Path) -> None:
    archive = replace(
        locked_archive(LIBRARY, "file", {}),
        files=(locked_file("a.so", LIBRARY), of_member("b.so", LIBRARY + b"x", "a.so")),
    )
    with pytest.raises(IntegrityError) as caught:
        extract_into(tmp_path, archive, MemoryStream(LIBRARY))
    assert said(caught.value) == "'b.so' has 1024000 bytes, the lock says 1024001"


@pytest.mark.parametrize("format", ["tar.gz", "zip"])
def test_a_link_in_the_place_of_the_named_member_is_refused(format: str, tmp_path: Path) -> None:
    data = release(format)
    name = "onnx-1.32.0/lib/libonnx.so.1"
    archive = locked(data, format, of_member("a.so", LIBRARY, name))
    with pytest.raises(IntegrityError) as caught:
        extract_into(tmp_path, archive, MemoryStream(data))
    assert said(caught.value) == f"{name!r} is a symbolic link, the lock says that it is a file"


def test_a_second_name_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exists(*_: object) -> None:
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", exists)
    data = release("tar.gz")
    archive = locked(data, "tar.gz", of_member("a.so", LIBRARY), of_member("b.so", LIBRARY))
    with pytest.raises(UsageError, match=r"'b\.so' cannot be written: File exists"):
        extract_into(tmp_path, archive, MemoryStream(data))
