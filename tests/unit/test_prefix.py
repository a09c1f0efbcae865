"""Where in an archive a library is: by a pattern, by a file's name, and what to write where neither fits."""

from __future__ import annotations

import pytest

from cgo_prebuilt.archives.member import FILE, Member
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.catalog import Catalog, read_catalog
from cgo_prebuilt.releases.index import WantedFiles, index
from cgo_prebuilt.releases.prefix import advice_on, find_prefix, listed
from tests.unit.archive_builders import END_OF_TAR, MemoryStream, compress, tar_member

FILECOIN = (
    "tmp/tmp.kq2VxW5p9J/libfilcrypto.a",
    "tmp/tmp.kq2VxW5p9J/filcrypto.h",
    "tmp/tmp.kq2VxW5p9J/filcrypto.pc",
)
TWO = ("a/1/lib/libx.a", "a/1/x.h", "a/2/lib/libx.a", "a/2/y.h")


def catalog(*names: str) -> Catalog:
    members = (Member(name, FILE, 0, lambda: iter(())) for name in names)
    return read_catalog(members, where="lib.tar.gz")


def spec(strip_prefix: str = "", find: str = "") -> ArchiveSpec:
    return ArchiveSpec("lib.tar.gz", (), "tar.gz", strip_prefix, "", find)


@pytest.mark.parametrize(
    ("archive", "names", "prefix"),
    [
        (spec("tmp/*"), FILECOIN, "tmp/tmp.kq2VxW5p9J"),
        (spec("tmp/tmp.??????????"), FILECOIN, "tmp/tmp.kq2VxW5p9J"),
        (spec("*/*"), FILECOIN, "tmp/tmp.kq2VxW5p9J"),
        (spec(find="libfilcrypto.a"), FILECOIN, "tmp/tmp.kq2VxW5p9J"),
        (spec(find="tmp.kq2VxW5p9J/filcrypto.h"), FILECOIN, "tmp"),
        (spec(find="x.h"), TWO, "a/1"),
        (spec(find="x.a"), ("x.a", "y/libx.a"), ""),
        (spec("a/1"), TWO, "a/1"),
        (spec("no/such/folder"), TWO, "no/such/folder"),
        (spec(""), TWO, ""),
    ],
)
def test_a_prefix_is_found_by_pattern_and_by_a_file(
    archive: ArchiveSpec, names: tuple[str, ...], prefix: str
) -> None:
    assert find_prefix(archive, catalog(*names)) == prefix


@pytest.mark.parametrize(
    ("archive", "what"),
    [
        (spec("a/*"), "'strip_prefix: a/*' matches 2 folders of the archive: a/1, a/2"),
        (spec(find="libx.a"), "'find: libx.a' matches 2 folders of the archive: a/1/lib, a/2/lib"),
        (spec("b/*"), "'strip_prefix: b/*' matches nothing in the archive"),
        (spec(find="libz.a"), "'find: libz.a' matches nothing in the archive"),
    ],
)
def test_a_prefix_that_fits_none_or_several_is_refused(archive: ArchiveSpec, what: str) -> None:
    with pytest.raises(ManifestError) as caught:
        find_prefix(archive, catalog(*TWO))
    assert caught.value.what == what
    assert caught.value.where == "lib.tar.gz"
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_prefix_that_fits_several_says_what_to_write() -> None:
    with pytest.raises(ManifestError) as caught:
        find_prefix(spec("a/*"), catalog(*TWO))
    assert caught.value.remedy == "write a longer pattern for the right one into 'strip_prefix'"


def test_a_file_that_is_not_there_is_answered_with_one_like_it() -> None:
    with pytest.raises(ManifestError) as caught:
        find_prefix(spec(find="libfilcrypt.a"), catalog(*FILECOIN))
    assert str(caught.value.remedy).startswith("the archive has tmp/tmp.kq2VxW5p9J/libfilcrypto.a")


@pytest.mark.parametrize(
    ("path", "prefix", "names", "remedy"),
    [
        pytest.param(
            "libfilcrypto.a",
            "",
            FILECOIN,
            f"the archive has {FILECOIN[0]}: write `strip_prefix: tmp/tmp.kq2VxW5p9J`",
            id="the prefix is missing",
        ),
        pytest.param(
            "lib/libx.a",
            "a",
            TWO,
            "the archive has a/1/lib/libx.a, a/2/lib/libx.a:"
            " write `strip_prefix: a/1` or `strip_prefix: a/2`",
            id="two prefixes would fit",
        ),
        pytest.param(
            "lib/libx.a",
            "x-1.0",
            ("lib/libx.a",),
            "the archive has lib/libx.a: write no `strip_prefix`",
            id="a prefix too many",
        ),
        pytest.param(
            "include/**",
            "",
            ("x-1.0/include/x.h", "x-1.0/include/x/y.h"),
            "the archive has x-1.0/include/x.h, x-1.0/include/x/y.h: write `strip_prefix: x-1.0`",
            id="a glob over folders",
        ),
        pytest.param(
            "include/*.h",
            "",
            ("x-1.0/include/x.h",),
            "the archive has x-1.0/include/x.h: write `strip_prefix: x-1.0`",
            id="a glob within a folder",
        ),
        pytest.param(
            "lib/libx.a",
            "x",
            ("x/build/linux/libx.a", "x/x.h"),
            "the archive has build/linux/libx.a",
            id="another folder",
        ),
        pytest.param(
            "lib/libx.a",
            "x",
            ("y/linux/libx.a",),
            "the archive has y/linux/libx.a ('strip_prefix' is removed from the start of each)",
            id="another folder, outside the prefix",
        ),
        pytest.param(
            "lib/libvec.so",
            "",
            ("lib/libvec.so.1-dev", "lib/vec.txt"),
            "the archive has lib/libvec.so.1-dev",
            id="another name",
        ),
        pytest.param("lib/libvec.a", "", ("README", "x.h"), None, id="nothing like it"),
        pytest.param("lib/libvec.a", "", (), None, id="nothing at all"),
        pytest.param("**", "p", ("README",), None, id="a glob of everything"),
    ],
)
def test_what_is_not_found_is_answered_with_what_is_near(
    path: str, prefix: str, names: tuple[str, ...], remedy: str | None
) -> None:
    assert advice_on(path, prefix, names) == remedy


def test_of_many_names_some_are_listed() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(9)]) == "0, 1, 2, 3, 4 and 4 more"


def test_files_are_relative_to_the_prefix_that_was_found() -> None:
    tar = b"".join(tar_member(name, name.encode()) for name in FILECOIN)
    data = compress(tar + END_OF_TAR, "tar.gz")
    found = index(
        MemoryStream(data), spec("tmp/*"), WantedFiles(["*.h", "libfilcrypto.a"]), where="lib"
    )
    assert found.strip_prefix == "tmp/tmp.kq2VxW5p9J"
    assert [(file.path, file.member) for file in found.files] == [
        ("filcrypto.h", ""),
        ("libfilcrypto.a", ""),
    ]


def renamed(members: dict[str, str]) -> ArchiveSpec:
    return ArchiveSpec("lib.tar.gz", (), "tar.gz", "x", "", "", tuple(members.items()))


def test_a_member_may_get_another_name() -> None:
    tar = tar_member("x/build/libx.a.1", b"library") + tar_member("x/x.h", b"header")
    data = compress(tar + END_OF_TAR, "tar.gz")
    archive = renamed({"lib/libx.a": "build/libx.a.1"})
    found = index(MemoryStream(data), archive, WantedFiles(["lib/libx.a", "*.h"]), where="lib")
    assert [(file.path, file.member) for file in found.files] == [
        ("lib/libx.a", "x/build/libx.a.1"),
        ("x.h", ""),
    ]


def test_a_renamed_member_that_is_not_there_is_answered_with_what_is_near() -> None:
    data = compress(tar_member("x/lib/libx.a.1", b"library") + END_OF_TAR, "tar.gz")
    archive = renamed({"lib/libx.a": "libx.a.1"})
    with pytest.raises(ManifestError) as caught:
        index(MemoryStream(data), archive, WantedFiles(["lib/libx.a"]), where="lib")
    assert caught.value.what == "'members' names 'libx.a.1', which the archive lacks"
    assert caught.value.remedy == "the archive has x/lib/libx.a.1: write `strip_prefix: x/lib`"
