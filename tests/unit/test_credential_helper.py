"""Credential helpers: real programs, asked as Bazel asks them, whose secrets stay where they belong."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.network import helper_process
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.credential_helper import VARIABLE, helper_for, read_helpers
from cgo_prebuilt.network.credentials import Credential, credential_for
from cgo_prebuilt.network.docker_config import docker_login
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.mirror import faulty_settings
from cgo_prebuilt.network.retry import Verdict, classify
from cgo_prebuilt.url import Url
from tests.unit.command_case import runner
from tests.unit.hostile_server import Exchange, HostileServer, redirect, status, whole
from tests.unit.transport_case import BODY, SETTINGS, download, fetch

SECRET = "cAnArY"
BEARER = f'{{"headers": {{"Authorization": ["Bearer {SECRET}"]}}}}'
GOOD_UNTIL = '{{"headers": {{"X": ["1"]}}, "expires": "{}"}}'


@dataclass(frozen=True)
class Helper:
    """A program that prints what it is told, and writes down what it is asked."""

    path: Path

    def questions(self) -> list[str]:
        asked = self.path.with_suffix(".asked")
        return asked.read_text().splitlines() if asked.exists() else []

    def environ(self, pattern: str = "") -> dict[str, str]:
        named = f"{pattern}={self.path}" if pattern else str(self.path)
        return {VARIABLE: named, "NETRC": "/no/netrc", "PATH": "/usr/bin:/bin"}


def helper(folder: Path, answer: str = BEARER, code: int = 0, name: str = "helper") -> Helper:
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "words = sys.argv[1:], sys.stdin.read(), os.environ['CGO_PREBUILT_METHOD'], os.getcwd()\n"
        f"print(*words, file=open({str(path.with_suffix('.asked'))!r}, 'a'))\n"
        f"print({answer!r})\n"
        "print('no\\x1b[2J such\\nuser', file=sys.stderr)\n"
        f"sys.exit({code})\n"
    )
    path.chmod(0o755)
    return Helper(path)


def headers(url: str, environ: Mapping[str, str], first: str = "") -> Mapping[str, str]:
    return credential_for(Url(url), Url(first or url), environ).headers


# Which one is asked.


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("a.b.c", "a.b.c"),
        ("x.b.c", "*.b.c"),
        ("x.a.b.c", "*.b.c"),
        ("b.c", "*.c"),
        ("c", ""),
        ("xb.c", "*.c"),
        ("a.b.c.evil.example", ""),
    ],
)
def test_the_most_specific_pattern_counts(host: str, pattern: str) -> None:
    helpers = {name: name or "all" for name in ("", "*.c", "*.b.c", "a.b.c")}
    assert helper_for(host, helpers) == (pattern or "all")
    assert helper_for("other", {"a": "x", "*.a": "y"}) is None


def test_several_are_named_with_commas_and_the_last_of_a_pattern_counts(tmp_path: Path) -> None:
    one, two = (helper(tmp_path, name=name).path for name in ("on=e", "two"))
    environ = {VARIABLE: f" {two}, {one},\n*.Example.com={two} ,h={one},h={two}"}
    assert read_helpers(environ) == {"": str(one), "*.example.com": str(two), "h": str(two)}


def test_a_program_is_on_the_path_or_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = helper(tmp_path)
    assert read_helpers({VARIABLE: "helper", "PATH": str(tmp_path)}) == {"": str(made.path)}
    (tmp_path / "MODULE.bazel").touch()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    in_workspace = {**made.environ(), VARIABLE: "h=%workspace%/helper"}
    assert read_helpers(in_workspace) == {"h": str(made.path)}
    headers("https://h/a", in_workspace)
    assert made.questions()[0].endswith(f" {tmp_path}")  # where Bazel runs it, too
    monkeypatch.chdir("/")
    with pytest.raises(UsageError, match="in a Bazel workspace, and none was found here") as caught:
        read_helpers(in_workspace)
    assert "set BUILD_WORKSPACE_DIRECTORY" in caught.value.remedy
    named = {**in_workspace, "BUILD_WORKSPACE_DIRECTORY": str(tmp_path)}
    assert read_helpers(named) == {"h": str(made.path)}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("/no/such", "the credential helper '/no/such' cannot be run"),
        ("h=", "the credential helper '' cannot be run"),
        ("h=a/b", "the credential helper 'a/b' cannot be run"),
        ("a.*.b=x", "'a.*.b' is not a host pattern"),
        ("=x", "'' is not a host pattern"),
    ],
)
def test_one_that_cannot_be_run_is_named(value: str, words: str, tmp_path: Path) -> None:
    environ = {VARIABLE: value, "PATH": str(tmp_path), "NETRC": "/no"}
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        read_helpers(environ)
    assert [error.what for error in faulty_settings(environ)] == [caught.value.what]  # `doctor`
    with pytest.raises(Failure) as failed:
        credential_for(Url("https://h/"), Url("https://h/"), environ)
    assert failed.value.kind is Kind.LOCAL


def test_an_option_is_named_by_its_name_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner(tmp_path, monkeypatch, capsys)
    wanted = ("--platform", "linux_amd64", "--output", "o")
    answer = run("fetch", "--credential-helper", "h=/no/such", *wanted)
    answer.refused(2, "'/no/such' cannot be run", "at: --credential-helper")
    assert "downloading" not in answer.err


# Requests to it, and the use of its answers.


def test_it_gets_the_uri_on_its_input_and_no_secret_is_in_its_arguments(tmp_path: Path) -> None:
    made = helper(tmp_path)
    assert headers(f"https://h/a?sig={SECRET}", made.environ()) == {
        "Authorization": f"Bearer {SECRET}"
    }
    (question,) = made.questions()
    assert question.startswith(f"""['get'] {{"uri": "https://h/a?sig={SECRET}"}} GET """)


@pytest.mark.parametrize(
    ("expires", "times"),
    [
        ("2999-01-01T00:00:00Z", 1),
        ("2999-01-01T00:00:00.123456789+02:00", 1),
        ("2001-01-01T00:00:00-08:00", 2),
    ],
)
def test_an_answer_is_kept_in_memory_until_it_expires(
    tmp_path: Path, expires: str, times: int
) -> None:
    made = helper(tmp_path, GOOD_UNTIL.format(expires))
    for _ in range(2):
        assert headers("https://h/a", made.environ()) == {"X": "1"}
    assert len(made.questions()) == times
    headers("https://h/b", made.environ())
    credential_for(Url("https://h/a"), Url("https://h/a"), made.environ(), "PUT")
    assert len(made.questions()) == times + 2


def test_any_header_is_sent_and_several_values_are_one(tmp_path: Path) -> None:
    made = helper(tmp_path, f'{{"headers": {{"PRIVATE-TOKEN": ["{SECRET}"], "X": ["a", "b"]}}}}')
    seen: list[Mapping[str, str]] = []

    def answer(exchange: Exchange) -> None:
        seen.append(exchange.request.headers)
        whole(BODY)(exchange)

    with HostileServer({"/a": [answer]}) as server:
        with HttpClient(SETTINGS, made.environ("127.0.0.1")) as client:
            client.open(Url(server.url("/a"))).close()
        with HttpClient(SETTINGS, made.environ("other.example")) as client:
            client.open(Url(server.url("/a"))).close()
    assert [(one.get("private-token"), one.get("x")) for one in seen] == [
        (SECRET, "a, b"),
        (None, None),
    ]


def test_one_without_credentials_leaves_them_to_the_others(tmp_path: Path) -> None:
    made = helper(tmp_path, "{}")
    (tmp_path / "netrc").write_text("machine h login me password pass\n")
    environ = {**made.environ(), "NETRC": str(tmp_path / "netrc"), "GH_TOKEN": "t"}
    assert headers("https://h/", environ) == {"Authorization": "Basic bWU6cGFzcw=="}
    assert headers("https://github.com/", environ) == {"Authorization": "Bearer t"}


def test_a_password_alone_is_a_token_as_in_bazel(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine h password pass\n")
    sent = credential_for(Url("https://h/"), Url("https://h/"), {"NETRC": str(tmp_path / "netrc")})
    assert sent == Credential({"Authorization": "Bearer pass"}, "netrc (NETRC)")
    assert "pass" not in repr(sent)


# To other hosts.


@pytest.mark.parametrize(
    ("hop", "first", "is_sent"),
    [
        ("https://h/", "https://h/", True),
        ("http://h/", "http://h/", True),
        ("https://h/", "https://other/", True),
        ("http://h/", "http://other/", False),
        # What it redirects to brings its own: S3 refuses a request with two.
        ("https://h/?X-Amz-Signature=s", "https://other/", False),
        ("https://h:8443/", "http://h/", True),
        ("https://h.evil.example/", "https://h/", False),
    ],
)
def test_a_helper_is_asked_for_its_host_and_after_a_redirect_over_https_only(
    tmp_path: Path, hop: str, first: str, is_sent: bool
) -> None:
    made = helper(tmp_path)
    assert bool(headers(hop, made.environ("h"), first)) == is_sent
    assert bool(made.questions()) == is_sent


def test_what_it_says_of_one_host_goes_to_no_other(tmp_path: Path) -> None:
    made, seen = helper(tmp_path), list[str]()

    def answer(exchange: Exchange) -> None:
        seen.append(str(exchange.request.headers))
        whole(BODY)(exchange)

    with HostileServer({"/b": [answer]}) as other:
        target = redirect(other.url("/b", host="localhost"))
        with (
            HostileServer({"/a": [target]}) as server,
            HttpClient(SETTINGS, made.environ("127.0.0.1")) as client,
        ):
            client.open(Url(server.url("/a"))).close()
    assert len(made.questions()) == 1
    assert len(seen) == 1
    assert SECRET not in seen[0]


# Where it fails.


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (SECRET, 3, "ended with status 3: no?[2J such user"),
        (SECRET, 0, "does not answer with credentials"),
        (f'["{SECRET}"]', 0, "does not answer with credentials"),
        (f'{{"headers": {{"X": "{SECRET}", "Y": 3}}}}', 0, "does not answer with credentials"),
        (f'{{"headers": {{"X: Y": ["{SECRET}"]}}}}', 0, "does not answer with credentials"),
        (f'{{"headers": {{"X": ["{SECRET}\\r\\nY: 1"]}}}}', 0, "does not answer with credentials"),
        (GOOD_UNTIL.format(SECRET), 0, "does not answer with credentials"),
        (f'{{"headers": {{"X": "{SECRET}"}}}}', 0, "does not answer with credentials"),
        (f'{{"headers": {{"X": {{"{SECRET}": 1}}}}}}', 0, "does not answer with credentials"),
        *(
            (f'{{"headers": {{"{name}": ["{SECRET}"]}}}}', 0, f"credentials: the header {name}")
            for name in ("Host", "content-length", "Range", "Transfer-Encoding", "Connection")
        ),
    ],
)
def test_a_failure_shows_what_it_complains_of_and_never_what_it_answers(
    tmp_path: Path, answer: str, code: int, words: str
) -> None:
    made = helper(tmp_path, answer, code)
    with pytest.raises(Failure) as caught:
        headers(f"https://h/a?sig={SECRET}", made.environ())
    failure = caught.value
    assert (failure.kind, classify(failure)) == (Kind.CREDENTIAL, Verdict.NEXT_MIRROR)
    assert failure.reason.startswith(f"the credential helper {made.path} ")
    assert words in failure.reason
    assert f"| {made.path} get" in (failure.remedy or "")
    assert SECRET not in f"{failure.reason} {failure.remedy}"


def test_one_that_hangs_or_is_no_program_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_process, "_SECONDS", 0.2)
    made = helper(tmp_path)
    made.path.write_text("#!/bin/sh\nsleep 60\n")
    with pytest.raises(Failure, match=r"has not answered in 0\.2 s"):
        headers("https://h/", made.environ())
    made.path.write_text("\0")
    with pytest.raises(Failure, match="cannot be run: Exec format error"):
        headers("https://h/", made.environ())


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_one_that_prints_without_end_is_ended(tmp_path: Path, stream: str) -> None:
    made = helper(tmp_path)
    made.path.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\nyes{stream} &\nwait\n")
    with pytest.raises(Failure, match="exceeds 1 MB"):
        headers("https://h/", made.environ())


def is_held(pipe: Path) -> bool:
    """Whether a process has a named pipe open for writing."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return bool(os.read(reader, 1))  # where nobody can write, it is at its end
    except BlockingIOError:
        return True
    finally:
        os.close(reader)


@pytest.mark.skipif(os.name == "nt", reason="process groups are of POSIX")
def test_what_it_has_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_process, "_SECONDS", 0.5)
    made, held = helper(tmp_path), tmp_path / "held"
    os.mkfifo(held)
    made.path.write_text(f"#!/bin/sh\nsleep 60 3<> {held} &\ntouch {tmp_path}/begun\nwait\n")
    with pytest.raises(Failure, match="has not answered"):
        headers("https://h/", made.environ())
    assert (tmp_path / "begun").exists()
    deadline = time.monotonic() + 50
    while is_held(held) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_held(held)


def test_an_answer_counts_though_what_it_leaves_behind_keeps_its_output(tmp_path: Path) -> None:
    made = helper(tmp_path)
    pid = tmp_path / "pid"
    made.path.write_text(f"#!/bin/sh\nsleep 99 &\necho $! > {pid}\necho '{BEARER}'\n")
    begun = time.monotonic()
    try:
        assert headers("https://h/left", made.environ())["Authorization"] == f"Bearer {SECRET}"
        assert time.monotonic() - begun < 50
        os.kill(int(pid.read_text()), 0)  # an agent, perhaps
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_helper_of_dockers_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-flood"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    (tmp_path / "config.json").write_text('{"credsStore": "flood"}')
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environ["PATH"])
        patch.setattr(helper_process, "_SECONDS", 99)
        begun = time.monotonic()
        assert docker_login(Url("https://registry.example/v2/a/b"), environ) is None
    assert time.monotonic() - begun < 50


def test_credentials_that_are_refused_name_who_must_renew_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = helper(tmp_path)
    with HostileServer({"/a": [status(403)]}) as server:
        monkeypatch.setenv(VARIABLE, f"127.0.0.1={made.path}")
        with pytest.raises(UnavailableError, match="HTTP 403") as caught:
            fetch(tmp_path, download(server.url("/a")))
        assert f"that the credential helper {made.path} has for this host" in caught.value.remedy
        assert SECRET not in str(caught.value)
        monkeypatch.delenv(VARIABLE)
        with pytest.raises(UnavailableError, match="HTTP 403") as caught:
            fetch(tmp_path, download(server.url("/a")))
    assert "a credential helper (CGO_PREBUILT_CREDENTIAL_HELPER)" in caught.value.remedy
