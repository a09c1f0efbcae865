"""What URLs mean, and that nothing prints the secrets in them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import cgo_prebuilt
from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.starlark_tables import parse_tables
from cgo_prebuilt.url import Url

SHARED = parse_tables((Path(__file__).parents[1] / "starlark/url_cases.bzl").read_text())
PACKAGE = Path(cgo_prebuilt.__file__).parent

RAW = {
    "locks/lock_json.py": "a lock is for other machines; the manifest's reader refuses secrets",
    "commands/fetch_cli.py": "`urls` is for other programs; it refuses secrets",
    "go_modules/goproxy_build.py": "a site is for the go command; it refuses secrets",
    "releases/registry.py": "takes a registry's API from it; what has a login is refused",
    "releases/github_api.py": "compares it with GITHUB_API_URL and GITHUB_SERVER_URL",
    "publishing/github_release.py": "adds a query",
    "publishing/registry_place.py": "adds a path or a query",
    "publisher_commands/lock_cli.py": "looks for the word `latest` in it",
    "drafting/draft.py": "derives names from it; the manifest's reader refuses secrets",
    "drafting/listing.py": "joins GITHUB_SERVER_URL and a release's path",
    "drafting/manifest_text.py": "a manifest is for other machines; its reader refuses secrets",
    "drafting/places.py": "compares it with GITHUB_SERVER_URL, and follows a page's links",
    "network/challenge.py": "asks it for a token",
    "network/credentials.py": "asks whether it is empty",
    "network/github_asset.py": "compares it with GITHUB_SERVER_URL, and adds a path to GITHUB_API_URL",
    "source/cargo_lock.py": "cargo wants it as a Cargo.lock has it",
    "source/git_crates.py": "hands it to git, and hides it in what that says",
    "releases/registry_reader.py": "adds a manifest's or a blob's path",
    "linking/required_version.py": "reads the repository of a release from it",
    "storage/kept_downloads.py": "hashes it: two URLs that differ in a secret part may be two files",
}
"""Who reads a URL with its secrets, and why it must."""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("https://host:8/a/b.zip", "https://host:8/a/b.zip"),
        ("https://me:pass@host:8/a?sig=x#f", "https://***@host:8/a?***"),
        ("https://me@host/a", "https://***@host/a"),
        # Characters that a password must have percent-encoded.
        ("https://me:pa/ss@host/a", "https://***@host/a"),
        ("https://me:pa#ss@host/a", "https://***@host/a"),
        ("https://me:pa?ss@host/a", "https://***@host/a"),
        ("https://me:pa@ss@host/a", "https://***@host/a"),
        ("https://me:pa\\ss@host/a", "https://***@host/a"),
        ("https://me:80/ss@host/a", "https://***@host/a"),
        ("https://tok/en@host/a", "https://***@host/a"),
        ("https://me.you:pa/s@s/w@host/a", "https://***@host/a"),
        # Malformed.
        ("https:/me:pass@host/a", "***@host/a"),
        ("https:///me:pass@host/a", "https://***@host/a"),
        ("me:pass@host/a", "***@host/a"),
        ("https://me:pass", "https://me:***"),
        ("https://me:pass/more", "https://me:***"),
        ("https://me:pass@[::1/a?x", "https://***@[::1/a?***"),
        ("http://[bad", "http://[bad"),
        ("https://host/\x1b[2Ja", "https://host/?[2Ja"),
        # An `@` that is part of a path, or of a digest.
        ("oci://127.0.0.1:5000/a@sha256:00", "oci://127.0.0.1:5000/a@sha256:00"),
        ("oci://me:pass@host/a@sha256:00", "oci://***@host/a@sha256:00"),
        ("oci://me:pass@sha256:00", "oci://***@sha256:00"),
        (
            "https://npm.example.com/@acme/a/-/a-1.tgz",
            "https://npm.example.com/@acme/a/-/a-1.tgz",
        ),
        ("http://localhost/a@1.zip", "http://localhost/a@1.zip"),
        ("file:///home/me@work/a.zip", "file:///home/me@work/a.zip"),
        ("file:///C:/a@b.zip", "file:///C:/a@b.zip"),
        ("{base}/{file}", "{base}/{file}"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
        ("", ""),
    ],
)
def test_a_url_prints_without_its_secrets(raw: str, shown: str) -> None:
    url = Url(raw)
    assert str(url) == f"{url}" == format(url) == shown
    assert repr(url) == f"Url({shown!r})"
    assert UnavailableError("gone", where=url, remedy="wait").where == shown
    with pytest.raises(TypeError):
        json.dumps(url)


def test_the_raw_url_is_read_where_it_must_be_and_nowhere_else() -> None:
    """What reads `.raw` may put it into a message: each reader is named here, with its reason."""
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "url.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "raw" and not _is_of_requests(node)
    }
    assert readers == RAW.keys()


def _is_of_requests(node: ast.Attribute) -> bool:
    """Whether it is the `raw` of a response, not that of a URL."""
    return isinstance(node.value, ast.Attribute | ast.Name) and ast.unparse(node.value).endswith(
        "response"
    )


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("https://host/a", None),
        ("https://host/a?file=b&version=1&design=x&author=me", None),
        ("https://me:pass@host/a", "a user or a password"),
        ("https://tok/en@host/a", "a user or a password"),
        ("https://me:pass/a", "a user or a password"),
        ("https://h/a?x=1&X-Amz-Signature=0", "a credential in its query, 'X-Amz-Signature'"),
        ("https://h/a?X-Amz-Security-Token=0", "a credential in its query, 'X-Amz-Security-Token'"),
        ("https://h/a?sv=1&sig=0", "a credential in its query, 'sig'"),
        ("https://h/a?private_token=0", "a credential in its query, 'private_token'"),
        ("https://h/a?AWSAccessKeyId=0", "a credential in its query, 'AWSAccessKeyId'"),
        ("https://h/a?jwt=0#f", "a credential in its query, 'jwt'"),
        ("https://h/a?password", "a credential in its query, 'password'"),
    ],
)
def test_credentials_in_a_url_are_found(raw: str, found: str | None) -> None:
    assert Url(raw).credential() == found


@pytest.mark.parametrize(
    ("raw", "scheme", "host", "name"),
    [
        ("HTTPS://me:pass@Host:8/a/b%20c.zip?x/y#z", "https", "host", "b c.zip"),
        ("https://host", "https", "host", ""),
        ("http://[bad", "http", "", ""),
        ("http://me:pass@h:port/a", "http", "", "a"),
        ("nonsense", "", "", ""),
    ],
)
def test_the_parts_of_a_url(raw: str, scheme: str, host: str, name: str) -> None:
    url = Url(raw)
    assert (url.scheme, url.host, url.name) == (scheme, host, name)


@pytest.mark.parametrize(
    "raw", ["http://me:pass@[::1/a", "http://me:pass@h:port/", "http://me:pass@h\u2100/"]
)
def test_a_malformed_url_is_not_quoted(raw: str) -> None:
    for read in (Url(raw).origin, Url(raw).login, Url(raw).without_login):
        with pytest.raises(ValueError, match=r"\Aa malformed URL\Z") as caught:
            read()
        assert caught.value.__suppress_context__


def test_a_login_is_decoded_and_the_rest_is_sent() -> None:
    url = Url("http://me:p%20%C3%BC@Host/a?x")
    assert url.login() == ("me", "p ü")
    assert url.without_login() == "http://Host/a?x"
    assert Url("http://me@h/").login() == ("me", "")
    assert Url("http://h/").login() is None


def test_a_sibling_has_the_login_and_not_the_query() -> None:
    assert Url("https://me:pass@h/v1/a.zip?x#f").sibling("B").raw == "https://me:pass@h/v1/B"
    assert Url("file:///d/a.zip").sibling("B").raw == "file:///d/B"


def test_a_folder_s_file_stands_before_the_query() -> None:
    assert Url("https://m/x/?sig=0").below("{file}").raw == "https://m/x/{file}?sig=0"
    assert Url("https://m/{file}?sig=0").below("{file}").raw == "https://m/{file}?sig=0"


def test_a_login_is_not_filled_in() -> None:
    assert Url("https://me:{a}@h/{a}").map(lambda text: text.replace("{a}", "b")).raw == (
        "https://me:{a}@h/b"
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a%20b/%C3%A4.zip", "/a b/ä.zip"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:///m%FF", "/m\udcff"),  # a name that is not UTF-8, as Linux allows
        ("http://host/a", None),
        ("http://[bad", None),
    ],
)
def test_file_url(url: str, path: str | None) -> None:
    assert Url(url).file(windows=False) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/a%20b", "C:/a b"),
        ("file:///C|/a", "C:/a"),
        ("file://server/share/a", "//server/share/a"),
        ("file:///a", "/a"),
    ],
)
def test_file_url_on_windows(url: str, path: str) -> None:
    assert Url(url).file(windows=True) == path


@pytest.mark.parametrize("url", ["file://elsewhere/a", "file://", "file:///a%00b"])
def test_file_url_that_names_no_file_here(url: str) -> None:
    with pytest.raises(ValueError, match="file URL"):
        Url(url).file(windows=False)


def test_origin_has_a_default_port() -> None:
    assert Url("https://Host/a").origin() == Url("https://host:443/b").origin()
    assert Url("http://host/a").origin() != Url("http://host:8080/a").origin()


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?c#d", "https://h/b?c"),
        ("b", "https://h/x/b"),
        ("//other/b", "https://other/b"),
        ("https://other/Ã¤", "https://other/ä"),
    ],
)
def test_redirect_target(location: str, target: str) -> None:
    assert Url("https://h/x/a").redirect(location).raw == target


@pytest.mark.parametrize(
    "location",
    [
        "http://h/?sig=secret",
        "file:///a",
        "javascript:1",
        "https://me:secret@[::1/",
        "ftp://me:secret@h/",
    ],
)
def test_redirect_that_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match="a redirect") as caught:
        Url("https://h/x/a").redirect(location)
    assert "secret" not in str(caught.value)


def test_the_rules_agree_on_fetchable_urls() -> None:
    urls = [*SHARED["FETCHABLE"], *SHARED["NOT_FETCHABLE"]]
    assert [url for url in urls if Url(url).is_fetchable()] == SHARED["FETCHABLE"]
