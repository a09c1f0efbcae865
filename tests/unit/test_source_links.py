"""The files that the links of a source archive lead to."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.source.source_files import extract_source
from cgo_prebuilt.source.source_links import linked_files, target_of
from tests.unit.library_case import files_below

FILES = ("README.md", "inc/a.h", "inc/b.h", "core/src/lib.rs")
IN_TWO = {"two/a.h": "inc/a.h", "two/b.h": "inc/b.h"}


def linked(links: Mapping[str, str]) -> dict[str, str]:
    targets = {name: target_of(name, link) for name, link in links.items()}
    return linked_files(dict.fromkeys(FILES), targets, "a.tar")


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({"core/README.md": "../README.md"}, {"core/README.md": "README.md"}),
        ({"include": "inc"}, {"include/a.h": "inc/a.h", "include/b.h": "inc/b.h"}),
        ({"one.h": "two/a.h", "two": "./inc"}, {"one.h": "inc/a.h", **IN_TWO}),
        ({"one": "two", "two": "README.md"}, {"one": "README.md", "two": "README.md"}),
        ({"gone": "nothing", "out": "../README.md", "root": "/README.md"}, {}),
        ({"self": "self", "one": "two", "two": "one", "core/up": "..", "core/all": "."}, {}),
        ({"inc/a.h": "../README.md"}, {}),
    ],
    ids=["file", "folder", "through a folder", "chain", "elsewhere", "circles", "file as well"],
)
def test_a_link_gives_the_files_that_it_leads_to(
    links: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    assert linked(links) == expected


def test_links_that_multiply_are_not_followed_forever() -> None:
    links = {f"{folder}/{number}": other for folder, other in ("ab", "ba") for number in range(50)}
    with pytest.raises(IntegrityError, match="too many links to follow"):
        linked_files({}, links, "a.tar")


def test_an_archive_gives_what_its_links_lead_to(tmp_path: Path) -> None:
    """As in a workspace, whose crates include its README by a link."""
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name, kind, link in (
            ("a-1/core/README.md", tarfile.SYMTYPE, "../README.md"),
            ("a-1/README.md", tarfile.REGTYPE, ""),
            ("a-1/same.md", tarfile.LNKTYPE, "a-1/README.md"),
            ("a-1/outside.md", tarfile.LNKTYPE, "b-1/README.md"),
            ("a-1/passwd", tarfile.SYMTYPE, "/etc/passwd"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = 0 if link else 4
            tar.addfile(member, io.BytesIO(b"read"))
    names = extract_source(archive, "tar", "a-1", tmp_path / "out")
    expected = ["README.md", "core/README.md", "same.md"]
    assert sorted(names) == files_below(tmp_path / "out") == expected
    assert {(tmp_path / "out" / name).read_bytes() for name in expected} == {b"read"}
    assert not any((tmp_path / "out" / name).is_symlink() for name in expected)
