"""The texts of a module site."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.file_lock import hold
from cgo_prebuilt.go_modules.go_release import GoRelease
from cgo_prebuilt.go_modules.goproxy_build import SeparateZips, Site, build_site, version_time
from cgo_prebuilt.go_modules.goproxy_pages import (
    caddy_site,
    module_page,
    nginx_site,
    not_found_page,
    page_path,
    parse_redirects,
    redirects_file,
)
from cgo_prebuilt.manifests.manifest import parse_manifest

REDIRECTS = {"a.dev/!x/@v/v1.0.0.zip": "https://example.com/r/x.zip?a=1"}


def test_a_page_has_a_tag_for_its_module() -> None:
    page = module_page({"a.dev/x": "https://a.dev/?a&b"})
    assert '<meta name="go-import" content="a.dev/x mod https://a.dev/?a&amp;b">' in page


def test_a_page_is_where_the_path_below_its_host_says() -> None:
    assert page_path("a.dev/x/v2") == "x/v2/index.html"
    assert page_path("a.dev") == "index.html"


def test_the_page_for_everything_else_has_no_two_tags_that_match_one_path() -> None:
    proxies = dict.fromkeys(["a.dev/x", "a.dev/x/v2", "a.dev/x-linux-amd64"], "https://a.dev")
    page = not_found_page(proxies)
    assert 'content="a.dev/x mod ' in page
    assert 'content="a.dev/x-linux-amd64 mod ' in page
    assert "a.dev/x/v2" not in page


def test_redirects_are_read_as_they_were_written() -> None:
    assert (
        redirects_file(REDIRECTS) == "/a.dev/!x/@v/v1.0.0.zip https://example.com/r/x.zip?a=1 302\n"
    )
    assert parse_redirects(redirects_file(REDIRECTS)) == REDIRECTS


def test_servers_redirect_zips() -> None:
    assert (
        'location = "/a.dev/!x/@v/v1.0.0.zip" { return 302 "https://example.com/r/x.zip?a=1"; }'
        in nginx_site(REDIRECTS)
    )
    assert "redir /a.dev/!x/@v/v1.0.0.zip https://example.com/r/x.zip?a=1 302\n" in caddy_site(
        REDIRECTS
    )


def test_the_time_of_a_version_comes_from_the_environment_or_is_fixed() -> None:
    assert version_time({"SOURCE_DATE_EPOCH": "0"}) == "1970-01-01T00:00:00Z"
    assert version_time({}) == version_time({"SOURCE_DATE_EPOCH": ""}) == "1980-01-01T00:00:00Z"


@pytest.mark.parametrize("value", ["today", "1e3", "9" * 30])
def test_a_time_that_is_no_number_of_seconds_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH is") as caught:
        version_time({"SOURCE_DATE_EPOCH": value})
    assert caught.value.remedy is not None


DOCUMENT = {
    "name": "x",
    "version": "v1.0.0",
    "archives": [{"file": "x.zip"}],
    "static_library": "x.a",
    "platforms": {"linux_amd64": {}},
    "go": {"module": "a.dev/x"},
}


@pytest.mark.parametrize("option", ["--url", "--zip-url"])
@pytest.mark.parametrize(
    "url",
    [
        "file:///tmp",
        "https://a.dev/$x",
        'https://a.dev/"',
        "https://a.dev/a b",
        "a.dev",
        "https://a.dev/x;y",
    ],
)
def test_a_url_that_would_break_a_servers_settings_is_refused(
    option: str, url: str, tmp_path: Path
) -> None:
    manifest = parse_manifest(DOCUMENT, where="prebuilt.yaml", folder=tmp_path)
    zips = SeparateZips(url, tmp_path) if option == "--zip-url" else None
    with pytest.raises(UsageError, match="is not a URL that the go command") as caught:
        build_site(
            manifest,
            GoRelease({}, lambda *_: None),
            Site(tmp_path / "site", None if zips else url, zips),
            time="",
        )
    assert caught.value.where == option
    assert not (tmp_path / "site").exists()


def test_nobody_waits_for_ever_for_who_builds_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = parse_manifest(DOCUMENT, where="prebuilt.yaml", folder=tmp_path)
    release = GoRelease({}, lambda *_: None)
    waits = list[str]()
    monkeypatch.setattr("cgo_prebuilt.go_modules.goproxy_build.PATIENCE", 0.2)
    with (
        hold(tmp_path / ".cgo-prebuilt.lock", keep_file=False),
        pytest.raises(UsageError) as caught,
    ):
        build_site(
            manifest,
            release,
            Site(tmp_path),
            time="",
            on_wait=lambda: waits.append("told"),
        )
    assert waits == ["told"]
    what = "is building the site, and has shown no sign of life for 0.2 s"
    assert caught.value.what == f"process {os.getpid()} {what}"
