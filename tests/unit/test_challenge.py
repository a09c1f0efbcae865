"""A 401 that asks for a token is answered once, with what the registry's own login gives."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from cgo_prebuilt.network import challenge
from cgo_prebuilt.network.api import API_SETTINGS, Api
from cgo_prebuilt.network.challenge import read_challenge
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.credentials import Credential
from cgo_prebuilt.network.docker_config import IDENTITY, docker_login
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import Exchange, HostileServer, ranges, redirect, status, whole
from tests.unit.transport_case import BODY, SETTINGS, download, fetch

PATH = "/v2/acme/vec/blobs/sha256:0"
SECRET = "cAnArY"
LOGIN = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()


@dataclass
class Registry:
    """A registry and its token server, on one port; what each was sent as Authorization."""

    environ: dict[str, str]
    challenge: str = 'Bearer realm="{url}/token",service="r",scope="repository:acme/vec:pull"'
    answer: dict[str, object] = field(default_factory=lambda: {"token": "t1", "expires_in": 300})
    good: str = "t1"
    private: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def blob(self, exchange: Exchange) -> None:
        sent = exchange.request.headers.get("authorization", "")
        self.asked.append(("blob", sent))
        if sent == f"Bearer {self.good}":
            ranges(BODY)(exchange)
            return
        said = self.challenge.format(url=self.url)
        status(401, **{"WWW-Authenticate": said})(exchange)

    def token(self, exchange: Exchange) -> None:
        sent = exchange.request.headers.get("authorization", "")
        self.asked.append((exchange.request.target, sent))
        if self.private and sent != LOGIN:
            status(401)(exchange)
        else:
            whole(json.dumps(self.answer).encode())(exchange)

    def read(self, path: str = PATH) -> bytes:
        with HttpClient(SETTINGS, self.environ) as client:
            answer = client.open(Url(self.url + path))
            return answer.read_all(len(BODY), 9)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    challenge._known.clear()
    made = Registry({"NETRC": "/no/netrc", "DOCKER_CONFIG": str(tmp_path)})
    script = {PATH: [made.blob], "/v2/acme/other/blobs/sha256:0": [made.blob]}
    question = "/token?service=r&scope=repository%3Aacme%2Fvec%3Apull"
    with HostileServer({**script, question: [made.token], "/token": [made.token]}) as server:
        made.url = server.url("")
        yield made


def docker(folder: Path, host: str, **configuration: object) -> None:
    auth = b64encode(f"me:{SECRET}".encode()).decode()
    text = json.dumps(configuration or {"auths": {host: {"auth": auth}}})
    (folder / "config.json").write_text(text)


# What it asks for.


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x y"', ("https://a/t", "s", "x y")),
        ('bearer  Scope = x , REALM="https://a/\\"t"', ('https://a/"t', "", "x")),
        ('Basic realm="b, c", Bearer realm=https://a', ("https://a", "", "")),
        ('Bearer realm="https://a",service="s", Basic realm="b"', ("https://a", "s", "")),
        ('Bearer realm="GitLab"', None),
        ('Bearer realm="file:///etc/passwd"', None),
        ('Basic realm="https://a"', None),
        ("Bearer", None),
        ("", None),
        ('Bearer realm="https://a', None),
    ],
)
def test_a_challenge_is_read_as_its_grammar_has_it(
    header: str, read: tuple[str, str, str] | None
) -> None:
    found = read_challenge(header)
    assert (found and (found.realm.raw, found.service, found.scope)) == read


def test_the_question_keeps_the_query_of_the_realm() -> None:
    found = read_challenge('Bearer realm="https://a/t?x=1",service="s s",scope="b:c:d e"')
    assert found is not None
    assert parse_qsl(urlsplit(found.token_url().raw).query) == [
        ("x", "1"),
        ("service", "s s"),
        ("scope", "b:c:d"),
        ("scope", "e"),
    ]


# How it is answered.


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_anybody_gets_a_token_and_it_is_kept(registry: Registry, key: str) -> None:
    registry.answer = {key: "t1", "expires_in": 300}
    assert registry.read() == registry.read() == BODY
    assert [place for place, _ in registry.asked] == [
        "blob",
        "/token?service=r&scope=repository%3Aacme%2Fvec%3Apull",
        "blob",
        "blob",
    ]
    assert registry.asked[1][1] == ""
    registry.read("/v2/acme/other/blobs/sha256:0")  # another repository has a token of its own
    assert len(registry.asked) == 7


def test_an_expired_token_is_requested_again(registry: Registry) -> None:
    registry.answer = {"token": "t1", "expires_in": challenge._MARGIN}
    assert registry.read() == registry.read() == BODY
    assert len(registry.asked) == 6
    registry.answer = {"token": "t1"}  # a minute, where nothing is said
    assert registry.read() == registry.read() == BODY
    assert len(registry.asked) == 10
    registry.good = registry.answer["token"] = "t2"
    assert registry.read() == BODY  # refused before its time
    assert len(registry.asked) == 13


def test_a_refused_token_is_not_requested_forever(registry: Registry) -> None:
    registry.good = "another"
    with pytest.raises(Failure, match="HTTP 401"):
        registry.read()
    assert len(registry.asked) == 3


@pytest.mark.parametrize("source", ["url", "docker", "netrc", "helper"])
def test_the_login_for_the_registry_goes_to_its_token_server(
    registry: Registry, tmp_path: Path, source: str
) -> None:
    registry.private = True
    host = urlsplit(registry.url).netloc
    if source == "docker":
        docker(tmp_path, host)
    if source == "netrc":
        (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
        registry.environ["NETRC"] = str(tmp_path / "netrc")
    if source == "helper":
        helper = tmp_path / "helper"
        helper.write_text(
            f"""#!/bin/sh\necho '{{"headers": {{"Authorization": ["{LOGIN}"]}}}}'\n"""
        )
        helper.chmod(0o755)
        registry.environ["CGO_PREBUILT_CREDENTIAL_HELPER"] = f"127.0.0.1={helper}"
    if source == "url":
        registry.url = registry.url.replace("://", f"://me:{SECRET}@")
        registry.challenge = registry.challenge.replace("{url}", f"http://{host}")
    assert registry.read() == BODY
    assert registry.asked[1][1] == LOGIN
    assert registry.asked[2][1] == "Bearer t1"


def test_a_wrong_login_says_what_to_renew(registry: Registry, tmp_path: Path) -> None:
    registry.private = True
    with pytest.raises(Failure, match=r"no token for 127\.0\.0\.1 from .*/token: HTTP 401") as none:
        registry.read()
    assert "`docker login` for a registry" in (none.value.remedy or "")
    docker(
        tmp_path,
        urlsplit(registry.url).netloc,
        auths={
            urlsplit(registry.url).netloc: {"auth": b64encode(f"me:not-{SECRET}".encode()).decode()}
        },
    )
    with pytest.raises(Failure) as wrong:
        registry.read()
    assert "the credentials that docker's configuration has" in (wrong.value.remedy or "")
    assert wrong.value.kind is Kind.CREDENTIAL
    assert SECRET not in f"{wrong.value.reason} {wrong.value.remedy}"


@pytest.mark.parametrize("answer", [{}, {"token": 3}, {"token": "a\r\nX: b"}, {"expires_in": "x"}])
def test_an_answer_without_a_token_is_none(registry: Registry, answer: dict[str, object]) -> None:
    registry.answer = answer
    with pytest.raises(Failure, match="no token for"):
        registry.read()


def test_a_password_is_asked_for_without_a_token_server(registry: Registry, tmp_path: Path) -> None:
    registry.challenge = 'Basic realm="r"'
    with pytest.raises(Failure, match="HTTP 401"):
        registry.read()
    docker(tmp_path, urlsplit(registry.url).netloc)
    with pytest.raises(Failure, match="HTTP 401"):
        registry.read()
    assert [sent for _, sent in registry.asked] == ["", "", LOGIN]


@pytest.mark.parametrize("by_helper", [False, True])
def test_an_identity_token_is_exchanged(
    registry: Registry, tmp_path: Path, by_helper: bool
) -> None:
    """As docker does; https://distribution.github.io/distribution/spec/auth/oauth/."""
    posted: list[tuple[str, str, dict[str, str]]] = []

    def exchange_token(exchange: Exchange) -> None:
        form = dict(parse_qsl(exchange.body().decode()))
        sent = exchange.request.headers
        posted.append((sent.get("content-type", ""), sent.get("authorization", ""), form))
        if form.get("refresh_token") == SECRET:
            whole(b'{"access_token": "t1", "expires_in": 300}')(exchange)
        else:
            status(401)(exchange)

    host = urlsplit(registry.url).netloc
    registry.environ["PATH"] = f"{tmp_path}:/bin:/usr/bin"
    helper = tmp_path / "docker-credential-vault"

    def log_in(token: str) -> None:
        if by_helper:
            helper.write_text(
                f"""#!/bin/sh\necho '{{"Username": "<token>", "Secret": "{token}"}}'\n"""
            )
            helper.chmod(0o755)
            docker(tmp_path, "", credsStore="vault")
        else:
            auth = b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
            docker(tmp_path, "", auths={host: {"auth": auth, "identitytoken": token}})

    with HostileServer({"/exchange": [exchange_token]}) as server:
        registry.challenge = registry.challenge.replace("{url}/token", server.url("/exchange"))
        log_in(f"not-{SECRET}")
        with pytest.raises(Failure, match="no token for") as wrong:
            registry.read()
        log_in(SECRET)
        assert registry.read() == BODY
    assert "the credentials that docker's configuration has" in (wrong.value.remedy or "")
    assert SECRET not in f"{wrong.value.reason} {wrong.value.remedy}"
    assert posted[-1] == (
        "application/x-www-form-urlencoded",
        "",
        {
            "client_id": "cgo-prebuilt",
            "grant_type": "refresh_token",
            "refresh_token": SECRET,
            "scope": "repository:acme/vec:pull",
            "service": "r",
        },
    )
    assert [sent for _, sent in registry.asked] == ["", "", "Bearer t1"]


def test_an_identity_token_is_no_password(registry: Registry, tmp_path: Path) -> None:
    registry.challenge = 'Basic realm="r"'
    docker(tmp_path, "", auths={urlsplit(registry.url).netloc: {"identitytoken": SECRET}})
    with pytest.raises(Failure, match="HTTP 401"):
        registry.read()
    assert registry.asked == [("blob", "")]


# To whom.


def test_only_a_registry_on_this_machine_may_name_a_server_without_tls(
    registry: Registry, tmp_path: Path
) -> None:
    docker(tmp_path, urlsplit(registry.url).netloc)
    registry.challenge = 'Bearer realm="http://evil.example/token"'
    with pytest.raises(
        Failure, match=r"asks for a token of .*evil\.example/token, which is not https"
    ):
        registry.read()


@pytest.mark.parametrize(
    ("hop", "sent"),
    [("https://r.example/v2/a/blobs/x", True), ("http://r.example/v2/a/blobs/x", False)],
)
def test_a_login_goes_nowhere_on_the_word_of_a_registry_without_tls(
    tmp_path: Path, hop: str, sent: bool
) -> None:
    """Whoever is in between could name a server of his own."""
    docker(tmp_path, "r.example")
    asked: list[Credential] = []

    def ask(question: Url, login: Credential, form: Mapping[str, str]) -> tuple[int, bytes]:
        asked.append(login)
        return 200, b'{"token": "t"}'

    environ = {"DOCKER_CONFIG": str(tmp_path)}
    for own in (Credential({}), Credential({"Authorization": LOGIN}, "netrc")):
        challenge.answer_challenge(
            'Bearer realm="https://auth.example/"', Url(hop), "GET", own, environ, ask
        )
    assert [one.headers.get("Authorization") for one in asked] == [LOGIN if sent else None] * 2


@pytest.mark.parametrize("header", [{"Authorization": "Bearer t"}, {"PRIVATE-TOKEN": SECRET}])
def test_no_token_of_a_registry_goes_to_its_token_server(
    tmp_path: Path, header: Mapping[str, str]
) -> None:
    asked: list[Credential] = []

    def ask(question: Url, login: Credential, form: Mapping[str, str]) -> tuple[int, bytes]:
        asked.append(login)
        return 200, b'{"token": "t"}'

    environ = {"DOCKER_CONFIG": str(tmp_path)}
    url = Url("https://r.example/v2/a/blobs/x")
    said = 'Bearer realm="https://auth.example/"'
    challenge.answer_challenge(said, url, "GET", Credential(header), environ, ask)
    assert asked == [Credential({})]


def test_no_redirect_forwards_the_login_or_the_token(registry: Registry, tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(exchange: Exchange) -> None:
        seen.append(str(exchange.request.headers))
        whole(BODY)(exchange)

    docker(tmp_path, urlsplit(registry.url).netloc)
    with HostileServer({"/t": [answer], "/b": [answer]}) as other:
        script = {f"/{name}": [redirect(other.url(f"/{name}", host="localhost"))] for name in "tb"}
        with HostileServer(script) as server:
            registry.challenge = f'Bearer realm="{server.url("/t")}"'
            with pytest.raises(Failure, match="no token for"):
                registry.read()
            assert seen == []
            with HttpClient(SETTINGS, registry.environ) as client:
                challenge._known[challenge._token_scope(Url(server.url("/b")), "GET")] = (
                    float("inf"),
                    Credential({"Authorization": f"Bearer {SECRET}"}),
                )
                client.open(Url(server.url("/b"))).close()
    assert len(seen) == 1
    assert SECRET not in seen[0]


def test_small_requests_are_answered_too_and_reading_is_not_writing(registry: Registry) -> None:
    with HttpClient(API_SETTINGS, registry.environ) as client:
        api, url = Api(client), Url(registry.url + PATH)
        assert api.ask(url).status == 200
        assert api.send("POST", url, {}).status == 200
        assert api.send("POST", url, {}).status == 200
    assert [place[0] for place, _ in registry.asked] == list("b/bb/bb")


def test_a_token_that_expires_during_a_download_is_requested_again(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in registry.environ.items():
        monkeypatch.setenv(name, value)
    sent: list[str] = []

    def blob(exchange: Exchange) -> None:
        sent.append(exchange.request.headers.get("authorization", ""))
        if sent[-1] != f"Bearer {registry.good}":
            registry.blob(exchange)
        elif exchange.request.range is None:
            registry.good = registry.answer["token"] = "t2"
            ranges(BODY, cut=len(BODY) // 2)(exchange)
        else:
            ranges(BODY)(exchange)

    with HostileServer({PATH: [blob]}) as server:
        registry.challenge = registry.challenge.replace("{url}", registry.url)
        fetch(tmp_path, download(server.url(PATH)))
    assert sent == ["", "Bearer t1", "Bearer t1", "Bearer t2"]


# Docker's configuration.


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("https://index.docker.io/v1/", "https://registry-1.docker.io/v2/a/b/blobs/x"),
        ("docker.io", "https://registry-1.docker.io/v2/a/b/blobs/x"),
        ("docker.io/a", "https://registry-1.docker.io/v2/a/b/blobs/x"),
        ("r.example", "https://r.example/v2/a/b/blobs/x"),
        ("https://r.example/v2/", "https://r.example/v2/a/b/blobs/x"),
        ("r.example:5000", "https://r.example:5000/v2/a/b/blobs/x"),
        ("r.example/a", "https://r.example/v2/a/b/blobs/x"),
        ("r.example/a/b", "https://r.example/v2/a/b/blobs/x"),
    ],
)
def test_a_login_is_found_by_the_registry_and_its_namespace(
    tmp_path: Path, name: str, url: str
) -> None:
    docker(tmp_path, name)
    evil = ("https://r.example.evil/v2/a/b/blobs/x", "https://evil/r.example/a/b/x")
    for others in (
        *evil,
        "https://docker.io.evil/v2/a/b/blobs/x",
        "https://hub.docker.io/v2/a/b/x",
    ):
        assert docker_login(Url(others), {"DOCKER_CONFIG": str(tmp_path)}) is None
    environ = {"REGISTRY_AUTH_FILE": str(tmp_path / "config.json"), "DOCKER_CONFIG": "/no"}
    for variables in (environ, {"DOCKER_CONFIG": str(tmp_path)}):
        assert docker_login(Url(url), variables) == ("me", SECRET)
    other = Url(url.replace("/a/b/", "/ab/"))
    assert docker_login(other, variables) == (None if "/a" in name else ("me", SECRET))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"Username": "me", "Secret": "cAnArY"}', ("me", SECRET)),
        ('{"Username": "<token>", "Secret": "cAnArY"}', (IDENTITY, SECRET)),
        ('{"Username": "", "Secret": "cAnArY"}', None),
        ("credentials not found in native keychain; exit 1", None),
    ],
)
def test_its_helpers_are_asked(tmp_path: Path, said: str, found: tuple[str, str] | None) -> None:
    program = tmp_path / "docker-credential-vault"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho '{said}'\n")
    program.chmod(0o755)
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/bin:/usr/bin"}
    url = Url("https://r.example/v2/a/blobs/x")
    configurations: Sequence[dict[str, object]] = (
        {"credsStore": "vault"},
        {"credsStore": "missing", "credHelpers": {"r.example": "vault"}},
    )
    for configuration in configurations:
        docker(tmp_path, "", **configuration)
        assert docker_login(url, environ) == found
        assert (tmp_path / "asked").read_text() == "r.example"
    docker(tmp_path, "", credsStore="missing")
    assert docker_login(url, environ) is None


@pytest.mark.parametrize("name", ["https://index.docker.io/v1/", "docker.io"])
@pytest.mark.parametrize("by_store", [False, True])
def test_helpers_know_docker_hub_by_the_names_that_programs_give_it(
    tmp_path: Path, name: str, by_store: bool
) -> None:
    program = tmp_path / "docker-credential-vault"
    program.write_text(
        f"""#!/bin/sh\n[ "$(cat)" = {name} ] && echo '{{"Username": "me", "Secret": "{SECRET}"}}'\n"""
    )
    program.chmod(0o755)
    if by_store:
        docker(tmp_path, "", credsStore="vault")
    else:
        docker(tmp_path, "", credHelpers={name: "vault"})
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/bin:/usr/bin"}
    url = Url("https://registry-1.docker.io/v2/acme/vec/blobs/x")
    assert docker_login(url, environ) == ("me", SECRET)
    assert docker_login(Url("https://r.example/v2/acme/vec/blobs/x"), environ) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"auths": 3}']
    + [
        f'{{"auths": {{"r.example": {one}}}}}'
        for one in ('{"auth": "%"}', "3", "{}", '{"auth": 3}')
    ],
)
def test_a_configuration_that_is_none_has_no_login(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    url = Url("https://r.example/v2/a/blobs/x")
    assert docker_login(url, {"DOCKER_CONFIG": str(tmp_path)}) is None
