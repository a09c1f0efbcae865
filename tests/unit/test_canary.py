"""No output, lock or file has a password, whatever the command, and however it ends.

Every place that may hold a secret gets the canary; then commands succeed and fail; then everything
that they printed and wrote is searched for it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import Build, Interface, Lock, LockedVersion, Source
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.network.failure import Failure
from cgo_prebuilt.network.retry import Patience
from cgo_prebuilt.url import Url
from tests.unit.command_case import Answer, Run, runner
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    ranges,
    raw,
    redirect,
    status,
    whole,
)
from tests.unit.library_case import (
    FILES,
    archive_of,
    locked_platform,
    write_files,
    write_manifest,
)

CANARY = "cAnArY"
ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
DATA = archive_of(FILES)
SUMS = f"{hashlib.sha256(DATA).hexdigest()}  {ARCHIVE}\n".encode()
LIBRARY = ("--lock", "vec.lock.json", "--platform", "linux_amd64")

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "lock": ("lock", "prebuilt.yaml", "--output", "new.lock.json"),
    "lock --check": ("lock", "prebuilt.yaml", "--output", "vec.lock.json", "--check"),
    "fetch": ("fetch", *LIBRARY, "--output", "out"),
    "fetch --json": ("fetch", *LIBRARY, "--output", "out", "--json"),
    "fetch --offline": ("fetch", *LIBRARY, "--output", "out", "--offline"),
    "env": ("env", *LIBRARY),
    "source": ("source", *LIBRARY, "--output", "source"),
    "urls": ("urls", *LIBRARY),
    "urls --json": ("urls", *LIBRARY, "--json"),
    "urls --source": ("urls", *LIBRARY, "--source"),
    "mirror": ("mirror", "--lock", "vec.lock.json", "--to", "mirror"),
}
DOCTOR = ("doctor", "--lock", "vec.lock.json")

PLACES: Mapping[str, str] = {
    "user and password": f"http://me:{CANARY}@HOST",
    "a password alone": f"http://:{CANARY}@HOST",
    "a token as user": f"http://{CANARY}@HOST",
    "a slash in the password": f"http://me:x/{CANARY}@HOST",
    "a slash behind the password": f"http://me:{CANARY}/x@HOST",
    "a hash in the password": f"http://me:x#{CANARY}@HOST",
    "a question mark in the password": f"http://me:{CANARY}?x@HOST",
    "an at sign in the password": f"http://me:{CANARY}@x/{CANARY}@HOST",
    "braces in the password": f"http://me:{{{CANARY}}}@HOST",
    "a signature": f"http://HOST/{{file}}?sig={CANARY}",
    "an unknown placeholder": f"http://me:{CANARY}@HOST/{{tag}}",
    "an unknown placeholder in the signature": f"http://HOST/{{file}}?sig={{{CANARY}}}",
    "a malformed host": f"http://me:{CANARY}@[::1",
    "a malformed port": f"http://me:{CANARY}@host:port",
    "no host": f"http://me:{CANARY}",
    "a single slash": f"http:/me:{CANARY}@HOST",
}
"""URLs of a mirror with the canary in them; HOST stands for the server's host and port."""


def private(behavior: Behavior) -> Behavior:
    """Lets in whoever knows the canary, which no answer repeats."""

    def answer(exchange: Exchange) -> None:
        known = CANARY in exchange.request.target or "authorization" in exchange.request.headers
        (behavior if known else status(401))(exchange)

    return answer


SERVERS: Mapping[str, Behavior] = {
    "right": private(ranges(DATA)),
    "missing": status(404),
    "refusing": status(403),
    "wrong": ranges(DATA[::-1]),
    "cut off": private(ranges(DATA, cut=99)),
    "redirecting to a signature": redirect(f"/moved?X-Amz-Signature={CANARY}"),
    "redirecting to a login": redirect(f"http://me:{CANARY}@[::1/"),
    "redirecting in a circle": redirect(f"/{ARCHIVE}?sig={CANARY}"),
    "not HTTP": raw(b"\x1b[2J"),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest and a lock, in no environment but the test's."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setattr(Patience, "wait", only_once)
    write_manifest(tmp_path / "prebuilt.yaml", urls=["http://127.0.0.1:1/{file}"])
    write_lock(tmp_path, "http://127.0.0.1:1")
    return runner(tmp_path, monkeypatch, capsys)


def only_once(_: Patience, failure: Failure, *gained: float) -> float:
    """What a second try would say, the first one says."""
    raise failure


def write_lock(folder: Path, base: str) -> None:
    urls = (f"{base}/{ARCHIVE}", f"{base}/src.tar.gz")
    source = Source(
        Build("make"),
        Interface(static_library=("libvec.a",)),
        ("lib/libvec.a",),
        url=Url(urls[1]),
        sha256="0" * 64,
    )
    version = LockedVersion({"": {"linux_amd64": locked_platform(urls[0])}}, source)
    (folder / "vec.lock.json").write_text(format_lock(Lock("vec", "v1.2.3", {"v1.2.3": version})))


def assert_no_canary(folder: Path, answers: Iterable[Answer], *inputs: str) -> None:
    """Neither an answer has the canary, nor a file that was written."""
    for answer in answers:
        assert CANARY not in answer.out + answer.err, answer
        assert "Traceback" not in answer.err
    for path in folder.rglob("*"):
        assert CANARY not in path.name
        if path.is_file() and path.name not in inputs:
            assert CANARY.encode() not in path.read_bytes(), path


def serving(behavior: Behavior) -> HostileServer:
    sums = {"/SHA256SUMS": [private(whole(SUMS))]}
    return HostileServer({f"/{ARCHIVE}": [behavior], "/moved": [ranges(DATA, cut=9)], **sums})


def in_place(place: str, server: HostileServer) -> str:
    return PLACES[place].replace("HOST", f"127.0.0.1:{server.port}")


@pytest.mark.parametrize("variable", ["CGO_PREBUILT_MIRROR", "VEC_RELEASE_URL"])
@pytest.mark.parametrize("place", PLACES)
def test_a_mirror_in_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, variable: str
) -> None:
    with serving(SERVERS["right"]) as server:
        monkeypatch.setenv(variable, in_place(place, server))
        answers = {name: run(*command) for name, command in COMMANDS.items()}
    assert_no_canary(tmp_path, answers.values())
    if place in ("user and password", "a token as user", "a signature"):
        assert [answers[name].code for name in ("lock", "fetch", "env")] == [0, 0, 0]
        assert "cross-checked with http" in answers["lock"].err or place == "a signature"


@pytest.mark.parametrize("place", PLACES)
def test_a_mirror_as_an_option(run: Run, tmp_path: Path, place: str) -> None:
    with serving(SERVERS["right"]) as server:
        option = ("--mirror", in_place(place, server))
        answers = [run(*COMMANDS[name], *option) for name in ("fetch", "env", "source")]
    assert_no_canary(tmp_path, answers)


@pytest.mark.parametrize("place", ["user and password", "a signature"])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_fails(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
) -> None:
    with serving(SERVERS[kind]) as server:
        monkeypatch.setenv("CGO_PREBUILT_MIRROR", in_place(place, server))
        answers = [run(*command) for command in (*COMMANDS.values(), DOCTOR)]
    assert_no_canary(tmp_path, answers)


def test_a_server_that_is_not_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("127.0.0.1:1", "no-such-host.invalid"):
        monkeypatch.setenv("CGO_PREBUILT_MIRROR", f"http://me:{CANARY}@{host}")
        assert_no_canary(tmp_path, [run(*command) for command in (*COMMANDS.values(), DOCTOR)])


@pytest.mark.parametrize("place", PLACES)
def test_a_manifest_and_a_lock(run: Run, tmp_path: Path, place: str) -> None:
    """A lock that has a password was not written by `lock`; still, nothing repeats it."""
    with serving(SERVERS["right"]) as server:
        url = in_place(place, server)
        source = {"url": url, "sha256": "0" * 64, "build": {"tool": "make"}}
        for changes in ({"urls": [url]}, {"source": {**source, "static_library": "a.a"}}):
            write_manifest(tmp_path / "prebuilt.yaml", **changes)
            answer = run("lock", "prebuilt.yaml", "--output", "new.lock.json")
            assert answer.code == 2
            assert not (tmp_path / "new.lock.json").exists()
            assert_no_canary(tmp_path, [answer], "prebuilt.yaml")
        write_lock(tmp_path, url)
        answers = [run(*command) for command in COMMANDS.values() if command[0] != "lock"]
    assert_no_canary(tmp_path, answers, "prebuilt.yaml", "vec.lock.json")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY"])
def test_a_proxy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: str
) -> None:
    scheme = variable.partition("_")[0].lower()
    write_lock(tmp_path, f"{scheme}://no-such-host.invalid")
    target = f"http://no-such-host.invalid/{ARCHIVE}"
    with HostileServer({target: [ranges(DATA)]}) as server:
        for name in (variable, variable.lower()):
            monkeypatch.setenv(name, in_place(place, server))
        answers = [run(*COMMANDS["fetch"]), run(*DOCTOR), run(*DOCTOR, "--json")]
    assert_no_canary(tmp_path, answers)


HELPER = f"""\
#!{sys.executable}
import glob, sys
uri = sys.stdin.read()
assert "?" not in uri or {CANARY!r} in uri
for place in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        words = open(place, "rb").read()
    except OSError:  # it has ended meanwhile
        continue
    assert b"cAn" + b"ArY" not in words, place
open(sys.argv[0] + ".asked", "a").write("x")
print('{{"headers": {{"Authorization": ["Bearer {CANARY}"], "X": ["{CANARY}"]}}}}')
"""


@pytest.mark.parametrize("kind", SERVERS)
def test_a_credential_helper(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nor does the list of processes have what it tells, or what it is asked."""
    helper = tmp_path / "helper"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    with serving(SERVERS[kind]) as server:
        base = f"http://127.0.0.1:{server.port}"
        write_manifest(tmp_path / "prebuilt.yaml", urls=[f"{base}/{{file}}"])
        write_lock(tmp_path, base)
        option = ("--credential-helper", f"127.0.0.1={helper}")
        answers = {
            name: run(*command, *option)
            for name, command in {**COMMANDS, "doctor": DOCTOR}.items()
            if name != "urls"
        }
        monkeypatch.setenv("CGO_PREBUILT_MIRROR", f"{base}/{{file}}?sig={CANARY}")
        answers["signed"] = run(*COMMANDS["fetch"], *option)
    assert_no_canary(tmp_path, answers.values(), "helper")
    assert helper.with_suffix(".asked").exists()
    if kind == "right":
        assert [answers[name].code for name in ("lock", "fetch", "env")] == [0, 0, 0]
    if kind == "refusing":
        assert answers["fetch"].code == 3
        assert "renew the credentials that the credential helper" in answers["fetch"].err


@pytest.mark.parametrize(
    "token", [CANARY, f"{CANARY}\n", f"{CANARY}\r\nX: {CANARY}", f"{CANARY} x"]
)
def test_a_token(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    with serving(whole(b"not an archive")) as server:
        host = f"http://127.0.0.1:{server.port}"
        monkeypatch.setenv("GITHUB_API_URL", f"http://me:{CANARY}@127.0.0.1:{server.port}/api")
        monkeypatch.setenv("GITHUB_SERVER_URL", host)
        write_lock(tmp_path, host)
        urls = [f"{host}/acme/vec/releases/download/{{version}}/{{file}}"]
        write_manifest(tmp_path / "prebuilt.yaml", urls=urls)
        answers = [run(*command) for command in COMMANDS.values()]
        answers += publishing(run, tmp_path, "--repo", "acme/vec", "--tag", "v1.2.3")
    assert_no_canary(tmp_path, answers)


# What does not begin with http:// is a folder to publish to.
@pytest.mark.parametrize("place", [name for name in PLACES if name != "a single slash"])
@pytest.mark.parametrize("code", [201, 403, 503])
def test_publishing(run: Run, tmp_path: Path, place: str, code: int) -> None:
    arrived: dict[str, bytes] = {}

    def take(exchange: Exchange) -> None:
        name, content = exchange.request.target.split("?")[0], exchange.body()
        if content and code == 201:
            arrived[name] = content
        answer = (
            whole(arrived[name], connection="close")
            if name in arrived
            else status(404, connection="close")
        )
        (status(code, connection="close") if content else answer)(exchange)

    names = (ARCHIVE, "SHA256SUMS", f"{ARCHIVE}/{ARCHIVE}")
    with HostileServer({f"/{name}": [take] for name in names}) as server:
        to = in_place(place, server)
        answers = publishing(run, tmp_path, "--to", to)
        answers.append(run("publish", "prebuilt.yaml", "--dist", to, "--to", "public"))
        registry = to.replace("http", "oci", 1)
        answers += publishing(run, tmp_path, "--to", registry)
    assert_no_canary(tmp_path, answers)
    assert answers[0].code == 0 or place not in ("user and password", "a signature") or code != 201


def publishing(run: Run, folder: Path, *where: str) -> list[Answer]:
    write_files(folder / "dist", {ARCHIVE: DATA, "SHA256SUMS": SUMS})
    command = ("publish", "prebuilt.yaml", "--dist", "dist", *where)
    return [run(*command, *more) for more in ([], ["--json"], ["--dry-run"], ["--add"])]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["--url", "--zip-url"])
def test_a_site_for_go(run: Run, tmp_path: Path, place: str, option: str) -> None:
    write_files(tmp_path / "dist", {ARCHIVE: DATA, "SHA256SUMS": SUMS})
    write_manifest(tmp_path / "prebuilt.yaml", go={"module": "go.acme.test/vec"})
    build = ("goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site")
    answer = run(*build, option, PLACES[place].replace("HOST", "host.test"))
    assert answer.code == 2
    assert_no_canary(tmp_path, [answer])
