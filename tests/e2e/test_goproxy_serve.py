"""`goproxy serve`, the server for trials: its answers to any request."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.release import cgo_prebuilt
from tests.e2e.servers import SiteServer, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    (folder / "secret").write_text("secret")
    site = folder / "site"
    (site / "x").mkdir(parents=True)
    (site / "a.dev/!x/@v").mkdir(parents=True)
    (site / "x/index.html").write_text("page of x")
    (site / "404.html").write_text("page for everything else")
    (site / "a.dev/!x/@v/v1.0.0.info").write_text("{}")
    (site / "_redirects").write_text("/a.dev/!x/@v/v1.0.0.zip https://example.com/x.zip 302\n")
    (site / "link").symlink_to(folder / "secret")
    return site


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[SiteServer]:
    with running("serve", site, tmp_path / "server") as server:
        yield server


def _ask(server: SiteServer, target: str, method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.putrequest(method, target, skip_host=True)
    connection.putheader("Host", "a.dev")
    connection.endheaders()
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, response.getheader("Location") or ""


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/x?go-get=1", "page of x"),
        ("/x/", "page of x"),
        ("http://a.dev/x?go-get=1", "page of x"),
        ("/a.dev/%21x/@v/v1.0.0.info", "{}"),
        ("/a.dev/!x/%40v/v1.0.0.info", "{}"),
    ],
)
def test_pages_and_files_are_found(server: SiteServer, target: str, text: str) -> None:
    assert _ask(server, target) == (200, text, "")


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/y",
        "/../secret",
        "/%2e%2e/secret",
        "/x/..%2f..%2fsecret",
        "//secret",
        "/link",
        "/%00",
        "/" + "a" * 5000,
        "/a.dev/!x/@v",
        "http://a.dev",
    ],
)
def test_anything_else_is_not_found(server: SiteServer, target: str) -> None:
    assert _ask(server, target) == (404, "page for everything else", "")


def test_a_zip_elsewhere_is_a_redirect(server: SiteServer) -> None:
    assert _ask(server, "/a.dev/%21x/@v/v1.0.0.zip") == (302, "", "https://example.com/x.zip")


def test_a_head_request_has_no_body(server: SiteServer) -> None:
    assert _ask(server, "/x", "HEAD") == (200, "", "")


def test_other_methods_are_refused(server: SiteServer) -> None:
    assert _ask(server, "/x", "POST")[0] == 501


def test_a_client_that_goes_away_leaves_no_traceback(server: SiteServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(b"GET /x HTTP/1.1\r\n")
    assert _ask(server, "/x")[0] == 200
    server.stop()
    assert "Traceback" not in server.log.read_text()


def test_it_prints_its_url_and_ends_on_ctrl_c(site: Path) -> None:
    command = [sys.executable, "-m", "cgo_prebuilt", "goproxy", "serve", str(site), "--port", "0"]
    with subprocess.Popen(
        command,
        env={"PYTHONPATH": str(REPOSITORY / "tools")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in said


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_it_listens_on_an_address_of_ipv6(site: Path) -> None:
    command = [sys.executable, "-m", "cgo_prebuilt", "goproxy", "serve", str(site), "--port", "0"]
    with subprocess.Popen(
        [*command, "--host", "::1"],
        env={"PYTHONPATH": str(REPOSITORY / "tools")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            assert url.startswith("http://[::1]:")
            with urllib.request.urlopen(f"{url}/x/") as answer:
                assert answer.read() == b"page of x"
        finally:
            process.send_signal(signal.SIGINT)


def test_a_request_cannot_control_the_terminal(server: SiteServer) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for line in (b"GET /\x1b[2J\x9b1m HTTP/1.1", b"\x1b]0;title\x07 / HTTP/1.1", b"GET /a%0a%1b"):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(line + b"\r\nHost: x\r\n\r\n")
            client.recv(100)
    server.stop()
    log = server.log.read_text(errors="surrogateescape")
    assert "\\x1b[2J" in log
    assert all(sign.isprintable() or sign == "\n" for sign in log)


def test_a_request_for_a_malformed_target_is_answered(server: SiteServer) -> None:
    assert _ask(server, "http://[bad/x")[0] == 400


def test_damaged_redirects_are_reported_and_drop_no_connection(site: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(site, tmp_path / "damaged", symlinks=True)
    with running("serve", damaged, tmp_path / "server") as server:
        assert _ask(server, "/x")[0] == 200
        (damaged / "_redirects").write_bytes(b"/\xff https://example.com/x.zip 302\n")
        assert _ask(server, "/x")[0] == 500
    assert "the file of the redirects is not UTF-8" in server.log.read_text()
    refused = cgo_prebuilt("goproxy", "serve", damaged, "--port=0", cwd=site)
    assert refused.code == 4
    assert "the file of the redirects is not UTF-8" in refused.stderr


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_an_invalid_port_is_refused(site: Path, port: str) -> None:
    refused = cgo_prebuilt("goproxy", "serve", site, f"--port={port}", cwd=site)
    assert refused.code == 2
    assert "cannot be listened on" in refused.stderr


def test_a_port_that_is_taken_is_refused(server: SiteServer, site: Path) -> None:
    port = server.url.rsplit(":", 1)[1]
    refused = cgo_prebuilt("goproxy", "serve", site, "--port", port, cwd=site)
    assert refused.code == 2
    assert "next: choose another with --port" in refused.stderr
