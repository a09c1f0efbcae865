"""The whole command, in a separate process, on a network that misbehaves or requires credentials.

tests/unit tests each part alone; this module tests that they work together.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from cgo_prebuilt.locks.lock import Lock, LockedArchive
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.url import Url
from tests.e2e.bazel_workspace import REPOSITORY, Result
from tests.unit.archive_builders import ZipEntry, locked_file, zip_archive
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
from tests.unit.library_case import FILES, archive_of, files_below, lock

DATA = archive_of(FILES)
NAME = "vec-v1.2.3-linux_amd64.tar.gz"
TOKEN = "ghp_a-secret-token"


class Machine:
    """A user's machine: a home, a workspace, a store and a folder for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("home", "work", "temporary"):
            (folder / name).mkdir()
        self.output = folder / "work/third_party/vec"
        self.store = folder / "store"
        (folder / "work/precious.txt").write_text("precious")

    def lock(self, *urls: str) -> None:
        self.write(lock(*urls))

    def write(self, made: Lock) -> None:
        (self.folder / "work/vec.lock.json").write_text(format_lock(made))

    def run(self, *arguments: str, **variables: str) -> Result:
        """Runs the command, with the user's environment and not the test's."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / "tools"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "temporary"),
            "CGO_PREBUILT_CACHE": str(self.store),
            "CGO_PREBUILT_ORIGIN": "prebuilt",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "cgo_prebuilt", *arguments],
            cwd=self.folder / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def fetch(self, **variables: str) -> Result:
        platform = ("--platform", "linux_amd64")
        output = ("--output", str(self.output))
        return self.run("fetch", "--lock", "vec.lock.json", *platform, *output, **variables)

    def has_library(self) -> bool:
        return all((self.output / name).read_bytes() == data for name, data in FILES.items())

    def outside(self) -> dict[str, bytes]:
        """Every file that is neither below the output folder nor below the store."""
        return {
            name: (self.folder / name).read_bytes()
            for name in files_below(self.folder)
            if not name.startswith(("store/", "work/third_party/vec/"))
        }

    def trees(self) -> list[str]:
        return [name for name in files_below(self.store) if "/trees/" in name]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def refused(done: Result, code: int, *words: str) -> None:
    assert done.code == code, done.stderr
    assert "  next: " in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


# What may go wrong, and what it must leave: nothing, but a message with the URL and the next step.

FAILURES: Mapping[str, tuple[Behavior, int, str]] = {
    "404": (status(404), 3, "404"),
    "410": (status(410), 3, "410"),
    "401": (status(401), 3, "401"),
    "403": (status(403), 3, "403"),
    "an HTML error page": (whole(b"<html>sign in</html>"), 4, "wrong bytes"),
    "an empty file": (whole(b""), 4, "wrong bytes"),
    "other bytes": (whole(bytes(len(DATA))), 4, "wrong bytes"),
    "too large a Content-Length": (whole(DATA + b"x"), 4, "wrong bytes"),
    "negative Content-Length": (whole(DATA, content_length="-1"), 3, "Content-Length"),
    "Content-Encoding: br": (whole(DATA, content_encoding="br"), 3, "Content-Encoding"),
    "a 206 that was not asked for": (
        raw(b"HTTP/1.1 206 OK\r\nContent-Length: 1\r\nContent-Range: bytes 5-5/9\r\n\r\nx"),
        3,
        "206",
    ),
    "a redirect loop": (redirect(f"/{NAME}"), 3, "redirect loop"),
    "a redirect to a file": (redirect("file:///etc/passwd"), 3, "not an http or https URL"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_names_url_and_next_step_and_leaves_nothing(
    machine: Machine, failure: str
) -> None:
    behavior, code, words = FAILURES[failure]
    with HostileServer({f"/{NAME}": [behavior]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        before = machine.outside()
        refused(machine.fetch(), code, words, server.url(f"/{NAME}"))
    assert machine.outside() == before
    assert not machine.output.exists()
    assert machine.trees() == []
    assert not [name for name in files_below(machine.store) if "/staging/" in name]


def test_a_fetch_writes_to_the_output_and_the_store_only(machine: Machine) -> None:
    """No file in the home, the temporary folder or the workspace, and no other file changes."""
    with HostileServer({f"/{NAME}": [ranges(DATA)]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        before = machine.outside()
        machine.fetch().checked()
    assert machine.has_library()
    assert machine.outside() == before


@pytest.mark.parametrize(
    "hostile",
    ["/{work}/precious.txt", "../../precious.txt", "../../../home/.netrc", "lib/../../../x"],
)
def test_a_hostile_archive_whose_hash_is_right_writes_nothing_elsewhere(
    machine: Machine, hostile: str
) -> None:
    """Its own hash is right, since a publisher can be hostile: only what is locked is written."""
    name = hostile.format(work=str(machine.folder / "work").lstrip("/"))
    data = archive_of({name: b"hostile", **FILES})
    locked = lock("unused")
    version = locked.versions["v1.2.3"]
    platform = version.platforms["linux_amd64"]
    with HostileServer({f"/{NAME}": [ranges(data)]}) as server:
        archive = archive_named(data, server.url(f"/{NAME}"))
        changed = replace(
            version, flavors={"": {"linux_amd64": replace(platform, archives=(archive,))}}
        )
        machine.write(replace(locked, versions={"v1.2.3": changed}))
        before = machine.outside()
        machine.fetch().checked()
    assert machine.outside() == before
    assert set(files_below(machine.output)) >= set(FILES)
    assert not [name for name in files_below(machine.folder) if name.endswith(("/x", ".netrc"))]


def archive_named(data: bytes, url: str) -> LockedArchive:
    files = tuple(locked_file(path, content) for path, content in sorted(FILES.items()))
    digest = hashlib.sha256(data).hexdigest()
    return LockedArchive(NAME, (Url(url),), digest, len(data), "tar.gz", "", files)


def test_nothing_is_seen_under_a_final_name_while_bytes_arrive(machine: Machine) -> None:
    """With half of the body received, neither the output nor a tree in the store exists."""
    arrived, go_on = threading.Event(), threading.Event()

    def in_two_halves(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(DATA))})
        exchange.send(DATA[: len(DATA) // 2])
        arrived.set()
        go_on.wait(60)
        exchange.send(DATA[len(DATA) // 2 :])

    with HostileServer({f"/{NAME}": [in_two_halves]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        results: list[Result] = []
        fetching = threading.Thread(target=lambda: results.append(machine.fetch()))
        fetching.start()
        assert arrived.wait(60)
        output_was_there, trees = machine.output.exists(), machine.trees()
        go_on.set()
        fetching.join()
    assert not output_was_there
    assert trees == []
    results[0].checked()
    assert machine.has_library()


# Mirrors.


def test_the_first_mirror_serves_wrong_bytes_and_the_second_is_right(machine: Machine) -> None:
    with HostileServer({"/bad": [whole(DATA[::-1])], "/good": [ranges(DATA)]}) as server:
        machine.lock(server.url("/bad"), server.url("/good"))
        machine.fetch().checked()
        assert [request.target for request in server.requests] == ["/bad", "/good"]
    assert machine.has_library()


def test_an_unreadable_zip_leads_to_the_next_mirror(machine: Machine) -> None:
    """A zip is read in parts: the first mirror's zip has a directory that the reader refuses."""
    padding = ZipEntry("padding", random.Random(1).randbytes(400_000))
    data = zip_archive(padding, *(ZipEntry(name, content) for name, content in FILES.items()))
    hostile = bytearray(data)
    hostile[data.rindex(b"PK\1\2") + 6] = 99  # the version that it takes to read it
    locked = lock("unused")
    version = locked.versions["v1.2.3"]
    platform = version.platforms["linux_amd64"]
    with HostileServer({"/bad": [ranges(bytes(hostile))], "/good": [ranges(data)]}) as server:
        archive = replace(
            archive_named(data, server.url("/bad")),
            urls=(Url(server.url("/bad")), Url(server.url("/good"))),
            format="zip",
        )
        changed = replace(
            version, flavors={"": {"linux_amd64": replace(platform, archives=(archive,))}}
        )
        machine.write(replace(locked, versions={"v1.2.3": changed}))
        machine.fetch().checked()
        assert {request.target for request in server.requests} == {"/bad", "/good"}
    assert machine.has_library()


@pytest.mark.parametrize(
    ("behavior", "code"),
    [(status(404), 3), (redirect("/nowhere"), 3), (whole(DATA[::-1]), 4)],
    ids=["404", "redirect to nothing", "wrong bytes"],
)
def test_with_a_mirror_that_fails_nothing_else_is_contacted(
    machine: Machine, behavior: Behavior, code: int
) -> None:
    """CGO_PREBUILT_MIRROR fails closed: the lock's own URLs, which work, are never asked."""
    with (
        HostileServer({f"/{NAME}": [ranges(DATA)]}) as origin,
        HostileServer({f"/m/{NAME}": [behavior]}) as mirror,
    ):
        machine.lock(origin.url(f"/{NAME}"))
        done = machine.fetch(CGO_PREBUILT_MIRROR=mirror.url("/m"))
        refused(done, code, mirror.url(f"/m/{NAME}"))
        assert origin.connections == 0
        assert mirror.asked(f"/m/{NAME}")
    assert not machine.output.exists()


# Which servers get credentials.


def tunnel_to(port: int) -> Behavior:
    """Return a proxy's CONNECT (RFC 9110 9.3.6) that connects every host to a local port."""

    def answer(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", port)) as far:
            exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, exchange.connection), daemon=True)
            back.start()
            _pump(exchange.connection, far)
            back.join(5)

    return answer


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


class Internet:
    """github.com and another host behind a proxy, with certificates of a private authority."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.contexts = {}
        for host in ("github.com", "elsewhere.example"):
            self.contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host).configure_cert(self.contexts[host])


@pytest.fixture
def internet(tmp_path: Path) -> Internet:
    folder = tmp_path / "internet"
    folder.mkdir()
    return Internet(folder)


def test_the_github_token_goes_to_github_and_never_to_its_redirects(
    machine: Machine, internet: Internet
) -> None:
    """Through HTTPS_PROXY and with a private CA, to the release's real host name."""
    contexts = internet.contexts
    moved = redirect("https://elsewhere.example/signed?x=1")
    with (
        HostileServer({"/vec": [moved]}, tls=contexts["github.com"]) as github,
        HostileServer({"/signed": [ranges(DATA)]}, tls=contexts["elsewhere.example"]) as elsewhere,
        HostileServer(
            {
                "github.com:443": [tunnel_to(github.port)],
                "elsewhere.example:443": [tunnel_to(elsewhere.port)],
            }
        ) as proxy,
    ):
        machine.lock("https://github.com/vec")
        done = machine.fetch(
            GITHUB_TOKEN=TOKEN,
            HTTPS_PROXY=proxy.url(""),
            SSL_CERT_FILE=str(internet.authority),
        )
        done.checked()
        assert [r.headers.get("authorization") for r in github.requests] == [f"Bearer {TOKEN}"]
        assert elsewhere.requests
        for request in [*elsewhere.requests, *proxy.requests]:
            assert TOKEN not in str(request.headers)
    assert machine.has_library()
    assert TOKEN not in done.stdout + done.stderr


def test_the_github_token_is_not_for_another_host(machine: Machine, internet: Internet) -> None:
    context = internet.contexts["elsewhere.example"]
    with (
        HostileServer({"/vec": [ranges(DATA)]}, tls=context) as elsewhere,
        HostileServer({"elsewhere.example:443": [tunnel_to(elsewhere.port)]}) as proxy,
    ):
        machine.lock("https://elsewhere.example/vec")
        variables = {"GH_TOKEN": TOKEN, "GITHUB_TOKEN": TOKEN, "HTTPS_PROXY": proxy.url("")}
        machine.fetch(**variables, SSL_CERT_FILE=str(internet.authority)).checked()
        assert all("authorization" not in request.headers for request in elsewhere.requests)


def test_without_the_private_ca_tls_fails_and_says_which_variable_names_it(
    machine: Machine, internet: Internet
) -> None:
    context = internet.contexts["elsewhere.example"]
    with (
        HostileServer({"/vec": [ranges(DATA)]}, tls=context) as elsewhere,
        HostileServer({"elsewhere.example:443": [tunnel_to(elsewhere.port)]}) as proxy,
    ):
        machine.lock("https://elsewhere.example/vec")
        refused(machine.fetch(HTTPS_PROXY=proxy.url("")), 3, "TLS", "SSL_CERT_FILE")
        assert elsewhere.requests == []
    assert not machine.output.exists()


def test_a_proxy_is_used_except_for_the_hosts_in_no_proxy(machine: Machine) -> None:
    target = "http://elsewhere.example/vec"
    with (
        HostileServer({target: [ranges(DATA)]}) as proxy,
        HostileServer({"/vec": [ranges(DATA)]}) as server,
    ):
        machine.lock(target)
        machine.fetch(HTTP_PROXY=proxy.url(""), http_proxy=proxy.url("")).checked()
        assert [request.target for request in proxy.requests] == [target]
        machine.lock(server.url("/vec"))
        proxied = {"HTTP_PROXY": proxy.url(""), "http_proxy": proxy.url("")}
        another_store = str(machine.folder / "store/another")
        machine.fetch(**proxied, NO_PROXY="127.0.0.1", CGO_PREBUILT_CACHE=another_store).checked()
        assert len(proxy.requests) == 1
        assert len(server.requests) == 1


def test_netrc_is_for_its_host_only(machine: Machine) -> None:
    netrc = machine.folder / "home/.netrc"
    netrc.write_text("machine 127.0.0.1 login me password pass\n")
    netrc.chmod(0o600)
    with HostileServer({"/b": [ranges(DATA)]}) as other:
        location = other.url("/b", host="localhost")
        with HostileServer({"/a": [redirect(location)]}) as first:
            machine.lock(first.url("/a"))
            machine.fetch().checked()
            assert first.requests[0].headers["authorization"] == "Basic bWU6cGFzcw=="
        assert all("authorization" not in request.headers for request in other.requests)


# The machine.


def wound_forward(machine: Machine, seconds: int) -> None:
    """Set a later clock for every Python of this machine, until that is undone."""
    (machine.folder / "clock").mkdir()
    (machine.folder / "clock/sitecustomize.py").write_text(
        "import time\n"
        "real, real_ns = time.time, time.time_ns\n"
        f"time.time = lambda: real() + {seconds}\n"
        f"time.time_ns = lambda: real_ns() + {seconds} * 10**9\n"
    )


def test_a_clock_that_goes_backwards_costs_nothing(machine: Machine) -> None:
    """The store was filled ten years from now; today it is still good, and can be pruned."""
    wound_forward(machine, 10 * 365 * 86400)
    path = f"{REPOSITORY / 'tools'}{os.pathsep}{machine.folder / 'clock'}"
    with HostileServer({f"/{NAME}": [ranges(DATA)]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        machine.fetch(PYTHONPATH=path).checked()
        machine.fetch().checked()
        assert len(server.requests) == 1
    assert machine.has_library()
    machine.run("cache", "verify").checked()
    machine.run("cache", "prune", "--max-size", "0").checked()
    assert machine.trees() == []


def test_a_very_long_path_works_or_is_named(machine: Machine) -> None:
    long = machine.folder / "work" / "/".join(["a long folder " + "x" * 180] * 15)
    with HostileServer({f"/{NAME}": [ranges(DATA)]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        machine.output = long
        machine.fetch().checked()
        assert machine.has_library()
        machine.output = long / "/".join(["y" * 200] * 10)
        refused(machine.fetch(), 2, "too long")


def test_the_next_run_resumes_a_partial_download(machine: Machine) -> None:
    """A server stops half-way, and later works again: received bytes are not requested again."""
    half = len(DATA) // 2
    with HostileServer({f"/{NAME}": [ranges(DATA, cut=half), status(404)]}) as server:
        machine.lock(server.url(f"/{NAME}"))
        refused(machine.fetch(), 3, "404")
        assert not machine.output.exists()
        server.replace(f"/{NAME}", [ranges(DATA)])
        done = machine.run(
            *("fetch", "--lock", "vec.lock.json", "--platform", "linux_amd64"),
            *("--output", str(machine.output), "--json"),
        )
        assert json.loads(done.checked().stdout)["bytes_resumed"] == half
    assert machine.has_library()
