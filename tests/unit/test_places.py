"""What a person may write for the place of a release."""

from __future__ import annotations

import pytest

from cgo_prebuilt.drafting.places import (
    GitHubPlace,
    PagePlace,
    links_of,
    parse_place,
    tag_in,
)
from cgo_prebuilt.drafting.survey import ListedAsset
from cgo_prebuilt.url import Url

GITHUB = Url("https://github.com")


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("acme/vec", "acme/vec", ""),
        ("acme/vec.go@v1.2.3", "acme/vec.go", "v1.2.3"),
        ("acme/vec@native/v1", "acme/vec", "native/v1"),
        ("github.com/acme/vec", "acme/vec", ""),
        ("github.com/acme/vec@v1.2.3", "acme/vec", "v1.2.3"),
        ("https://github.com/acme/vec", "acme/vec", ""),
        ("https://github.com/acme/vec.git", "acme/vec", ""),
        ("https://github.com/acme/vec/releases", "acme/vec", ""),
        ("https://github.com/acme/vec/releases/latest", "acme/vec", ""),
        ("https://github.com/acme/vec/releases/tag/v1.2.3", "acme/vec", "v1.2.3"),
        ("https://github.com/acme/vec/releases/tag/native/v1%2B2#notes", "acme/vec", "native/v1+2"),
        ("https://github.com/acme/vec/releases/expanded_assets/v1", "acme/vec", "v1"),
    ],
)
def test_a_release_on_github_is_a_repository_and_a_tag(
    text: str, repository: str, tag: str
) -> None:
    assert parse_place(text, GITHUB) == GitHubPlace(repository, tag)


def test_a_file_is_told_from_a_page_by_its_name() -> None:
    file = "https://github.com/acme/vec/releases/download/v1.2.3/vec-1.2.3.tgz"
    assert parse_place(file, GITHUB) == ListedAsset("vec-1.2.3.tgz", Url(file))
    assert tag_in(Url(file), GITHUB) == ("vec", "v1.2.3")
    assert tag_in(Url("https://example.com/v1.2.3/vec.tgz"), GITHUB) == ("", "")
    page = "https://example.com/vec/1.2.3/"
    assert parse_place(page, GITHUB) == PagePlace(Url(page))
    assert parse_place("https://example.com/libvec.so.1.2", GITHUB) == ListedAsset(
        "libvec.so.1.2", Url("https://example.com/libvec.so.1.2")
    )
    assert parse_place("not a place", GITHUB) is None


def test_the_links_of_a_page_are_files_each_once() -> None:
    page = (
        '<a href="../">up</a><a href="vec%201.tgz">x</a><A HREF="/other/vec.zip#sha256=0">y</A>'
        '<a href="https://cdn.example.com/vec.whl">z</a><a href="vec%201.tgz">again</a>'
        '<a href="mailto:a@b">m</a><a href="a%2Fb.zip">s</a><a>none</a><a href="http://[">bad</a>'
    )
    found = links_of(page, Url("https://example.com/d/"))
    assert {asset.file: asset.url.raw for asset in found} == {
        "vec 1.tgz": "https://example.com/d/vec%201.tgz",
        "vec.zip": "https://example.com/other/vec.zip",
        "vec.whl": "https://cdn.example.com/vec.whl",
    }
