"""Tokens and passwords: as they can be sent, and in no message."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import CgoPrebuiltError, UnavailableError, UsageError
from cgo_prebuilt.network.api_session import ApiSession
from cgo_prebuilt.network.credentials import github_token
from cgo_prebuilt.network.http_session import HttpSession, failure_of
from cgo_prebuilt.network.retry import Failure, Kind
from cgo_prebuilt.releases.github_api import GitHubSite
from cgo_prebuilt.url import Url
from tests.unit.transport_case import SETTINGS

SECRET = "ghp_a-secret-token"


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
    assert GitHubSite.of(environ).token == token


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
    session = ApiSession({"Authorization": f"Bearer {SECRET}\n{SECRET}"})
    with pytest.raises(UnavailableError, match="a malformed URL or header") as caught:
        session.ask(Url("http://127.0.0.1:1/"))
    assert_silent(caught.value, SECRET)


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
    with HttpSession(SETTINGS, {}) as session, pytest.raises(Failure) as caught:
        session.open(Url(url))
    failure = caught.value
    assert (failure.kind, failure.reason) == (Kind.MALFORMED, "a malformed URL or header")


def test_a_password_in_a_malformed_proxy_is_in_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://me:secret@[::1")
    with HttpSession(SETTINGS, {}) as session, pytest.raises(Failure) as caught:
        session.open(Url("http://no-such-host.invalid/a"))
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
    assert failure.reason == "there is a SOCKS proxy, and no PySocks to speak to it"


def assert_silent(error: CgoPrebuiltError, secret: str) -> None:
    """Neither it nor what led to it has the secret."""
    assert secret not in str(error)
    assert error.__suppress_context__
