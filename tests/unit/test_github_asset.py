"""Files of private GitHub releases: by the API, at the URL that people know."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests.github_server import TOKEN, GitHubServer, problem
from tests.unit.command_case import Run, runner
from tests.unit.hostile_server import Exchange, HostileServer, ranges
from tests.unit.library_case import FILES, archive_of, write_manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
DATA = archive_of(FILES)
FETCH = ("fetch", "--platform", "linux_amd64", "--output", "out")


@pytest.fixture
def github(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> GitHubServer:
    server = GitHubServer(httpserver)
    server.private = True
    server.add(server.release("v1.2.3"), ARCHIVE, DATA)
    for name, value in {**server.environment, "NETRC": "/no/netrc"}.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def storage(github: GitHubServer) -> Iterator[list[str]]:
    """Another host, which has the bytes; what each request to it had in its headers."""
    seen: list[str] = []

    def answer(exchange: Exchange) -> None:
        seen.append(str(exchange.request.headers))
        ranges(DATA)(exchange)

    with HostileServer({f"/{ARCHIVE}": [answer]}) as server:
        github.storage = server.url("", host="localhost")
        yield seen


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    github: GitHubServer,
) -> Run:
    url = f"{github.url}/acme/vec/releases/download/{{version}}/{{file}}"
    write_manifest(tmp_path / "prebuilt.yaml", urls=[url])
    return runner(tmp_path, monkeypatch, capsys)


def test_the_lock_has_the_usual_url_and_the_token_opens_it(
    run: Run, github: GitHubServer, storage: list[str], tmp_path: Path
) -> None:
    locked = run("lock", "prebuilt.yaml")
    assert locked.code == 0, locked.err
    assert "cross-checked with" in locked.err  # GitHub's own digest
    text = (tmp_path / "prebuilt.lock.json").read_text()
    assert f"{github.url}/acme/vec/releases/download/v1.2.3/{ARCHIVE}" in text
    assert "assets" not in text
    assert run("cache", "prune", "--older-than", "0h").code == 0
    fetched = run(*FETCH)
    assert fetched.code == 0, fetched.err
    assert (tmp_path / "out/lib/libvec.a").read_bytes() == FILES["lib/libvec.a"]
    assert len(storage) == 2
    assert TOKEN not in "".join([text, locked.err, fetched.err, *storage])


def test_sums_of_a_private_release_are_read(run: Run, github: GitHubServer) -> None:
    github.add(github.releases[0], "SHA256SUMS", b"0" * 64 + f"  {ARCHIVE}\n".encode())
    run("lock", "prebuilt.yaml").refused(4, f"{ARCHIVE} has the SHA-256", "SHA256SUMS")


def test_a_public_release_needs_no_api(run: Run, github: GitHubServer) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    assert run("cache", "prune", "--older-than", "0h").code == 0
    github.private = False
    github.requests.clear()
    assert run(*FETCH).code == 0
    assert github.requests == [f"GET /acme/vec/releases/download/v1.2.3/{ARCHIVE}"]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "add a mirror that has the file"),
        ("wrong", "renew the credentials that GITHUB_TOKEN or GH_TOKEN has"),
    ],
)
def test_without_a_good_token_the_next_step_is_told(
    run: Run, github: GitHubServer, monkeypatch: pytest.MonkeyPatch, token: str, words: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    run("lock", "prebuilt.yaml").refused(3, "HTTP 40", words)


def test_a_release_or_a_file_that_is_not_there_is_told(run: Run, github: GitHubServer) -> None:
    github.releases[0].assets[0].name = "other"
    run("lock", "prebuilt.yaml").refused(3, f"the release has no {ARCHIVE}")
    github.releases.clear()
    run("lock", "prebuilt.yaml").refused(
        3, "HTTP 404 Not Found from", "may read the contents of acme/vec"
    )


@pytest.mark.parametrize("text", ["[[[", "null", "{}", '{"assets": 1}', '{"assets": [{"id": 1}]}'])
def test_an_answer_that_is_none_of_the_api_is_told(
    run: Run, github: GitHubServer, text: str
) -> None:
    github.trouble("/api/repos", lambda _: Response(text, content_type="application/json"))
    answer = run("lock", "prebuilt.yaml")
    answer.refused(3, "is not from GitHub's API", "check GITHUB_API_URL")
    assert "HTTP 404" not in answer.err


def test_a_rate_limit_is_waited_for_or_says_until_when(run: Run, github: GitHubServer) -> None:
    def limited(seconds: float) -> None:
        reset = str(int(time.time() + seconds))
        headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": reset}
        github.trouble("/api/repos", lambda _: problem(403, "API rate limit exceeded", **headers))

    limited(3600)
    answer = run("lock", "prebuilt.yaml")
    answer.refused(3, "API rate limit exceeded", "asks to wait 3", "try again later")
    assert re.search(r"until \d\d:\d\d UTC", answer.err)
    limited(0)
    assert run("lock", "prebuilt.yaml").code == 0


@pytest.mark.parametrize("header", ["PRIVATE-TOKEN", "JOB-TOKEN"])
def test_a_generic_package_of_gitlab_wants_a_header_that_a_helper_has(
    run: Run, tmp_path: Path, httpserver: HTTPServer, header: str
) -> None:
    """https://docs.gitlab.com/user/packages/generic_packages"""
    httpserver.clear()
    path = f"/api/v4/projects/24/packages/generic/vec/v1.2.3/{ARCHIVE}"
    httpserver.expect_request(path, headers={header: "glpat-x"}).respond_with_data(DATA)
    httpserver.expect_request(path).respond_with_data(status=401)
    httpserver.expect_request(re.compile(".*")).respond_with_data(status=404)
    helper = tmp_path / "helper"
    helper.write_text(f"""#!/bin/sh\necho '{json.dumps({"headers": {header: ["glpat-x"]}})}'\n""")
    helper.chmod(0o755)
    url = httpserver.url_for("/api/v4/projects/24/packages/generic/{name}/{version}/{file}")
    write_manifest(tmp_path / "prebuilt.yaml", urls=[url])
    assert run("lock", "prebuilt.yaml").code == 3
    assert run("lock", "prebuilt.yaml", "--credential-helper", helper).code == 0
    assert "glpat" not in (tmp_path / "prebuilt.lock.json").read_text()
