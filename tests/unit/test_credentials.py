"""Tokens and passwords: as they can be sent, and in no message."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.credentials import (
    credential_for,
    github_servers,
    github_token,
    is_github,
)
from cgo_prebuilt.network.failure import Failure, Kind, failure_of
from cgo_prebuilt.network.mirror import faulty_settings
from cgo_prebuilt.releases.github_api import GitHubSite
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import HostileServer, status
from tests.unit.transport_case import SETTINGS

SECRET = "ghp_a-secret-token"


def authorization(hop: Url, first: Url, environ: dict[str, str]) -> str | None:
    return credential_for(hop, first, environ).headers.get("Authorization")


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({}, None),
        ({"GITHUB_TOKEN": f"{SECRET}\n"}, SECRET),
        ({"GH_TOKEN": f"  {SECRET}\r\n"}, SECRET),
        ({"GITHUB_TOKEN": " \n", "GH_TOKEN": SECRET}, SECRET),
        ({"GITHUB_TOKEN": SECRET, "GH_TOKEN": "other"}, SECRET),
        ({"GITHUB_TOKEN": "", "GH_TOKEN": ""}, None),
    ],
)
def test_a_token_is_taken_without_the_space_around_it(
    environ: dict[str, str], token: str | None
) -> None:
    assert github_token(environ) == token
    assert GitHubSite.of(environ).has_token == (token is not None)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GH_TOKEN"])
@pytest.mark.parametrize("between", ["\n", "\r\nX-Other: ", "\0", " ", "\x7f", "ü", "\udcff"])
def test_a_token_that_cannot_be_sent_names_its_variable_and_not_itself(
    name: str, between: str
) -> None:
    with pytest.raises(UsageError, match="the GitHub token has a space, a control") as caught:
        github_token({name: f"{SECRET}{between}{SECRET}"})
    assert caught.value.where == name
    assert SECRET not in str(caught.value)


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    with HttpClient(SETTINGS, {}) as client, pytest.raises(Failure) as caught:
        client.open(Url("http://127.0.0.1:1/"), {"X-Token": f"{SECRET}\n{SECRET}"})
    failure = caught.value
    assert (failure.kind, failure.reason) == (Kind.MALFORMED, "a malformed URL or header")
    assert SECRET not in str(failure.error("no answer", Url("http://here/")))


@pytest.mark.parametrize(
    "url",
    [
        "http://me:se/cret@127.0.0.1:1/a",
        "http://me:secret@[::1/a",
        "http://me:secret@127.0.0.1:port/a",
        "http://me:se\udcffcret@127.0.0.1:1/a",
        "http://me:secret@exa mple/a",
        f"http://me:secret@{'a' * 70}.invalid/a",
    ],
)
def test_a_password_in_a_malformed_url_is_in_no_reason(url: str) -> None:
    with HttpClient(SETTINGS, {}) as client, pytest.raises(Failure) as caught:
        client.open(Url(url))
    failure = caught.value
    assert (failure.kind, failure.reason) == (Kind.MALFORMED, "a malformed URL or header")


def test_a_password_in_a_malformed_proxy_is_in_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://me:secret@[::1")
    with HttpClient(SETTINGS, {}) as client, pytest.raises(Failure) as caught:
        client.open(Url("http://no-such-host.invalid/a"))
    assert caught.value.kind is Kind.MALFORMED
    assert "HTTP_PROXY" in (caught.value.remedy or "")
    assert "secret" not in f"{caught.value.reason} {caught.value.remedy}"


def test_the_query_of_a_url_is_in_no_reason() -> None:
    """Of a signed URL it is what gives access; urllib3 puts it into its texts."""
    from requests.exceptions import ConnectionError, ProxyError
    from urllib3.exceptions import ProtocolError

    text = "Max retries exceeded with url: /a?signature=secret"
    for error in (ConnectionError(text), ConnectionError(ProtocolError(text)), ProxyError(text)):
        assert "secret" not in failure_of(error).reason


def test_a_socks_proxy_without_pysocks_says_so() -> None:
    from requests.exceptions import InvalidSchema

    failure = failure_of(InvalidSchema("Missing dependencies for SOCKS support."))
    assert failure.reason == "the proxy is a SOCKS proxy, which needs PySocks"


@pytest.mark.parametrize(
    ("url", "environ", "is_one"),
    [
        ("https://github.com/a", {}, True),
        ("https://api.github.com/a", {}, True),
        ("https://uploads.github.com/a", {}, True),
        ("http://github.com/a", {}, False),
        ("https://github.com:8443/a", {}, False),
        ("https://github.com.evil.example/a", {}, False),
        ("https://evil.example/github.com", {}, False),
        ("https://objects.githubusercontent.com/a", {}, False),
        ("https://uploads.evil.example/", {}, False),
        ("https://github.com@evil.example/", {}, False),
        ("http://[bad", {}, False),
        # A token of another GitHub is not for github.com.
        ("https://ghe.example/a", {"GITHUB_API_URL": "https://ghe.example/api/v3"}, True),
        ("https://api.github.com/a", {"GITHUB_API_URL": "https://ghe.example/api/v3"}, False),
        ("https://uploads.acme.ghe.com/a", {"GITHUB_API_URL": "https://api.acme.ghe.com"}, True),
        # One of the two says which GitHub it is, wherever the other would be by default.
        ("https://github.com/a", {"GITHUB_API_URL": "https://ghe.example/api/v3"}, False),
        ("https://acme.ghe.com/a", {"GITHUB_API_URL": "https://api.acme.ghe.com"}, True),
        ("https://api.github.com/a", {"GITHUB_SERVER_URL": "https://ghe.example"}, False),
        ("https://ghe.example/api/v3", {"GITHUB_SERVER_URL": "https://ghe.example/"}, True),
        ("https://api.acme.ghe.com/a", {"GITHUB_SERVER_URL": "https://acme.ghe.com"}, True),
        ("https://api.github.com/a", {"GITHUB_SERVER_URL": "https://github.com"}, True),
        ("http://ghe.example/a", {"GITHUB_API_URL": "http://ghe.example/api"}, False),
        ("http://localhost:8/a", {"GITHUB_API_URL": "http://localhost:8/api"}, True),
    ],
)
def test_where_a_github_token_may_go(url: str, environ: dict[str, str], is_one: bool) -> None:
    assert is_github(Url(url), environ) == is_one
    if url != "http://[bad":
        known = {"GH_TOKEN": "t", "NETRC": "/no/netrc", **environ}
        assert (authorization(Url(url), Url("https://first/"), known) == "Bearer t") == is_one


@pytest.mark.parametrize("name", ["GITHUB_SERVER_URL", "GITHUB_API_URL"])
@pytest.mark.parametrize("value", ["notaurl", "http://[bad", "file:///a", "https://", "h:8/a"])
def test_a_github_that_is_no_url_is_a_usage_error(name: str, value: str) -> None:
    environ = {name: value, "NETRC": "/no/netrc"}
    with pytest.raises(UsageError, match="the URL of a GitHub is malformed: ") as caught:
        github_servers(environ)
    assert caught.value.where == name
    assert [error.where for error in faulty_settings(environ)] == [name]  # `doctor`
    with pytest.raises(Failure, match=f"{name}: the URL of a GitHub is malformed: ") as failed:
        credential_for(Url("https://h/"), Url("https://h/"), environ)
    assert failed.value.kind is Kind.LOCAL


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"machine", "cannot be read: line "),
        (b"machine h login me secret", "cannot be read: line 1 is malformed"),
        (b"\xff\xfe", "cannot be read: "),
        ("folder", "cannot be read: Is a directory"),
        (b"machine h:8080 login me password secret", "has an entry for h:8080; netrc has hosts"),
    ],
)
def test_a_netrc_that_is_of_no_use_is_told_where_the_server_refuses(
    tmp_path: Path, content: bytes | str | None, words: str
) -> None:
    place = tmp_path / "netrc"
    if isinstance(content, bytes):
        place.write_bytes(content)
    elif content is not None:
        place.mkdir()
    sent = credential_for(Url("https://h:8080/"), Url("https://h:8080/"), {"NETRC": str(place)})
    assert sent.headers == {}
    assert sent.unread.startswith(f"NETRC names {place}, which {words}")
    assert "secret" not in sent.unread
    other = credential_for(Url("https://i/"), Url("https://i/"), {"HOME": "/no", "NETRC": ""})
    assert other.unread == ""


@pytest.mark.parametrize("refusal", [401, 403])
def test_the_next_step_names_a_netrc_that_is_not_there(refusal: int) -> None:
    environ = {"NETRC": "/no/netrc"}
    with (
        HostileServer({"/a": [status(refusal)]}) as server,
        HttpClient(SETTINGS, environ) as client,
        pytest.raises(Failure) as caught,
    ):
        client.open(Url(server.url("/a")))
    words = "NETRC names /no/netrc, which does not exist: correct it; or give credentials: "
    assert (caught.value.remedy or "").startswith(words)


@pytest.mark.parametrize(
    ("hop", "first", "is_sent"),
    [
        ("http://a/", "http://a/", True),
        ("https://a/", "https://b/", True),
        ("https://a/", "http://b/", True),
        # Whoever can answer over http could else have the password sent where anybody reads along.
        ("http://a/", "http://b/", False),
        ("http://a/", "https://a/", False),
        ("http://c/", "http://c/", False),
    ],
)
def test_a_netrc_entry_is_for_its_host_and_follows_a_redirect_over_https_only(
    tmp_path: Path, hop: str, first: str, is_sent: bool
) -> None:
    (tmp_path / "netrc").write_text("machine a login me password pass\n")
    environ = {"NETRC": str(tmp_path / "netrc")}
    header = authorization(Url(hop), Url(first), environ)
    assert header == ("Basic bWU6cGFzcw==" if is_sent else None)


def test_a_login_in_a_url_is_for_its_origin_and_comes_before_a_token() -> None:
    environ = {"GITHUB_TOKEN": "t", "NETRC": "/no/netrc"}
    first = Url("https://me:p%20s@github.com/a")
    assert authorization(first, first, environ) == "Basic bWU6cCBz"
    assert authorization(Url("https://me:x@other/"), first, environ) is None
