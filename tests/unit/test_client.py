"""One request: proxies, certificates, credentials and redirects, with real servers."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import Behavior, Exchange, HostileServer, ranges, redirect, whole
from tests.unit.transport_case import BODY, SETTINGS, download, fetch, left_over

TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL", "GITHUB_SERVER_URL")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = (*TOKENS, *PROXIES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


class Authority:
    """A private certificate authority, and a TLS context for `localhost`, or as `issued` says."""

    def __init__(self, folder: Path, host: str = "localhost", **issued: Any) -> None:
        authority = trustme.CA()
        self.path = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.path))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host, **issued).configure_cert(self.context)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


def netrc(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    place = folder / "netrc"
    place.write_text(text)
    place.chmod(0o600)
    monkeypatch.setenv("NETRC", str(place))


# Certificates.


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_private_ca(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(authority.path))
    with HostileServer({"/a": [ranges(BODY)]}, tls=authority.context) as server:
        fetch(tmp_path, download(server.url("/a", host="localhost")))


def test_tls_error_is_never_retried_and_names_the_remedy(
    tmp_path: Path, authority: Authority
) -> None:
    with HostileServer({"/a": [whole(BODY)]}, tls=authority.context) as server:
        with pytest.raises(UnavailableError, match="TLS: ") as caught:
            fetch(tmp_path, download(server.url("/a", host="localhost")))
        assert server.connections == 1
    assert "SSL_CERT_FILE" in (caught.value.remedy or "")
    assert ", 3 times" not in str(caught.value)


def test_tls_error_goes_to_the_next_mirror(tmp_path: Path, authority: Authority) -> None:
    with (
        HostileServer({}, tls=authority.context) as secure,
        HostileServer({"/a": [whole(BODY)]}) as plain,
    ):
        fetch(tmp_path, download(secure.url("/a", host="localhost"), plain.url("/a")))


def test_certificate_of_another_host_is_refused(tmp_path: Path, trusted: Authority) -> None:
    with (
        HostileServer({"/a": [whole(BODY)]}, tls=trusted.context) as server,
        pytest.raises(UnavailableError, match="TLS: "),
    ):
        fetch(tmp_path, download(server.url("/a", host="127.0.0.1")))


@pytest.mark.parametrize(
    ("issued", "what", "remedy"),
    [
        ({"not_after": datetime(2026, 1, 1)}, "certificate has expired", "this machine's clock"),
        ({"not_before": datetime(2090, 1, 1)}, "not yet valid", "this machine's clock"),
        ({"host": "other.example"}, "not valid for 'localhost'", "check the host in the URL"),
    ],
)
def test_a_certificate_of_a_known_authority_has_a_remedy_of_its_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    issued: dict[str, Any],
    what: str,
    remedy: str,
) -> None:
    authority = Authority(tmp_path, **issued)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with (
        HostileServer({"/a": [whole(BODY)]}, tls=authority.context) as server,
        pytest.raises(UnavailableError, match=what) as caught,
    ):
        fetch(tmp_path, download(server.url("/a", host="localhost")))
    assert remedy in (caught.value.remedy or "")
    assert "SSL_CERT_FILE" not in (caught.value.remedy or "")


def test_https_to_a_port_without_tls_says_so(tmp_path: Path) -> None:
    """As nginx answers a handshake at a port for http."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        server = threading.Thread(target=refuse, daemon=True)
        server.start()
        with pytest.raises(UnavailableError, match="TLS: ") as caught:
            fetch(tmp_path, download(f"https://127.0.0.1:{listener.getsockname()[1]}/a"))
        server.join()
    assert "scheme and port" in (caught.value.remedy or "")


def test_ca_file_that_is_missing_says_which_variable_names_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with (
        HostileServer({"/a": [whole(BODY)]}, tls=authority.context) as server,
        pytest.raises(UnavailableError, match=r"SSL_CERT_FILE names .*missing\.pem"),
    ):
        fetch(tmp_path, download(server.url("/a", host="localhost")))


def test_redirect_from_https_to_http_is_refused(tmp_path: Path, trusted: Authority) -> None:
    with HostileServer({"/b": [whole(BODY)]}) as plain:
        script: dict[str, list[Behavior]] = {"/a": [redirect(plain.url("/b"))]}
        with (
            HostileServer(script, tls=trusted.context) as secure,
            pytest.raises(UnavailableError, match="a redirect from https to http"),
        ):
            fetch(tmp_path, download(secure.url("/a", host="localhost")))
        assert plain.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_login_follows_no_redirect_from_https_to_http_to_an_api_either(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    netrc(tmp_path, monkeypatch, "machine localhost login me password pass\n")
    with HostileServer({"/b": [whole(b"[]")]}) as plain:
        script: dict[str, list[Behavior]] = {"/a": [redirect(plain.url("/b", host="localhost"))]}
        with HostileServer(script, tls=trusted.context) as secure:
            api = Api(HttpClient(SETTINGS, os.environ))
            with pytest.raises(UnavailableError, match="a redirect from https to http"):
                api.send(method, Url(secure.url("/a", host="localhost")))
            assert secure.requests[0].headers["authorization"] == "Basic bWU6cGFzcw=="
        assert plain.requests == []


# Credentials.


def test_a_github_token_goes_to_the_github_of_the_environment_alone(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    with HostileServer({"/a": [whole(BODY)]}, tls=trusted.context) as server:
        wanted = download(server.url("/a", host="localhost"))
        fetch(tmp_path, wanted)
        monkeypatch.setenv("GITHUB_SERVER_URL", server.url("", host="localhost"))
        fetch(tmp_path, wanted)
        assert [r.headers.get("authorization") for r in server.requests] == [None, "Bearer secret"]


@pytest.mark.parametrize(
    ("name", "value"),
    [*((name, "secret") for name in TOKENS[:2]), ("GITHUB_TOKEN", "secret\n")],
    ids=[*TOKENS[:2], "from a file that ends in a line feed"],
)
def test_either_name_of_the_github_token_works(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with HostileServer({"/a": [whole(BODY)]}, tls=trusted.context) as server:
        monkeypatch.setenv("GITHUB_SERVER_URL", server.url("", host="localhost"))
        fetch(tmp_path, download(server.url("/a", host="localhost")))
        assert server.requests[0].headers["authorization"] == "Bearer secret"


def test_a_github_token_that_cannot_be_sent_is_never_shown(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret\nX-Other: secret")
    with HostileServer({"/a": [whole(BODY)]}, tls=trusted.context) as server:
        wanted = download(server.url("/a", host="localhost"))
        fetch(tmp_path, wanted)  # which sends it nowhere
        monkeypatch.setenv("GITHUB_SERVER_URL", server.url("", host="localhost"))
        with pytest.raises(UsageError, match="GITHUB_TOKEN: the GitHub token has") as caught:
            fetch(tmp_path, wanted)
        assert len(server.requests) == 1
        assert "secret" not in str(caught.value)


def test_netrc_is_honored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc(tmp_path, monkeypatch, "machine 127.0.0.1 login me password pass\n")
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert server.requests[0].headers["authorization"] == "Basic bWU6cGFzcw=="


@pytest.mark.parametrize(
    "text", ["machine 127.0.0.1 login me password pass\n", "default login me password pass\n"]
)
def test_redirect_to_another_host_drops_the_authorization_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    netrc(tmp_path, monkeypatch, text)
    with HostileServer({"/b": [whole(BODY)]}) as other:
        location = other.url("/b", host="localhost")
        with HostileServer({"/a": [redirect(location)]}) as first:
            fetch(tmp_path, download(first.url("/a")))
            assert "authorization" in first.requests[0].headers
        assert "authorization" not in other.requests[0].headers


def test_user_and_password_of_a_url_stay_on_its_host(tmp_path: Path) -> None:
    with HostileServer({"/b": [whole(BODY)]}) as other:
        with HostileServer({"/a": [redirect(other.url("/b"))]}) as first:
            fetch(tmp_path, download(f"http://me:p%20s@127.0.0.1:{first.port}/a"))
            assert first.requests[0].headers["authorization"] == "Basic bWU6cCBz"
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("text", ["machine", "\x00", "nonsense here"])
def test_netrc_that_is_malformed_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    netrc(tmp_path, monkeypatch, text)
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("name", ["", "~no-such-user/netrc"])
def test_a_user_without_a_home_has_no_netrc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A container may run as a number that no passwd entry has."""
    pwd = pytest.importorskip("pwd")

    def no_entry(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("NETRC", name)
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 1


# Faults of our own.


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes requests for `/bad` break the client; gives their URLs."""
    asked = list[str]()
    send = HttpClient.open

    def broken(session: HttpClient, url: Url, *rest: Any, **options: Any) -> Answer:
        if url.name == "bad":
            asked.append(url.raw)
            raise AttributeError("no such thing")
        return send(session, url, *rest, **options)

    monkeypatch.setattr(HttpClient, "open", broken)
    return asked


def test_a_bug_is_neither_retried_nor_reported_as_unavailable(
    tmp_path: Path, faulty: list[str]
) -> None:
    """Of a want, the policy `auto` would make a build from source, and nobody would know."""
    bad = "http://127.0.0.1:1/bad"
    with pytest.raises(AttributeError, match="no such thing"):
        fetch(tmp_path, download(bad))
    assert faulty == [bad]


def test_after_an_internal_error_the_next_mirror_is_tried(
    tmp_path: Path, faulty: list[str]
) -> None:
    """A hostile server may know how to bring one about."""
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download("http://127.0.0.1:1/bad", server.url("/a")))
    assert len(faulty) == 1


# Proxies.


def forward(exchange: Exchange) -> None:
    """An http proxy that answers from its own store, as a caching one would."""
    whole(BODY)(exchange)


def tunnel(exchange: Exchange) -> None:
    """CONNECT: joins the connection with one to the port that is asked for."""
    import socket

    port = int(exchange.request.target.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as far:
        exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")

        def pump(source: socket.socket, sink: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        back = threading.Thread(target=pump, args=(far, exchange.connection), daemon=True)
        back.start()
        pump(exchange.connection, far)
        back.join(5)


def test_http_proxy_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = "http://no-such-host.invalid/a"
    with HostileServer({target: [forward]}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url(""))
        fetch(tmp_path, download(target))
        assert proxy.requests[0].target == target


def test_https_goes_through_the_proxy_in_a_tunnel(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer({"/a": [ranges(BODY)]}, tls=trusted.context) as server:
        where = f"localhost:{server.port}"
        with HostileServer({where: [tunnel]}) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url(""))
            fetch(tmp_path, download(server.url("/a", host="localhost")))
            assert [request.target for request in proxy.requests] == [where]


def test_no_proxy_goes_past_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer({}) as proxy, HostileServer({"/a": [whole(BODY)]}) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url(""))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        fetch(tmp_path, download(server.url("/a")))
        assert proxy.requests == []


def test_proxy_that_is_down_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="the proxy: ") as caught:
        fetch(tmp_path, download("http://no-such-host.invalid/a"))
    assert caught.value.remedy == "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
    assert left_over(tmp_path) == []


def test_a_connection_that_cannot_be_closed_well_is_gone_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("requests.Session.close", close)
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))


def test_importing_the_transport_does_not_import_requests() -> None:
    import subprocess
    import sys

    import cgo_prebuilt

    folder = Path(cgo_prebuilt.__file__).parent.parent
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import cgo_prebuilt.network.transport; "
        "sys.exit('requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
