"""Extraction against hostile names, links and collisions: what the lock names is all that is written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    ZipEntry,
    pax,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import (
    extract_bytes,
    extract_tar,
    index_bytes,
    index_tar,
    said,
)

GOOD = {"lib/x.a": b"library"}
GOOD_TAR = tar_member("lib/x.a", b"library")
GOOD_ZIP = ZipEntry("lib/x.a", b"library")

LINK, SYMLINK = b"1", b"2"
UNIX_LINK = 0o120777 << 16

HOSTILE = [
    pytest.param("/etc/cron.d/x", "it is absolute", id="absolute"),
    pytest.param("../precious", "the part '..'", id="dot-dot"),
    pytest.param("lib/../../precious", "the part '..'", id="dot-dot inside"),
    pytest.param("lib\\..\\..\\precious", "a backslash", id="backslashes"),
    pytest.param("C:\\precious", "a backslash", id="drive letter with a backslash"),
    pytest.param("C:precious", "a colon", id="drive letter"),
    pytest.param("\\\\server\\share\\x", "a backslash", id="UNC"),
    pytest.param("//server/share/x", "it is absolute", id="UNC with slashes"),
    pytest.param("lib/x.a\0.txt", "a control character", id="NUL"),
    pytest.param("lib/\x1b[31m", "a control character", id="control characters"),
    pytest.param("lib/\udcff", "it is not UTF-8", id="not UTF-8"),
    pytest.param("CON", "a device on Windows", id="Windows: CON"),
    pytest.param("lib/nul.txt", "a device on Windows", id="Windows: nul.txt"),
    pytest.param("lib/x. ", "a dot or a space", id="Windows: trailing dot or space"),
    pytest.param("./.", "it is empty", id="empty"),
]


@pytest.mark.parametrize(("name", "why"), HOSTILE)
class TestHostileName:
    def test_in_a_tar_is_never_written(self, name: str, why: str, tmp_path: Path) -> None:
        hostile = pax({"path": name}) + tar_member("x", b"hostile")
        assert extract_tar(tmp_path, hostile + GOOD_TAR, GOOD) == GOOD

    def test_in_a_tar_is_not_locked(self, name: str, why: str) -> None:
        with pytest.raises(IntegrityError) as caught:
            index_tar(pax({"path": name}) + tar_member("x", b"hostile"))
        assert why in said(caught.value)

    def test_in_a_zip_is_never_written(self, name: str, why: str, tmp_path: Path) -> None:
        hostile = ZipEntry(name.encode("utf-8", "surrogateescape"), b"hostile")
        data = zip_archive(hostile, GOOD_ZIP)
        assert extract_bytes(tmp_path, data, "zip", GOOD) == GOOD

    def test_in_a_lock_is_refused(self, name: str, why: str, tmp_path: Path) -> None:
        hostile = pax({"path": name}) + tar_member("x", b"hostile")
        with pytest.raises(IntegrityError) as caught:
            extract_tar(tmp_path, hostile, {"" if name == "./." else name: b"hostile"})
        assert why in said(caught.value)


@pytest.mark.parametrize(("name", "why"), [case for case in HOSTILE if case.id != "not UTF-8"])
def test_hostile_name_in_a_zip_is_not_locked(name: str, why: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        index_bytes(zip_archive(ZipEntry(name.encode(), b"hostile")), "zip")
    assert why in said(caught.value)


def test_zip_name_that_is_not_utf8_is_read_as_cp437(tmp_path: Path) -> None:
    data = zip_archive(ZipEntry(b"\x81.h", b"1"))
    assert index_bytes(data, "zip")[0].path == "ü.h"
    assert extract_bytes(tmp_path, data, "zip", {"ü.h": b"1"}) == {"ü.h": b"1"}


def test_zip_name_that_says_it_is_utf8_and_is_not_is_refused() -> None:
    with pytest.raises(IntegrityError, match="the zip is malformed: 'utf-8' codec can't decode"):
        index_bytes(zip_archive(ZipEntry(b"\xff.h", b"1", flags=1 << 11)), "zip")


@pytest.mark.parametrize("name", ["./lib/x.a", "lib//x.a", ".//lib/./x.a", "lib/x.a"])
def test_dot_slash_and_doubled_slashes_mean_nothing(name: str, tmp_path: Path) -> None:
    assert (
        extract_tar(tmp_path, tar_member("./", kind=b"5") + tar_member(name, b"library"), GOOD)
        == GOOD
    )
    assert [file.path for file in index_tar(tar_member(name, b"library"))] == ["lib/x.a"]


def test_members_outside_the_prefix_are_not_written(tmp_path: Path) -> None:
    members = (
        tar_member("lib/x.a", b"outside!")
        + tar_member("pre/lib/x.a", b"library")
        + tar_member("prefix/lib/x.a", b"too far")
    )
    assert extract_tar(tmp_path, members, GOOD, "pre") == GOOD


def test_members_outside_the_prefix_are_not_locked() -> None:
    members = (
        tar_member("lib/x.a", b"1") + tar_member("./pre/x.h", b"2") + tar_member("pred/x", b"3")
    )
    assert [file.path for file in index_tar(members, "pre")] == ["x.h"]


LINKS = [
    pytest.param(
        tar_member("lib", kind=SYMLINK, link="..") + GOOD_TAR,
        "'lib' is a symbolic link and the folder of a locked file",
        id="symlink, then a write through it",
    ),
    pytest.param(
        tar_member("lib", kind=b"5") + tar_member("lib", kind=SYMLINK, link="/tmp") + GOOD_TAR,
        "'lib' is a symbolic link and the folder of a locked file",
        id="symlink replaces a folder",
    ),
    pytest.param(
        tar_member("a", kind=SYMLINK, link=".")
        + tar_member("a/b", kind=SYMLINK, link="..")
        + tar_member("lib", kind=SYMLINK, link="a/b/..")
        + GOOD_TAR,
        "'lib' is a symbolic link and the folder of a locked file",
        id="nested symlinks",
    ),
    pytest.param(
        tar_member("s", kind=SYMLINK, link="/etc/passwd")
        + tar_member("lib/x.a", kind=LINK, link="s"),
        "'lib/x.a' is a hard link, the lock says that it is a file",
        id="hard link to a symlink",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=LINK, link="../../precious"),
        "'lib/x.a' is a hard link, the lock says that it is a file",
        id="hard link out of the tree",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=SYMLINK, link="../../precious"),
        "'lib/x.a' is a symbolic link, the lock says that it is a file",
        id="symlink out of the tree",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=b"3"),
        "'lib/x.a' is a device or FIFO, the lock says that it is a file",
        id="character device",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=b"4"),
        "'lib/x.a' is a device or FIFO, the lock says that it is a file",
        id="block device",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=b"6"),
        "'lib/x.a' is a device or FIFO, the lock says that it is a file",
        id="FIFO",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=b"s"),
        "'lib/x.a' is a member of type b's', the lock says that it is a file",
        id="socket",
    ),
    pytest.param(
        tar_member("lib/x.a", kind=b"5"),
        "'lib/x.a' is a folder, the lock says that it is a file",
        id="folder in place of a file",
    ),
    pytest.param(
        tar_member("lib", b"file") + GOOD_TAR,
        "'lib' is a file and the folder of a locked file",
        id="file against folder",
    ),
    pytest.param(
        GOOD_TAR + tar_member("lib/x.a", b"hostile") + tar_member("lib/y.a", b"y"),
        "duplicate member 'lib/x.a'",
        id="duplicate name",
    ),
    pytest.param(
        GOOD_TAR + tar_member("./lib//x.a", b"library") + tar_member("lib/y.a", b"y"),
        "duplicate member 'lib/x.a'",
        id="duplicate name, spelled differently",
    ),
    pytest.param(
        GOOD_TAR + tar_member("lib/x.a", kind=SYMLINK, link="y.a") + tar_member("lib/y.a", b"y"),
        "'lib/x.a' is a symbolic link, the lock says that it is a file",
        id="symlink with the name of a file before it",
    ),
    pytest.param(
        GOOD_TAR + tar_member("lib/x.a/y", b"1") + tar_member("lib/y.a", b"y"),
        "'lib/x.a' is a locked file and the folder of 'lib/x.a/y'",
        id="a locked file as the folder of another one",
    ),
    pytest.param(
        tar_member("/lib/x.a", b"other") + GOOD_TAR,
        "duplicate member 'lib/x.a', as '/lib/x.a'",
        id="an absolute name beside it",
    ),
    pytest.param(
        tar_member("y/../lib/x.a", b"other") + GOOD_TAR,
        "duplicate member 'lib/x.a', as 'y/../lib/x.a'",
        id="a name that steps back beside it",
    ),
    pytest.param(
        tar_member("../lib", kind=SYMLINK, link="..") + GOOD_TAR,
        "'../lib' is a symbolic link and the folder of a locked file",
        id="a symlink that others put in a folder's place",
    ),
]


@pytest.mark.parametrize(("members", "what"), LINKS)
def test_what_is_in_the_way_of_a_locked_file_is_refused(
    members: bytes, what: str, tmp_path: Path
) -> None:
    files = dict(GOOD)
    if b"lib/y.a" in members:
        files["lib/y.a"] = b"y"
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, members, files)
    assert said(caught.value) == what


@pytest.mark.parametrize(("members", "_"), LINKS)
def test_what_is_in_the_way_of_a_file_is_not_locked(members: bytes, _: str) -> None:
    """Not even where the lock names no more of the archive: it could not be fetched."""
    spec = ArchiveSpec("lib.tar", (), "tar", "", "")
    with suppress(IntegrityError):
        found = index(
            MemoryStream(members + END_OF_TAR), spec, WantedFiles(["lib/x.a"]), where="lib.tar"
        )
        assert found.files == ()


def test_a_link_in_the_way_of_a_folder_below_another_is_refused(tmp_path: Path) -> None:
    path = "include/vec/ext/x.h"
    members = tar_member("include/vec", kind=SYMLINK, link="..") + tar_member(path, b"1")
    with pytest.raises(IntegrityError) as caught:
        extract_tar(tmp_path, members, {path: b"1"})
    assert said(caught.value) == (
        "'include/vec' is a symbolic link and the folder of a locked file"
    )


def test_links_and_devices_elsewhere_are_passed_over(tmp_path: Path) -> None:
    members = (
        tar_member("link", kind=SYMLINK, link="/etc")
        + tar_member("link/passwd", b"hostile")
        + tar_member("hard", kind=LINK, link="/etc/passwd")
        + tar_member("null", kind=b"3")
        + tar_member("pipe", kind=b"6")
        + tar_member("socket", b"s" * 600, kind=b"s")
    )
    assert extract_tar(tmp_path, members + GOOD_TAR, GOOD) == GOOD


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        pytest.param(
            [ZipEntry("lib/x.a", b"library", attributes=UNIX_LINK)],
            "'lib/x.a' is a symbolic link, the lock says that it is a file",
            id="symlink",
        ),
        pytest.param(
            [ZipEntry("lib", b"..", attributes=UNIX_LINK), GOOD_ZIP],
            "'lib' is a symbolic link and the folder of a locked file",
            id="symlink, then a write through it",
        ),
        pytest.param(
            [ZipEntry("lib/x.a", b"library", attributes=0o010644 << 16)],
            "'lib/x.a' is a device, FIFO or socket, the lock says that it is a file",
            id="FIFO",
        ),
        pytest.param(
            [GOOD_ZIP, ZipEntry("lib/x.a", b"hostile")],
            "duplicate member 'lib/x.a'",
            id="duplicate name, although nothing is missing then",
        ),
        pytest.param(
            [ZipEntry("lib/x.a/", b"")],
            "'lib/x.a' is a folder, the lock says that it is a file",
            id="folder in place of a file",
        ),
    ],
)
def test_what_is_in_the_way_of_a_locked_file_in_a_zip_is_refused(
    entries: list[ZipEntry], what: str, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError) as caught:
        extract_bytes(tmp_path, zip_archive(*entries), "zip", GOOD)
    assert said(caught.value) == what


@pytest.mark.parametrize(
    ("names", "what"),
    [
        pytest.param(["lib/X.a", "lib/x.a"], "are one file where case", id="names in case only"),
        pytest.param(["é", "e\u0301"], "are one file where case or Unicode", id="NFC against NFD"),
        pytest.param(["x", "x"], "duplicate name 'x'", id="duplicate names"),
        pytest.param(["x", "x/y"], "'x' is a file and a folder", id="file and folder"),
    ],
)
def test_colliding_names_are_not_locked(names: list[str], what: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        index_tar(b"".join(tar_member(name, b"x") for name in names))
    assert what in said(caught.value)


def test_colliding_names_in_a_lock_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="are one file where case"):
        extract_tar(tmp_path, b"", {"lib/X.a": b"", "lib/x.a": b""})
    assert not list((tmp_path / "outside" / "staging").iterdir())


def test_a_name_that_differs_in_case_from_a_locked_one_is_skipped(tmp_path: Path) -> None:
    assert extract_tar(tmp_path, tar_member("LIB/X.A", b"hostile") + GOOD_TAR, GOOD) == GOOD


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o000, 0o777])
def test_setuid_and_all_other_mode_bits_are_dropped(mode: int, tmp_path: Path) -> None:
    extract_tar(tmp_path, tar_member("lib/x.a", b"library", mode=mode), GOOD)
    assert (tmp_path / "outside/staging/lib/x.a").stat().st_mode & 0o7777 == 0o644


def test_a_selected_device_is_not_locked() -> None:
    with pytest.raises(IntegrityError) as caught:
        index_tar(GOOD_TAR + tar_member("lib/y.a", kind=b"6"))
    assert said(caught.value) == "'lib/y.a' is a device or FIFO"
    assert caught.value.remedy == "select other files"


@pytest.mark.timeout(60)  # a look at each of its folders would take an hour
@pytest.mark.parametrize("part", ["a/", "../", "a/../"])
def test_a_member_in_half_a_million_folders_takes_no_time(part: str, tmp_path: Path) -> None:
    deep = pax({"path": part * (900_000 // len(part)) + "b"}) + tar_member("x", b"other")
    assert extract_tar(tmp_path, deep + GOOD_TAR, GOOD) == GOOD
