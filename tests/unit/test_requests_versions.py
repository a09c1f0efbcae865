"""The HTTP client with the oldest and the newest urllib3 that requests allows.

It reads responses below urllib3, through a class that http.client is told to use. That this reaches
every read is no promise of urllib3's: so it is tested with both ends of what may be installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import cgo_prebuilt
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    endlessly,
    ranges,
    redirect,
    whole,
)
from tests.unit.transport_case import BODY

OLDEST = "urllib3==1.24.3" if sys.version_info < (3, 12) else "urllib3==1.26.20"
"""Older ones cannot be imported by this Python."""

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "oldest": ("requests==2.31.0", OLDEST),
    "oldest 2": ("requests==2.31.0", "urllib3==2.0.0"),
    "newest": ("requests", "urllib3"),
}

CLIENT = """
import hashlib, sys, threading
from contextlib import closing
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.transport_settings import TransportSettings
from cgo_prebuilt.url import Url

base = sys.argv[1]
hasty = TransportSettings(header_seconds=1.0, read_seconds=1.0, answer_seconds=1.0)

def read(client, path, headers=None):
    content, buffer = b"", memoryview(bytearray(1 << 18))
    with closing(client.open(Url(base + path), headers)) as answer:
        while got := answer.read_into(buffer):
            content += buffer[:got]
    return content

with HttpClient(TransportSettings(), {}) as client:
    # Two whole bodies and a part, on one connection, and a redirect.
    assert hashlib.sha256(read(client, "/body")).hexdigest() == sys.argv[2]
    assert hashlib.sha256(read(client, "/moved")).hexdigest() == sys.argv[2]
    assert len(read(client, "/body", {"Range": "bytes=5-99999"})) == 99995
    assert read(client, "/chunked") == b"hello"
    reply = client.exchange("PUT", Url(base + "/put"), body=b"sent", most=99)
    assert (reply.status, reply.content) == (200, b"sent"), reply
    for path, settings, kind in [
        ("/trailers", TransportSettings(), Kind.MALFORMED),
        ("/continues", TransportSettings(), Kind.MALFORMED),
        ("/headers", hasty, Kind.TIMEOUT),
        ("/short", TransportSettings(), None),
    ]:
        try:
            with HttpClient(settings, {}) as other:
                content = read(other, path)
            assert kind is None and content == b"hello", (path, content)
        except Failure as failure:
            assert failure.kind is kind, (path, failure.kind, failure.reason)

with HttpClient(TransportSettings(read_seconds=600), {}) as client:
    with closing(client.open(Url(base + "/stalls"))) as answer:
        threading.Timer(0.3, client.abort).start()
        assert answer.read_into(memoryview(bytearray(9))) == 0
"""


def echo(exchange: Exchange) -> None:
    whole(exchange.body())(exchange)


def stall(exchange: Exchange) -> None:
    exchange.head(200, {"Content-Length": "5"})
    exchange.stall()


@pytest.mark.parametrize("packages", VERSIONS.values(), ids=VERSIONS)
def test_the_client_works_with(packages: tuple[str, ...], tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(tmp_path), *packages], check=True)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"
    scripts: Mapping[str, Sequence[Behavior]] = {
        "/body": [ranges(BODY)],
        "/moved": [redirect("/body")],
        "/chunked": [lambda exchange: exchange.send(chunked + b"5\r\nhello\r\n0\r\n\r\n")],
        "/short": [lambda exchange: exchange.send(short)],
        "/put": [echo],
        "/trailers": [endlessly(chunked + b"0\r\n", b"X-More: and more\r\n" * 999)],
        "/continues": [endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999)],
        "/headers": [endlessly(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", pause=0.05)],
        "/stalls": [stall],
    }
    package = str(Path(cgo_prebuilt.__file__).parent.parent)
    with HostileServer(scripts) as server:
        digest = hashlib.sha256(BODY).hexdigest()
        command = [sys.executable, "-S", "-c", CLIENT, server.url(""), digest]
        environment = {
            "PYTHONPATH": os.pathsep.join([str(tmp_path), package]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # The first three of them, the redirect included, went over one connection.
        assert server.connections < len(server.requests) - 2
