"""Links inside an archive: which file each stands for, and those that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cgo_prebuilt.archives.member import FILE, FOLDER, HARD_LINK, SYMBOLIC_LINK, Member
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases import catalog as catalog_module
from cgo_prebuilt.releases.catalog import Catalog, read_catalog
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    ZipEntry,
    compress,
    locked_archive,
    pax,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import extract_into

LIBRARY = b"\x7fELF a library" * 50
UNIX_LINK = 0o120777 << 16


def catalog(*members: str) -> Catalog:
    """Members: `name` for a file, `name/` for a folder, `name -> target`, `name => target` for hard links."""

    def all_members() -> Iterator[Member]:
        for text in members:
            name, _, target = text.partition(" -> ")
            name, _, hard = name.partition(" => ")
            kind = HARD_LINK if hard else SYMBOLIC_LINK if target else FILE
            if name.endswith("/"):
                name, kind = name[:-1], FOLDER
            yield Member(name, kind, 0, lambda: iter(()), link=hard or target)

    return read_catalog(all_members(), where="lib.tar.gz")


@pytest.mark.parametrize(
    ("members", "name", "holder"),
    [
        pytest.param(["lib/x.so"], "lib/x.so", "lib/x.so", id="a file"),
        pytest.param(["lib/x.so"], "lib/y.so", None, id="nothing"),
        pytest.param(["lib/x.so"], "lib", None, id="a folder"),
        pytest.param(
            ["lib/x.so -> x.so.1", "lib/x.so.1 -> x.so.1.2", "lib/x.so.1.2"],
            "lib/x.so",
            "lib/x.so.1.2",
            id="a chain",
        ),
        pytest.param(["lib/x.so -> ./x.so.1", "lib/x.so.1"], "lib/x.so", "lib/x.so.1", id="./"),
        pytest.param(
            ["lib/x.so -> ../lib64//x.so", "lib64/x.so"], "lib/x.so", "lib64/x.so", id="../ and //"
        ),
        pytest.param(
            ["lib -> lib64", "lib64/x.so"], "lib/x.so", "lib64/x.so", id="a folder's link"
        ),
        pytest.param(
            [
                "F/Headers -> Versions/Current/Headers",
                "F/Versions/Current -> A",
                "F/Versions/A/Headers/f.h",
            ],
            "F/Headers/f.h",
            "F/Versions/A/Headers/f.h",
            id="a framework",
        ),
        pytest.param(
            ["a/b -> ../c/d", "c/x.so", "c/d/", "x.so"],
            "a/b/../x.so",
            "c/x.so",
            id="what is above a linked folder",
        ),
        pytest.param(["lib/x", "bin/x => lib/x"], "bin/x", "lib/x", id="a hard link"),
        pytest.param(["x", "b => x", "a => ./b"], "a", "x", id="a hard link to a hard link"),
        pytest.param(
            [f"l{n} -> l{n + 1}" for n in range(40)] + ["l40"], "l0", "l40", id="a long chain"
        ),
    ],
)
def test_a_name_leads_to_the_member_that_holds_its_bytes(
    members: list[str], name: str, holder: str | None
) -> None:
    assert catalog(*members).member_of(name) == holder


@pytest.mark.parametrize(
    ("members", "what"),
    [
        pytest.param(["x -> x"], "'x' is a link that leads in a circle", id="itself"),
        pytest.param(["x -> y", "y -> x"], "'x' is a link that leads in a circle", id="a circle"),
        pytest.param(
            [f"l{n} -> l{n + 1}" for n in range(41)] + ["l41", "x -> l0"],
            "'x' is a link that leads in a circle",
            id="a chain that is too long",
        ),
        pytest.param(
            ["x -> /usr/lib/x"], "'x' is a link that leads to an absolute path", id="absolute"
        ),
        pytest.param(["x -> ../x"], "'x' is a link that leads out of the archive", id="outside"),
        pytest.param(
            ["a/x -> ..", "x -> a/x/../y", "y"],
            "'x' is a link that leads out of the archive",
            id="outside, over a link",
        ),
        pytest.param(
            ["x => ../x"],
            "'x' is a link that leads to '../x', which is not an earlier file",
            id="outside, hard",
        ),
        pytest.param(
            ["x => y", "y"],
            "'x' is a link that leads to 'y', which is not an earlier file",
            id="hard, to what comes later",
        ),
        pytest.param(
            ["a", "y -> a", "x => y"],
            "'x' is a link that leads to 'y', which is not an earlier file",
            id="hard, to a link",
        ),
        pytest.param(
            ["y/", "y/a", "x => y"],
            "'x' is a link that leads to 'y', which is not an earlier file",
            id="hard, to a folder",
        ),
        pytest.param(
            ["y", "x => y/"],
            "'x' is a link that leads through 'y', which is not a folder",
            id="hard, with a slash at its end",
        ),
        pytest.param(
            ["y", "x -> y/"],
            "'x' is a link that leads through 'y', which is not a folder",
            id="a slash at its end",
        ),
        pytest.param(
            ["y", "z", "x -> y/../z"],
            "'x' is a link that leads through 'y', which is not a folder",
            id="through a file",
        ),
        pytest.param(
            ["z", "x -> y/../z"],
            "'x' is a link that leads through 'y', which is not a folder",
            id="through nothing",
        ),
        pytest.param(
            ["x -> y"], "'x' is a symbolic link to 'y', which the archive lacks", id="dangling"
        ),
        pytest.param(
            ["x => y"],
            "'x' is a link that leads to 'y', which is not an earlier file",
            id="dangling, hard",
        ),
        pytest.param(
            ["x -> y/z", "y -> b", "y/z", "b/z"],
            "'y' is a link and something else",
            id="over a link through which something is written",
        ),
        pytest.param(
            ["x -> y", "x -> z", "y", "z"],
            "'x' is a link and something else",
            id="two links of one name",
        ),
        pytest.param(["x", "y", "y -> z"], "'y' is a link and something else", id="another's link"),
        pytest.param(["x", "y/", "y -> z"], "'y' is a link and something else", id="a folder, too"),
        pytest.param(["y -> z", "/y/a", "x"], "'y' is a link and something else", id="from afar"),
        pytest.param(["/x", "x"], "duplicate name 'x'", id="an absolute name beside it"),
        pytest.param(["x", "y/../x"], "duplicate name 'x'", id="a name that steps back beside it"),
        pytest.param(
            ["x", "/x/y"], "'x' is a file and a folder", id="a file and a folder, from afar"
        ),
        pytest.param(["x -> y", "y", "y"], "duplicate name 'y'", id="two targets of one name"),
        pytest.param(["x -> y", "y", "y/z"], "'y' is a file and a folder", id="file and folder"),
    ],
)
def test_a_link_that_leads_to_no_file_of_the_archive_is_refused(
    members: list[str], what: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        catalog(*members).member_of("x")
    assert caught.value.what == what
    assert caught.value.where == "lib.tar.gz"
    assert caught.value.remedy


def test_a_device_at_the_end_of_a_link_is_refused() -> None:
    found = catalog("x -> y", "y")
    found.kinds["y"] = "device or FIFO"
    with pytest.raises(IntegrityError, match="'y' is a device or FIFO"):
        found.member_of("x")


def test_the_files_are_those_that_a_glob_finds() -> None:
    found = catalog(
        "inc/", "inc/a.h", "inc/sub/b.h", "include -> inc", "a.h -> inc/a.h", "gone -> /etc/passwd"
    )
    assert sorted(found.files()) == [
        "a.h",
        "gone",
        "inc/a.h",
        "inc/sub/b.h",
        "include/a.h",
        "include/sub/b.h",
    ]


def test_a_link_to_the_root_is_followed_once() -> None:
    found = catalog("x", "a/self -> ..")
    assert sorted(found.files()) == ["a/self/a/self", "a/self/x", "x"]


def test_links_that_multiply_are_not_followed_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "_STEPS_MAX", 10_000)
    found = catalog(*(f"link{n} -> ." for n in range(300)), *(f"f{n}" for n in range(300)))
    with pytest.raises(IntegrityError, match="it has too many links to follow"):
        list(found.files())


@pytest.mark.parametrize(
    ("constant", "value", "members"),
    [
        pytest.param("NAMES_MAX", 3, ["a", "b", "c", "d"], id="many members"),
        pytest.param("_NAME_BYTES_MAX", 100, ["a" * 101], id="long names"),
        pytest.param("_NAME_BYTES_MAX", 100, ["/".join("abcdefghijklmnop")], id="deep folders"),
        pytest.param("_NAME_BYTES_MAX", 100, [f"a -> {'b' * 100}"], id="long links"),
    ],
)
def test_names_that_take_too_much_memory_make_no_lock(
    constant: str, value: int, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, constant, value)
    with pytest.raises(IntegrityError, match="members or more, too many to lock"):
        catalog(*members)


def test_a_link_of_a_zip_has_an_end() -> None:
    data = zip_archive(ZipEntry("x", b"y" * 4097, attributes=UNIX_LINK))
    with pytest.raises(IntegrityError, match="the link 'x' has more than 4096 bytes"):
        index(
            MemoryStream(data),
            ArchiveSpec("lib.zip", (), "zip", "", ""),
            WantedFiles(["x"]),
            where="lib",
        )


# From an archive with links to a lock, and from that to files.


def release(format: str, prefix: str = "") -> bytes:
    """The usual shape of a release with a shared library, links before what they lead to."""
    links = {
        "onnx/lib/libonnx.so": "libonnx.so.1",
        "onnx/lib/libonnx.so.1": "libonnx.so.1.32.0",
        "onnx/include": "inc",
    }
    files = {"onnx/lib/libonnx.so.1.32.0": LIBRARY, "onnx/inc/onnx.h": b"header"}
    if format == "zip":
        return zip_archive(
            *(ZipEntry(name, to.encode(), attributes=UNIX_LINK) for name, to in links.items()),
            *(ZipEntry(name, data) for name, data in files.items()),
        )
    members = [
        pax({"linkpath": to}) + tar_member(f"{prefix}{name}", kind=b"2")
        for name, to in links.items()
    ]
    members += [tar_member(f"{prefix}{name}", data) for name, data in files.items()]
    return compress(b"".join(members) + END_OF_TAR, format)


@pytest.mark.parametrize(
    ("format", "prefix"),
    [("tar.gz", ""), ("tar.gz", "./"), ("tar.xz", ""), ("tar.zst", "./"), ("zip", "")],
)
def test_a_release_with_links_is_locked_and_extracted_as_files(
    format: str, prefix: str, tmp_path: Path
) -> None:
    data = release(format, prefix)
    spec = ArchiveSpec(f"lib.{format}", (), format, "onnx", "")
    found = index(
        MemoryStream(data), spec, WantedFiles(["lib/libonnx.so", "include/**"]), where=spec.file
    )
    assert [(file.path, file.member) for file in found.files] == [
        ("include/onnx.h", "onnx/inc/onnx.h"),
        ("lib/libonnx.so", "onnx/lib/libonnx.so.1.32.0"),
    ]
    archive = locked_archive(data, format, {}, "onnx")
    archive = type(archive)(
        archive.file, (), archive.sha256, archive.size, format, found.strip_prefix, found.files
    )
    assert extract_into(tmp_path, archive, MemoryStream(data)) == {
        "include/onnx.h": b"header",
        "lib/libonnx.so": LIBRARY,
    }


@pytest.mark.parametrize(
    ("links", "what"),
    [
        ({"libx.so": "/usr/lib/libx.so"}, "'libx.so' is a link that leads to an absolute path"),
        ({"libx.so": "../libx.so"}, "'libx.so' is a link that leads out of the archive"),
        ({"libx.so": "libx.so"}, "'libx.so' is a link that leads in a circle"),
    ],
)
@pytest.mark.parametrize("format", ["tar.gz", "zip"])
def test_a_bad_link_makes_no_lock(format: str, links: dict[str, str], what: str) -> None:
    if format == "zip":
        data = zip_archive(
            *(ZipEntry(name, to.encode(), attributes=UNIX_LINK) for name, to in links.items())
        )
    else:
        tar = b"".join(tar_member(name, kind=b"2", link=to) for name, to in links.items())
        data = compress(tar + END_OF_TAR, format)
    spec = ArchiveSpec(f"lib.{format}", (), format, "", "")
    for wanted in (WantedFiles(["libx.so"]), WantedFiles(["**"])):
        with pytest.raises(IntegrityError) as caught:
            index(MemoryStream(data), spec, wanted, where=spec.file)
        assert caught.value.what == what


def test_an_unused_bad_link_is_skipped() -> None:
    tar = tar_member("gone", kind=b"2", link="/etc/passwd") + tar_member("x.a", b"x")
    spec = ArchiveSpec("lib.tar.gz", (), "tar.gz", "", "")
    data = compress(tar + END_OF_TAR, "tar.gz")
    found = index(MemoryStream(data), spec, WantedFiles(["x.a"]), where="lib")
    assert [file.path for file in found.files] == ["x.a"]


def test_files_that_macos_adds_are_not_headers() -> None:
    tar = tar_member("inc/x.h", b"x") + tar_member("inc/._x.h", b"resource fork")
    spec = ArchiveSpec("lib.tar.gz", (), "tar.gz", "", "")
    data = compress(tar + END_OF_TAR, "tar.gz")
    found = index(MemoryStream(data), spec, WantedFiles(["inc/**"]), where="lib")
    assert [file.path for file in found.files] == ["inc/x.h"]
    named = index(MemoryStream(data), spec, WantedFiles(["inc/._x.h"]), where="lib")
    assert [file.path for file in named.files] == ["inc/._x.h"]


def test_a_link_without_a_target_leads_nowhere() -> None:
    data = zip_archive(ZipEntry("x", b"", attributes=UNIX_LINK), ZipEntry("y", b"1"))
    spec = ArchiveSpec("lib.zip", (), "zip", "", "")
    with pytest.raises(IntegrityError, match="'x' is a link that leads nowhere"):
        index(MemoryStream(data), spec, WantedFiles(["x"]), where=spec.file)


def test_a_path_below_a_file_is_not_locked() -> None:
    """It was, and then could not be extracted."""
    with pytest.raises(IntegrityError, match="'lib' is a file and the folder of 'lib/x'"):
        catalog("lib", "lib/x").member_of("lib/x")
    with pytest.raises(IntegrityError, match="'lib' is a file and the folder of 'lib/x'"):
        catalog("lib/x", "/lib").member_of("lib/x")
