"""What a release says of its files: asked once, compared, and refused where it disagrees."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.releases.release_digests import (
    Statement,
    check_statements,
    collect_statements,
)
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import OTHER_SUMS

A, B = "a" * 64, "b" * 64
BASE = "https://example.com/v1"


def archive(file: str, *urls: str, sha256: str = A) -> Download:
    return Download(file, tuple(map(Url, urls or (f"{BASE}/{file}",))), sha256)


class Web:
    """Texts by URL, and what GitHub says; remembers what was asked."""

    def __init__(self, texts: Mapping[str, str], github: Mapping[str, str] | None = None) -> None:
        self.texts = texts
        self.github = github
        self.asked: list[str] = []
        self.notes: list[str] = []

    def read_text(self, url: Url) -> str | None:
        self.asked.append(url.raw)
        if self.texts.get(url.raw) == "unreachable":
            raise UnavailableError("no usable answer", where=url, remedy="wait")
        return self.texts.get(url.raw)

    def read_assets(self, url: Url) -> tuple[Url, Mapping[str, str]] | None:
        self.asked.append("github")
        return None if self.github is None else (Url("https://github.com/release"), self.github)

    def statements(self, *archives: Download) -> list[Statement]:
        return collect_statements(archives, self.read_text, self.read_assets, self.notes.append)


def test_each_place_is_asked_once_whatever_the_number_of_archives() -> None:
    web = Web({f"{BASE}/SHA256SUMS": f"{A}  a.zip\n{B} *b.zip\n"}, {"b.zip": B})
    a, b = archive("a.zip"), archive("b.zip")
    assert web.statements(a, b) == [
        Statement(Url(f"{BASE}/SHA256SUMS"), a, A),
        Statement(Url(f"{BASE}/SHA256SUMS"), b, B),
        Statement(Url("https://github.com/release"), b, B),
    ]
    assert web.asked == [f"{BASE}/SHA256SUMS", "github"]
    assert web.notes == []


def test_no_sums_is_fine() -> None:
    web = Web({})
    assert web.statements(archive("a.zip")) == []
    assert web.notes == []


def test_a_name_that_the_url_changes_is_looked_up_as_the_url_has_it() -> None:
    web = Web({f"{BASE}/SHA256SUMS": f"{A}  other name.zip\n"})
    (found,) = web.statements(archive("a.zip", f"{BASE}/other%20name.zip"))
    assert found.archive.file == "a.zip"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "unreachable",
            f"not cross-checked with {BASE}/SHA256SUMS: no usable answer",
        ),
        (
            "<html>",
            f"not cross-checked with {BASE}/SHA256SUMS: '<html>' is not a hash and a file",
        ),
    ],
)
def test_a_place_that_cannot_be_asked_is_noted(text: str, note: str) -> None:
    web = Web({f"{BASE}/SHA256SUMS": text})
    assert web.statements(archive("a.zip")) == []
    assert web.notes == [note]


def test_agreement_is_silent() -> None:
    check_statements(
        [Statement(Url("x"), archive("a.zip"), A), Statement(Url("y"), archive("a.zip"), A)]
    )


def test_disagreement_names_everybody_and_ends_with_exit_code_4() -> None:
    said = [
        Statement(Url(who), archive("a.zip"), what)
        for who, what in zip("xyz", (B, A, B), strict=True)
    ]
    with pytest.raises(IntegrityError) as caught:
        check_statements(said)
    assert f"a.zip has the SHA-256 {A}, not {B}" in caught.value.what
    assert caught.value.where == "x, z"
    assert caught.value.exit_code == 4


def test_archives_of_one_name_are_compared_each_with_its_own_sums() -> None:
    web = Web({f"{BASE}/{folder}/SHA256SUMS": f"{B}  libvec.a\n" for folder in ("one", "two")})
    one = archive("libvec.a", f"{BASE}/one/libvec.a")
    two = archive("libvec.a", f"{BASE}/two/libvec.a", sha256=B)
    with pytest.raises(IntegrityError, match="not " + B) as caught:
        check_statements(web.statements(one, two))
    assert caught.value.where == f"{BASE}/one/SHA256SUMS"


def test_the_query_of_a_url_is_not_that_of_its_sums() -> None:
    web = Web({})
    web.statements(archive("a.zip", "https://me:pass@h/v1/a.zip?token=x#f"))
    assert web.asked[:2] == ["https://me:pass@h/v1/SHA256SUMS", "github"]
    assert web.asked[2:] == [
        f"https://me:pass@h/v1/{name}" for name in (*OTHER_SUMS, "a.zip.sha256")
    ]


BY_BSD = f"SHA256 (a.zip) = {B.upper()}\nSHA512 (a.zip) = {B}{B}\n"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("SHASUMS256.txt", f"{B}  a.zip\n"),
        ("SHASUMS256.txt", f"{B.upper()} *./a.zip\r\n\n# a remark\n"),
        ("checksums.txt", BY_BSD),
        ("sha256sum.txt", f"SHA2-256(a.zip)= {B}\n"),
        ("a.zip.sha256", f"{B}\n"),
        ("a.zip.sha256", f"{B}  build/../a.zip\n{B}  a.zip\n"),
    ],
)
def test_sums_are_found_under_the_names_and_in_the_forms_that_there_are(
    place: str, text: str
) -> None:
    web = Web({f"{BASE}/{place}": text})
    (statement,) = web.statements(archive("a.zip"))
    assert (statement.source, statement.sha256) == (Url(f"{BASE}/{place}"), B)
    with pytest.raises(IntegrityError):
        check_statements([statement])


GET_FILE_HASH = (
    "\nAlgorithm       Hash                                      Path\n"
    f"---------       ----                                      ----\nSHA256          {B.upper()} "
)


@pytest.mark.parametrize("place", ["SHA256SUMS", "checksums.txt", "a.zip.sha256"])
@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n\n{B}  a.zip\n",
        f"\ufeff{B}  a.zip\r\n",
        f"{B} a.zip",
        f"{B}\ta.zip",
        f"{B}   *a.zip",
        f"a.zip  {B}",
        f"a title\n{B}  a.zip",
        f"{B}  dist/a.zip",
        f"{B}  build\\a.zip",
        f"{B}  one/a.zip\n{B}  two/a.zip",
        f"{A}  dist/a.zip\n{B}  a.zip",
        GET_FILE_HASH + "C:\\acme\\dist\\a.zip\n\n",
        f"SHA256 (dist/a.zip) = {B}",
        # Two that contradict each other, in either order.
        f"{B}  a.zip\n{A}  a.zip",
        f"{A}  dist/a.zip\n{B}  dist/a.zip",
    ],
)
def test_a_wrong_hash_is_refused_in_whatever_form_it_is_listed(place: str, text: str) -> None:
    web = Web({f"{BASE}/{place}": text})
    with pytest.raises(IntegrityError, match=f"a.zip has the SHA-256 {A}, not {B}"):
        check_statements(web.statements(archive("a.zip")))


@pytest.mark.parametrize("place", ["SHA256SUMS", "checksums.txt", "a.zip.sha256"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{B}  b.zip\n", "it does not list a.zip with one SHA-256"),
        (f"{A}  one/a.zip\n{B}  two/a.zip\n", "it does not list a.zip with one SHA-256"),
        (f"{B}{B}  a.zip\n", f"'{B}{B}  a.zip' is not a hash and a file"),
        (f"{'c' * 40}  a.zip\n", f"'{'c' * 40}  a.zip' is not a hash and a file"),
        (f"MD5 (a.zip) = {'c' * 32}\n", f"'MD5 (a.zip) = {'c' * 32}' is not a hash and a file"),
    ],
)
def test_sums_that_do_not_say_the_hash_are_noted(place: str, text: str, why: str) -> None:
    web = Web({f"{BASE}/{place}": text})
    assert web.statements(archive("a.zip"), archive("a.zip", sha256=B)) == []
    assert web.notes == [f"not cross-checked with {BASE}/{place}: {why}"]


def test_empty_sums_are_noted_and_other_names_are_asked() -> None:
    web = Web({f"{BASE}/SHA256SUMS": "", f"{BASE}/a.zip.sha256": f"{B}  -\n"})
    (statement,) = web.statements(archive("a.zip"))
    assert (statement.source, statement.sha256) == (Url(f"{BASE}/a.zip.sha256"), B)
    assert web.notes == [
        f"not cross-checked with {BASE}/SHA256SUMS: it does not list a.zip with one SHA-256"
    ]


def test_a_page_for_people_is_no_sums() -> None:
    texts = {f"{BASE}/{place}": "\n<html>" for place in ("SHASUMS256.txt", "a.zip.sha256")}
    web = Web(texts)
    assert web.statements(archive("a.zip")) == []
    assert web.notes == []


def test_a_server_that_fails_is_asked_once() -> None:
    web = Web({f"{BASE}/SHA256SUMS": "unreachable"})
    assert web.statements(archive("a.zip"), archive("b.zip")) == []
    assert web.asked == [f"{BASE}/SHA256SUMS", "github"]
    assert len(web.notes) == 1
