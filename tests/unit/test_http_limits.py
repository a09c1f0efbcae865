"""Whatever a server does, a request ends in bounded time and memory; each kind of request alike."""

from __future__ import annotations

import gzip
import os
import time
import tracemalloc
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from cgo_prebuilt.errors import CgoPrebuiltError, UnavailableError
from cgo_prebuilt.network.api import Api, Clock, FilePart
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.job import Parts
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.releases.github_api import GitHubSite
from cgo_prebuilt.releases.release_reader import ReleaseReader
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    endlessly,
    redirect,
    whole,
)
from tests.unit.transport_case import BODY, HASTY, SETTINGS, Collector, download, fetch, transport

OK = b"HTTP/1.1 200 OK\r\n"
PART = (
    b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 37856-299999/300000\r\n"
    b"Content-Length: 262144\r\n\r\n"
)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FIRST_CHUNK = b"5\r\nhello\r\n"
SECONDS = 60.0
"""The longest that any of these may take, all tries included; most end at once."""
MEMORY = 30 << 20

HOSTILE: Mapping[str, Behavior] = {
    "trailers without end": endlessly(OK + CHUNKED + b"0\r\n", b"X-More: and more\r\n" * 999),
    "trailers, slowly": endlessly(OK + CHUNKED + b"0\r\n", b"X-More: 1\r\n", pause=0.02),
    "headers without end": endlessly(OK, b"X-More: and more\r\n" * 999),
    "headers, slowly": endlessly(OK, b"X-More: 1\r\n", pause=0.02),
    "a header line without end": endlessly(OK + b"X-More: ", b"x" * 9999),
    "a status line without end": endlessly(b"HTTP/1.1 200 ", b"x" * 9999),
    "100 Continue without end": endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "100 Continue, slowly": endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02),
    "100 with headers without end": endlessly(b"", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 999),
    "a chunk size without end": endlessly(OK + CHUNKED + b"5;", b"x" * 9999),
    "a chunk size, slowly": endlessly(OK + CHUNKED + FIRST_CHUNK + b"5;", b"x", pause=0.02),
    "chunks of a byte, slowly": endlessly(OK + CHUNKED, b"1\r\nx\r\n", pause=0.02),
    "a body, slowly": endlessly(OK + b"\r\n", b"x", pause=0.02),
    "a part, slowly": endlessly(PART, b"x", pause=0.02),
    "a refusal without end": endlessly(b"HTTP/1.1 403 No\r\n\r\n", b"x" * 99_999),
    "a failure without end": endlessly(b"HTTP/1.1 503 No\r\n\r\n", b"x" * 99_999),
    "nothing": endlessly(b"", b"", pause=0.02),
    "not HTTP": endlessly(b"", b"x" * 99_999),
}


@pytest.fixture
def bounded() -> Iterator[None]:
    """Fails a test that takes too long or too much."""
    began = time.monotonic()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - began < SECONDS
    assert peak < MEMORY


def api(**changes: Any) -> Api:
    settings = replace(SETTINGS, **changes)
    return Api(HttpClient(settings, {}), clock=Clock(lambda seconds: None), settings=settings)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("behavior", HOSTILE.values(), ids=HOSTILE)
def test_a_download_ends(tmp_path: Path, behavior: Behavior) -> None:
    with HostileServer({"/a": [behavior], "/good": [whole(BODY)]}) as server:
        with pytest.raises(CgoPrebuiltError):
            fetch(tmp_path, download(server.url("/a")), **HASTY, tries=1)
        fetch(tmp_path, download(server.url("/a"), server.url("/good")), **HASTY, tries=2)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("behavior", HOSTILE.values(), ids=HOSTILE)
def test_a_question_to_an_api_ends(behavior: Behavior) -> None:
    with HostileServer({"/a": [behavior]}) as server, pytest.raises(CgoPrebuiltError):
        api(**HASTY, tries=1).ask(Url(server.url("/a")))


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("behavior", HOSTILE.values(), ids=HOSTILE)
def test_the_hash_of_an_asset_ends(behavior: Behavior) -> None:
    with HostileServer({"/a": [behavior]}) as server, pytest.raises(CgoPrebuiltError):
        api(**HASTY, tries=1).sha256_of(Url(server.url("/a")))


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("behavior", HOSTILE.values(), ids=HOSTILE)
def test_a_part_of_a_zip_ends(tmp_path: Path, behavior: Behavior) -> None:
    def consume(file: BinaryIO) -> None:
        file.seek(-9, 2)
        file.read(9)

    with HostileServer({"/a": [behavior]}) as server:
        wanted, parts = download(server.url("/a")), Parts(lambda file: [], consume)
        with pytest.raises(CgoPrebuiltError):
            transport(tmp_path, **HASTY, tries=1).run(wanted, Collector(), parts)


@pytest.mark.usefixtures("bounded")
def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /good\r\n\r\n"
    scripts = {"/a": [endlessly(moved, b"x" * 99_999)], "/good": [whole(BODY)]}
    with HostileServer(scripts) as server:
        url = Url(server.url("/a"))
        fetch(tmp_path, download(url.raw))
        assert api().ask(url).content == BODY
        assert api().sha256_of(url) == download("").sha256
        assert api().send("HEAD", url).status == 200


@pytest.mark.usefixtures("bounded")
def test_slow_redirects_have_no_more_time_than_one_answer() -> None:
    def slowly(exchange: Exchange) -> None:
        exchange.server.stopping.wait(0.75)
        redirect(f"/{int(exchange.request.target[1:]) + 1}")(exchange)

    settings = replace(SETTINGS, connect_seconds=0.5, header_seconds=3, redirects=99)
    with HostileServer({f"/{number}": [slowly] for number in range(99)}) as server:
        with HttpClient(settings, {}) as client, pytest.raises(Failure, match="in time") as caught:
            client.open(Url(server.url("/0")))
        assert caught.value.kind is Kind.TIMEOUT
        assert 1 < len(server.requests) < 9


@pytest.mark.usefixtures("bounded")
def test_silence_after_slow_headers_ends_with_their_time() -> None:
    """The time for all headers is 0.6 s, and not that and the time for one read."""
    behavior = endlessly(OK + b"X-More: 1\r\n", b"", pause=99)
    settings = replace(SETTINGS, header_seconds=0.6, read_seconds=99)
    with HostileServer({"/a": [behavior]}) as server, HttpClient(settings, {}) as client:
        began = time.monotonic()
        with pytest.raises(Failure):
            client.open(Url(server.url("/a")))
        assert time.monotonic() - began < SECONDS


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'[{"a":0},' * 3_500_000, "an answer of more than 8388608 bytes"),
        (b'{"":0},' * 900_000, "the answer is not JSON"),
        (b"[" * 100_000, "the answer is not JSON"),
    ],
    ids=["32 MB", "a million values", "nested"],
)
def test_json_takes_little_memory(body: bytes, what: str) -> None:
    with (
        HostileServer({"/a": [whole(body)]}) as server,
        pytest.raises(UnavailableError, match=what),
    ):
        api().ask(Url(server.url("/a"))).json()


@pytest.mark.usefixtures("bounded")
def test_sums_of_many_megabytes_are_refused(tmp_path: Path) -> None:
    text = (b"0" * 64 + b"  a-file-of-the-release.tar.gz\n") * 300_000
    (tmp_path / "SHA256SUMS").write_bytes(text)
    tracemalloc.clear_traces()
    reader = ReleaseReader(GitHubSite.of({}), api(), api())
    with HostileServer({"/SHA256SUMS": [whole(text)]}) as server:
        for url in (server.url("/SHA256SUMS"), (tmp_path / "SHA256SUMS").as_uri()):
            with pytest.raises(UnavailableError, match="more than 1048576 bytes"):
                reader.text(Url(url))


def test_a_text_that_is_stored_compressed_is_read() -> None:
    """As S3 sends an object with this encoding, although only identity was accepted."""
    packed, plain = gzip.compress(b"a text"), b"no gzip"
    script: dict[str, list[Behavior]] = {
        "/a": [whole(packed, content_encoding="gzip")],
        "/b": [whole(plain, content_encoding="gzip")],
        "/c": [whole(packed[:-1], content_encoding="gzip")],
        "/d": [whole(packed)],
    }
    with HostileServer(script) as server:
        got = [api().ask(Url(server.url(place))).content for place in script]
    assert got == [b"a text", plain, packed[:-1], packed]


@pytest.mark.usefixtures("bounded")
def test_a_text_that_is_large_when_decompressed_is_refused() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    with (
        HostileServer({"/a": [whole(bomb, content_encoding="gzip")]}) as server,
        pytest.raises(UnavailableError, match="more than 8388608 bytes"),
    ):
        api().ask(Url(server.url("/a")))


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("pause", [0.02, 9.0], ids=["slowly", "never"])
def test_an_upload_that_is_not_read_ends(tmp_path: Path, pause: float) -> None:
    def listen(exchange: Exchange) -> None:
        while not exchange.server.stopping.wait(pause):
            exchange.connection.recv(9)

    (tmp_path / "a").touch()
    os.truncate(tmp_path / "a", 20 << 20)
    progress = Progress().start("a", None)
    with HostileServer({"/a": [listen]}) as server, pytest.raises(Failure):
        api(**HASTY).send_file("PUT", Url(server.url("/a")), FilePart(tmp_path / "a"), progress)


@pytest.mark.usefixtures("bounded")
def test_the_hash_of_what_never_ends_ends() -> None:
    settings = replace(SETTINGS, largest=20 << 20)
    with HostileServer({"/a": [endlessly(OK + b"\r\n", b"x" * 99_999)]}) as server:
        url = Url(server.url("/a"))
        with pytest.raises(UnavailableError, match="it does not end after"):
            Api(HttpClient(settings, {}), settings=settings).sha256_of(url)
