"""Placeholders in manifests and mirrors."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.template import fill, fill_url, url_below, values_for
from cgo_prebuilt.url import Url

VALUES = values_for("vec", "v1.2.3", parse_platform("linux_amd64_musl"))


def test_every_placeholder_has_the_value_that_its_name_says() -> None:
    text = fill("{name} {version} {platform} {os} {arch}", VALUES, where="here")
    assert text == "vec v1.2.3 linux_amd64_musl linux amd64"


def test_a_text_without_placeholders_stays_as_it_is() -> None:
    assert fill("-Wl,-rpath,$ORIGIN", VALUES, where="here") == "-Wl,-rpath,$ORIGIN"


@pytest.mark.parametrize("text", ["{verison}", "{}", "{ version }", "{0}"])
def test_an_unknown_placeholder_is_named_with_those_that_there_are(text: str) -> None:
    with pytest.raises(ManifestError, match="unknown placeholder") as caught:
        fill(text, VALUES, where="here")
    assert caught.value.where == "here"
    assert caught.value.remedy == "use {arch}, {bare_version}, {name}, {os}, {platform}, {version}"


def test_a_value_is_not_filled_in_again() -> None:
    assert fill("{name}", {"name": "{version}", "version": "1"}, where="here") == "{version}"


@pytest.mark.parametrize(
    ("version", "url"),
    [
        ("release/v1", "https://a/release/v1/x"),
        ("v1+cuda", "https://a/v1+cuda/x"),
        ("v1#2?3", "https://a/v1%232%3F3/x"),
        ("100%", "https://a/100%25/x"),
        ("ü", "https://a/%C3%BC/x"),
    ],
)
def test_a_value_in_a_url_is_percent_encoded(version: str, url: str) -> None:
    assert fill_url(Url("https://a/{version}/x"), {"version": version}, where="here") == Url(url)


def test_what_stands_around_the_placeholders_of_a_url_is_left_alone() -> None:
    assert fill_url(Url("https://a/?x=%20&f={f}"), {"f": "b"}, where="here") == Url(
        "https://a/?x=%20&f=b"
    )


@pytest.mark.parametrize("base", ["https://mirror/vec", "https://mirror/vec/"])
def test_a_mirror_without_placeholders_is_a_folder_of_files(base: str) -> None:
    assert url_below(Url(base), {"file": "a b.zip"}, where="here") == Url(
        "https://mirror/vec/a%20b.zip"
    )


def test_a_mirror_with_placeholders_is_a_template() -> None:
    values = {**VALUES, "file": "a.zip"}
    assert url_below(Url("https://m/{name}?f={file}"), values, where="here") == Url(
        "https://m/vec?f=a.zip"
    )
