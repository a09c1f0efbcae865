"""Downloads: mirrors, retries, sizes and statuses, against real servers that misbehave."""

from __future__ import annotations

import email.utils
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.network.body import Pace
from cgo_prebuilt.network.failure import Failure
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.network.transport import Transport
from cgo_prebuilt.network.transport_settings import TransportSettings
from tests.unit.hostile_server import (
    Exchange,
    HostileServer,
    ranges,
    raw,
    redirect,
    status,
    whole,
)
from tests.unit.transport_case import (
    BODY,
    HASTY,
    OTHER,
    Collector,
    download,
    fetch,
    left_over,
    transport,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
GONE = "http://127.0.0.1:1/gone"


def chunked(body: bytes, *, ended: bool = True) -> bytes:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n" % len(body) + body + b"\r\n" + (b"0\r\n\r\n" if ended else b"")


def test_a_plain_download_is_right_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        got = fetch(tmp_path, download(server.url("/a")))
    assert (got.size, got.tally.requests, got.tally.downloaded, got.tally.resumed) == (
        len(BODY),
        1,
        len(BODY),
        0,
    )
    assert left_over(tmp_path) == []


def test_the_hash_is_computed_where_none_is_known(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)]}) as server:
        got = fetch(tmp_path, download(server.url("/a"), sha256=None, size=None))
    assert got.sha256 == download("").sha256


def test_only_identity_is_accepted(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gzip", "a.tar.gz"),
        ("x-gzip", "a.tgz"),
        ("gzip", f"sha256:{'0' * 64}"),
        ("bzip2", "a.tar.bz2"),
        ("x-bzip2", "a.tbz"),
        ("xz", "a.tar.xz"),
        ("x-xz", "a.txz"),
        ("zstd", "a.tar.zst"),
        ("zstd", "a.tzst"),
        ("zstd", f"sha256:{'0' * 64}"),
    ],
)
def test_content_encoding_of_a_compressed_file_says_what_the_file_is(
    tmp_path: Path, encoding: str, name: str
) -> None:
    """As Apache, S3, Flask and Django say it; whether the bytes are the file's, the hash decides."""
    wrong = whole(b"x" * len(BODY), content_encoding=encoding)
    script = {f"/{name}": [whole(BODY, content_encoding=encoding)], f"/other/{name}": [wrong]}
    with HostileServer(script) as server:
        fetch(tmp_path, download(server.url(f"/{name}")))
        with pytest.raises(IntegrityError, match="has wrong bytes"):
            fetch(tmp_path, download(server.url(f"/other/{name}")))


def test_content_encoding_of_another_compression_is_refused(tmp_path: Path) -> None:
    script = {"/a.tar.xz": [whole(BODY, content_encoding="gzip")]}
    with (
        HostileServer(script) as server,
        pytest.raises(UnavailableError, match="Content-Encoding 'gzip'"),
    ):
        fetch(tmp_path, download(server.url("/a.tar.xz")))


def test_content_encoding_gzip_on_another_file_is_refused_for_the_next_mirror(
    tmp_path: Path,
) -> None:
    with HostileServer(
        {"/bad": [whole(BODY, content_encoding="gzip")], "/good": [whole(BODY)]}
    ) as server:
        got = fetch(tmp_path, download(server.url("/bad"), server.url("/good")))
        assert got.url.raw == server.url("/good")
        assert len(server.asked("/bad")) == 1
        with pytest.raises(UnavailableError, match="Content-Encoding 'gzip'"):
            fetch(tmp_path, download(server.url("/bad")))


# Bodies and their lengths.


def test_truncated_body_is_resumed_where_it_ended(tmp_path: Path) -> None:
    script = [ranges(BODY, cut=100_000), ranges(BODY)]
    collector = Collector()
    with HostileServer({"/a": script}) as server:
        got = fetch(tmp_path, download(server.url("/a")), collector)
        second = server.requests[1]
    assert second.range == (100_000, None)
    assert second.headers["if-range"] == '"v1"'
    assert got.tally.downloaded == len(BODY)
    assert (collector.calls, collector.data) == (1, BODY)


def test_truncated_body_without_a_validator_is_fetched_again_from_the_start(tmp_path: Path) -> None:
    script = [ranges(BODY, etag=None, cut=100_000), ranges(BODY, etag=None)]
    collector = Collector()
    with HostileServer({"/a": script}) as server:
        fetch(tmp_path, download(server.url("/a")), collector)
        assert [request.range for request in server.requests] == [None, None]
    assert (collector.calls, collector.data) == (2, BODY)


def test_body_that_is_always_truncated_ends_after_some_tries(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, cut=10)]}) as server:
        with pytest.raises(UnavailableError, match="ended at byte 30 of 300000, 3 times"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 3


def test_bytes_that_are_fetched_again_and_again_are_no_progress(tmp_path: Path) -> None:
    """Such as without a validator, if the server or a proxy ends each connection early."""
    with HostileServer({"/a": [ranges(BODY, etag=None, cut=100_000)]}) as server:
        with pytest.raises(UnavailableError, match="ended at byte 100000 of 300000, 3 times"):
            fetch(tmp_path, download(server.url("/a")), progress_bytes=50_000, total_seconds=20)
        assert len(server.requests) <= 4


def test_no_content_length_and_the_end_of_the_connection_as_end(tmp_path: Path) -> None:
    with HostileServer({"/a": [raw(HEAD + b"\r\n" + BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))


def test_no_content_length_and_a_body_that_ends_early_is_truncated(tmp_path: Path) -> None:
    script = [raw(HEAD + b"\r\n" + BODY[:-1]), raw(HEAD + b"\r\n" + BODY)]
    with HostileServer({"/a": script}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2


@pytest.mark.parametrize("length", ["-5", "-0", "1e3", "0x10", "many"])
def test_negative_or_senseless_content_length_is_refused(tmp_path: Path, length: str) -> None:
    with HostileServer({"/a": [whole(BODY, content_length=length)]}) as server:
        with pytest.raises(UnavailableError, match="the invalid Content-Length"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 1


def test_two_different_content_lengths_are_refused(tmp_path: Path) -> None:
    answer = HEAD + b"Content-Length: 300000\r\nContent-Length: 9\r\n\r\n" + BODY
    with HostileServer({"/a": [raw(answer)]}) as server, pytest.raises(UnavailableError):
        fetch(tmp_path, download(server.url("/a")))


@pytest.mark.parametrize("length", [299_999, 300_001, 0, 10**18])
def test_content_length_other_than_the_locks_is_refused_before_the_body(
    tmp_path: Path, length: int
) -> None:
    collector = Collector()
    with HostileServer({"/a": [whole(BODY, content_length=str(length))]}) as server:
        with pytest.raises(IntegrityError, match=f"size {length}, expected 300000"):
            fetch(tmp_path, download(server.url("/a")), collector)
        assert len(server.requests) == 1
    assert collector.calls == 0


def test_chunked_body(tmp_path: Path) -> None:
    with HostileServer({"/a": [raw(chunked(BODY))]}) as server:
        fetch(tmp_path, download(server.url("/a")))


def test_chunked_body_without_its_last_chunk_is_truncated(tmp_path: Path) -> None:
    script = [raw(chunked(BODY[:-9], ended=False)), raw(chunked(BODY))]
    with HostileServer({"/a": script}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2


def test_chunked_body_that_is_too_short_is_wrong(tmp_path: Path) -> None:
    with HostileServer({"/a": [raw(chunked(BODY[:-9]))]}) as server:
        with pytest.raises(IntegrityError, match="size 299991, expected 300000"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 1


@pytest.mark.parametrize("chunked", [True, False])
def test_a_page_in_the_place_of_an_archive_is_named(tmp_path: Path, *, chunked: bool) -> None:
    """As companies' proxies send it: a form for a login, with status 200."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    body = b"Transfer-Encoding: chunked\r\n\r\n5\r\n<html\r\n0\r\n\r\n"
    page = raw(head + (body if chunked else b"Content-Length: 5\r\n\r\n<html"))
    with (
        HostileServer({"/a": [page]}) as server,
        pytest.raises(IntegrityError, match="size 5, expected 300000; it is a web page"),
    ):
        fetch(tmp_path, download(server.url("/a")))


@pytest.mark.parametrize(
    ("challenge", "schemes"),
    [
        ('Digest realm="x", nonce="y", qop="auth"', "Digest"),
        ("Negotiate, NTLM", "Negotiate and NTLM"),
        ('Negotiate, Basic realm="x"', None),
    ],
)
def test_a_login_of_another_scheme_is_named(
    tmp_path: Path, challenge: str, schemes: str | None
) -> None:
    with (
        HostileServer({"/a": [status(401, www_authenticate=challenge)]}) as server,
        pytest.raises(UnavailableError, match="HTTP 401") as caught,
    ):
        fetch(tmp_path, download(server.url("/a")))
    assert ("accepts only" in str(caught.value)) == (schemes is not None)
    assert schemes is None or f"only {schemes} logins" in str(caught.value)
    assert ("netrc" in (caught.value.remedy or "")) == (schemes is None)


def test_body_that_never_ends_is_cut_one_byte_behind_its_size(tmp_path: Path) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(HEAD + b"\r\n" + BODY)
        while not exchange.server.stopping.is_set():
            exchange.send(BODY)

    with HostileServer({"/a": [endless]}) as server:
        with pytest.raises(IntegrityError, match="size more than 300000"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 1


def test_body_that_never_ends_is_cut_where_no_size_is_known(tmp_path: Path) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(HEAD + b"\r\n")
        while not exchange.server.stopping.is_set():
            exchange.send(BODY)

    with HostileServer({"/a": [endless]}) as server, pytest.raises(IntegrityError):
        fetch(tmp_path, download(server.url("/a"), sha256=None, size=None), largest=2_000_000)


def test_body_that_trickles_is_given_up_by_the_lowest_rate(tmp_path: Path) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(BODY)), "ETag": '"v1"'})
        for byte in BODY:
            exchange.send(bytes([byte]))
            if exchange.server.stopping.wait(0.02):
                return

    with HostileServer({"/a": [trickle, ranges(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")), **HASTY)
        assert server.requests[1].range is not None
    with (
        HostileServer({"/a": [trickle]}) as server,
        pytest.raises(UnavailableError, match=r"no more than \d+ B a second"),
    ):
        fetch(tmp_path, download(server.url("/a")), **HASTY, tries=1)


def test_a_rate_below_a_byte_a_second_is_not_none() -> None:
    with pytest.raises(Failure, match="no more than 1 B a second"):
        Pace(TransportSettings()).count(4, 30)


def test_body_that_trickles_is_ended_by_the_total_deadline(tmp_path: Path) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(BODY))})
        for byte in BODY:
            exchange.send(bytes([byte]))
            if exchange.server.stopping.wait(0.02):
                return

    with (
        HostileServer({"/a": [trickle]}) as server,
        pytest.raises(UnavailableError, match=r"took longer than 0\.5 s"),
    ):
        fetch(
            tmp_path,
            download(server.url("/a"), GONE),
            total_seconds=0.5,
            lowest_rate=0,
        )


def test_body_that_stalls_is_resumed(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, cut=9, end="stall"), ranges(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")), read_seconds=0.4)
        assert server.requests[1].range == (9, None)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 2", HEAD + b"Content-Le"])
def test_headers_that_stall(tmp_path: Path, sent: bytes) -> None:
    def stall(exchange: Exchange) -> None:
        exchange.send(sent)
        exchange.stall()

    with HostileServer({"/a": [stall, whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")), header_seconds=0.6)
        assert len(server.requests) >= 2


def test_headers_that_trickle_are_ended_by_their_deadline(tmp_path: Path) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.send(HEAD)
        while not exchange.server.stopping.wait(0.02):
            exchange.send(b"X-More: and more\r\n")

    with HostileServer({"/a": [trickle, whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")), header_seconds=0.6)
        assert len(server.requests) >= 2


def test_connection_reset_as_it_is_made(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)]}, resets=2) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 1


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 2", HEAD + b"Content-Length: 300000\r\n\r\n"])
def test_connection_reset_before_the_body(tmp_path: Path, sent: bytes) -> None:
    def reset(exchange: Exchange) -> None:
        exchange.send(sent)
        exchange.reset()

    with HostileServer({"/a": [reset, whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2


@pytest.mark.parametrize("cut", [1, 100_000, 299_999])
def test_connection_reset_in_the_body(tmp_path: Path, cut: int) -> None:
    collector = Collector()
    with HostileServer({"/a": [ranges(BODY, cut=cut, end="reset"), ranges(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")), collector)
    assert collector.data == BODY


# Statuses.


@pytest.mark.parametrize("code", [404, 410])
def test_404_and_410_go_to_the_next_mirror_without_a_retry(tmp_path: Path, code: int) -> None:
    with HostileServer({"/gone": [status(code)], "/a": [whole(BODY)]}) as server:
        got = fetch(tmp_path, download(server.url("/gone"), server.url("/a")))
        assert got.url.raw == server.url("/a")
        assert len(server.asked("/gone")) == 1
        with pytest.raises(UnavailableError, match=f"HTTP {code}") as caught:
            fetch(tmp_path, download(server.url("/gone")))
    assert "check the version and the URL" in (caught.value.remedy or "")


@pytest.mark.parametrize("code", [401, 403])
def test_401_and_403_go_to_the_next_mirror_and_name_the_credentials(
    tmp_path: Path, code: int
) -> None:
    with HostileServer({"/no": [status(code)], "/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/no"), server.url("/a")))
        assert len(server.asked("/no")) == 1
        with pytest.raises(UnavailableError, match=f"HTTP {code}") as caught:
            fetch(tmp_path, download(server.url("/no")))
    assert "GITHUB_TOKEN" in (caught.value.remedy or "")
    assert "netrc" in (caught.value.remedy or "")


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_statuses_that_pass_are_tried_again(tmp_path: Path, code: int) -> None:
    with HostileServer({"/a": [status(code), status(code), whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 3


@pytest.mark.parametrize("code", [503, 429])
def test_statuses_that_do_not_pass_are_tried_so_often_and_no_more(
    tmp_path: Path, code: int
) -> None:
    with HostileServer({"/a": [status(code)]}) as server:
        with pytest.raises(UnavailableError, match=f"HTTP {code} Some Reason, 3 times"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 3


@pytest.mark.parametrize("code", [204, 300, 304, 400, 405, 451, 501, 505])
def test_other_statuses_go_to_the_next_mirror(tmp_path: Path, code: int) -> None:
    with HostileServer({"/no": [status(code)], "/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/no"), server.url("/a")))
        assert len(server.asked("/no")) == 1


@pytest.mark.parametrize("code", [400, 405])
def test_a_server_that_rejects_the_request_is_no_trouble_of_the_network(
    tmp_path: Path, code: int
) -> None:
    with (
        HostileServer({"/a": [status(code)]}) as server,
        pytest.raises(UnavailableError, match=f"HTTP {code}") as caught,
    ):
        fetch(tmp_path, download(server.url("/a")))
    assert "check the URL" in (caught.value.remedy or "")


def test_retry_after_in_seconds_is_waited_for(tmp_path: Path) -> None:
    with HostileServer({"/a": [status(429, retry_after="1"), whole(BODY)]}) as server:
        before = time.monotonic()
        fetch(tmp_path, download(server.url("/a")))
    assert time.monotonic() - before >= 1


def test_a_wait_that_the_server_asks_for_is_shown(tmp_path: Path) -> None:
    waits: list[tuple[float, str]] = []

    class Waits(FileProgress):
        def waits(self, seconds: float, why: str) -> None:
            waits.append((seconds, why))

    class Shows(Progress):
        def start(self, file: str, total: int | None) -> FileProgress:
            return Waits()

    with HostileServer({"/a": [status(503, retry_after="2"), whole(BODY)]}) as server:
        Transport(tmp_path / "partials", TransportSettings(), Shows()).run(
            download(server.url("/a")), Collector()
        )
    assert waits == [(2.0, "HTTP 503 Some Reason")]


def test_retry_after_as_a_date_in_the_past_is_no_wait(tmp_path: Path) -> None:
    date = email.utils.formatdate(time.time() - 1000, usegmt=True)
    with HostileServer({"/a": [status(503, retry_after=date), whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))


@pytest.mark.parametrize(
    "value", ["999999999999999999999", "86400", email.utils.formatdate(4e9, usegmt=True)]
)
def test_retry_after_that_is_absurd_goes_to_the_next_mirror(tmp_path: Path, value: str) -> None:
    with HostileServer({"/no": [status(429, retry_after=value)], "/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/no"), server.url("/a")))
        assert len(server.asked("/no")) == 1
        with pytest.raises(UnavailableError, match=r"asks to wait \d+ seconds"):
            fetch(tmp_path, download(server.url("/no")))


@pytest.mark.parametrize("value", ["-1", "soon", "1.5", "Someday, 99 Foo 2026"])
def test_retry_after_that_makes_no_sense_is_ignored(tmp_path: Path, value: str) -> None:
    with HostileServer({"/a": [status(503, retry_after=value), whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))


# Mirrors.


def test_dns_failure_goes_to_the_next_mirror(tmp_path: Path) -> None:
    missing = "http://no-such-host.invalid/a"
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(missing, server.url("/a")))
    with pytest.raises(UnavailableError, match="the host name was not found"):
        fetch(tmp_path, download(missing))


def test_refused_connection_goes_to_the_next_mirror(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(GONE, server.url("/a")))
    with pytest.raises(UnavailableError, match="the connection was refused, 2 times"):
        fetch(tmp_path, download(GONE))


@pytest.mark.parametrize("wrong", [OTHER, BODY[:-1] + b"\0", BODY[:-1], BODY + b"\0", b""])
def test_the_first_mirror_serves_wrong_bytes_and_the_second_is_right(
    tmp_path: Path, wrong: bytes
) -> None:
    collector = Collector()
    with HostileServer({"/wrong": [ranges(wrong)], "/a": [whole(BODY)]}) as server:
        got = fetch(tmp_path, download(server.url("/wrong"), server.url("/a")), collector)
        assert got.url.raw == server.url("/a")
        assert len(server.asked("/wrong")) == 1
    assert collector.data == BODY
    assert left_over(tmp_path) == []


def test_wrong_bytes_from_every_mirror_name_the_url_and_both_hashes(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(OTHER)]}) as server, pytest.raises(IntegrityError) as caught:
        fetch(tmp_path, download(server.url("/a")))
    message = str(caught.value)
    assert server.url("/a") in message
    assert str(download("").sha256) in message
    assert str(download("", body=OTHER).sha256) in message
    assert "lock it again" in message
    assert left_over(tmp_path) == []


def test_wrong_bytes_from_one_mirror_and_nothing_from_the_other_is_an_integrity_error(
    tmp_path: Path,
) -> None:
    with HostileServer({"/a": [ranges(OTHER)]}) as server, pytest.raises(IntegrityError) as caught:
        fetch(tmp_path, download(server.url("/a"), server.url("/gone")))
    assert server.url("/gone") + ": HTTP 404" in str(caught.value)


def test_every_failed_mirror_is_listed_with_its_reason(tmp_path: Path) -> None:
    with (
        HostileServer({"/down": [status(503)]}) as server,
        pytest.raises(UnavailableError) as caught,
    ):
        fetch(tmp_path, download(server.url("/gone"), server.url("/down"), GONE))
    lines = str(caught.value).splitlines()
    assert lines[0] == "lib.tar.zst cannot be downloaded"
    assert lines[1] == f"  at: {server.url('/gone')}: HTTP 404 Some Reason"
    assert lines[2] == f"      {server.url('/down')}: HTTP 503 Some Reason, 3 times"
    assert lines[3] == f"      {GONE}: the connection was refused, 2 times"
    assert lines[4].startswith("  next: ")
    assert len(lines) == 5


def test_what_a_server_says_cannot_reach_the_terminal_as_a_command(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 404 \x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n"
    with HostileServer({"/a": [raw(answer)]}) as server, pytest.raises(UnavailableError) as caught:
        fetch(tmp_path, download(server.url("/a")))
    assert "HTTP 404 ?]0;owned?" in str(caught.value)


def test_no_url_at_all_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"lib\.tar\.zst has no URL"):
        fetch(tmp_path, download())


@pytest.mark.parametrize(
    "url", ["ftp://host/a", "http://", "http://[::1/a", "nonsense", "http://h:x/"]
)
def test_url_that_is_none_is_unavailable(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnavailableError):
        fetch(tmp_path, download(url))


def test_password_and_query_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        fetch(tmp_path, download("http://me:secret@127.0.0.1:1/a?signature=secret"))
    assert "at: http://***@127.0.0.1:1/a?***\n" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_only_the_urls_given_are_contacted(tmp_path: Path) -> None:
    """What makes `CGO_PREBUILT_MIRROR` fail closed: the transport adds no URL of its own."""
    with HostileServer({}) as mirror, HostileServer({"/a": [whole(BODY)]}) as origin:
        with pytest.raises(UnavailableError):
            fetch(tmp_path, download(mirror.url("/a")))
        assert len(mirror.requests) == 1
        assert origin.requests == []


# Redirects.


def test_redirect_chain_is_followed(tmp_path: Path) -> None:
    codes = zip(range(4), (301, 302, 307, 308), strict=True)
    scripts = {f"/{n}": [redirect(f"/{n + 1}", code)] for n, code in codes}
    with HostileServer({**scripts, "/4": [whole(BODY)]}) as server:
        got = fetch(tmp_path, download(server.url("/0")))
    assert (got.tally.requests, got.url.raw) == (5, server.url("/0"))


def test_redirect_chain_that_is_too_long_is_refused(tmp_path: Path) -> None:
    scripts = {f"/{n}": [redirect(f"/{n + 1}")] for n in range(9)}
    with HostileServer(scripts) as server:
        with pytest.raises(UnavailableError, match="more than 4 redirects"):
            fetch(tmp_path, download(server.url("/0")))
        assert len(server.requests) == 5


def test_redirect_loop_is_refused(tmp_path: Path) -> None:
    with HostileServer({"/a": [redirect("/b")], "/b": [redirect("/a")]}) as server:
        with pytest.raises(UnavailableError, match="a redirect loop"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2


def test_a_refusal_after_a_redirect_names_the_host_that_refused(tmp_path: Path) -> None:
    with HostileServer({"/b": [status(403)]}) as second:
        target = second.url("/b?X-Amz-Signature=secret", host="localhost")
        with (
            HostileServer({"/a": [redirect(target)]}) as first,
            pytest.raises(
                UnavailableError, match=r"HTTP 403.* \(redirected to localhost\)"
            ) as caught,
        ):
            fetch(tmp_path, download(first.url("/a")))
    assert "secret" not in str(caught.value)
    with (
        HostileServer({"/a": [redirect("http://localhost:1/b")]}) as first,
        pytest.raises(UnavailableError, match=r"refused \(redirected to localhost\)"),
    ):
        fetch(tmp_path, download(first.url("/a")))


def test_a_redirect_that_is_not_followed_is_no_trouble_of_the_network(tmp_path: Path) -> None:
    with (
        HostileServer({"/a": [redirect("/a")]}) as server,
        pytest.raises(UnavailableError, match="a redirect loop") as caught,
    ):
        fetch(tmp_path, download(server.url("/a")))
    assert "browser" in (caught.value.remedy or "")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/a", "data:,x"])
def test_redirect_to_what_is_no_web_address_is_refused(tmp_path: Path, location: str) -> None:
    with (
        HostileServer({"/a": [redirect(location)]}) as server,
        pytest.raises(UnavailableError, match="not an http or https URL"),
    ):
        fetch(tmp_path, download(server.url("/a")))


def test_signed_url_that_expires_is_resolved_again_from_the_original(tmp_path: Path) -> None:
    scripts = {
        "/a": [redirect("/signed?1"), redirect("/signed?2")],
        "/signed": [ranges(BODY, cut=1000), ranges(BODY)],
    }
    with HostileServer(scripts) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert [request.target for request in server.requests] == [
            "/a",
            "/signed?1",
            "/a",
            "/signed?2",
        ]
        assert server.requests[3].range == (1000, None)


# file://


def test_file_url_is_read_where_it_is(tmp_path: Path) -> None:
    place = tmp_path / "a folder with ünïcode, 100%.tar.zst"
    place.write_bytes(BODY)
    got = fetch(tmp_path, download(place.as_uri()))
    assert (got.tally.requests, got.tally.downloaded) == (0, 0)
    assert not (tmp_path / "partials").exists()


def test_file_url_of_nothing_goes_to_the_next_mirror(tmp_path: Path) -> None:
    place = tmp_path / "here"
    place.write_bytes(BODY)
    missing = (tmp_path / "missing").as_uri()
    assert fetch(tmp_path, download(missing, place.as_uri())).url.raw == place.as_uri()
    with pytest.raises(UnavailableError, match="No such file or directory"):
        fetch(tmp_path, download(missing))
    with pytest.raises(UnavailableError, match="not a regular file"):
        fetch(tmp_path, download(tmp_path.as_uri()))
    with pytest.raises(UnavailableError, match="another host"):
        fetch(tmp_path, download("file://elsewhere/a"))


def test_a_thread_of_the_network_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the system looks up a name for ever."""
    over = threading.Event()
    monkeypatch.setattr("cgo_prebuilt.network.transfer.receive", lambda *_: over.wait(60))
    with HostileServer({"/a": [whole(BODY)]}) as server:
        with pytest.raises(UnavailableError, match="took longer than"):
            fetch(tmp_path, download(server.url("/a")), total_seconds=0.5)
        over.set()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_file_url_of_a_pipe_waits_for_nobody(tmp_path: Path) -> None:
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnavailableError, match="not a regular file"):
        fetch(tmp_path, download((tmp_path / "pipe").as_uri()))


@pytest.mark.parametrize("wrong", [OTHER, BODY + b"\0", b""])
def test_file_url_of_wrong_bytes_is_an_integrity_error(tmp_path: Path, wrong: bytes) -> None:
    place = tmp_path / "wrong"
    place.write_bytes(wrong)
    with pytest.raises(IntegrityError, match=r"lib\.tar\.zst has wrong bytes: .*, expected"):
        fetch(tmp_path, download(place.as_uri()))
    with pytest.raises(IntegrityError, match="has wrong bytes, expected sha256 ") as caught:
        fetch(tmp_path, download(place.as_uri(), place.as_uri()))
    assert str(caught.value.where).count(place.as_uri()) == 2
    assert place.read_bytes() == wrong


# Consumers.


def test_consumer_may_stop_early_and_the_rest_is_still_verified(tmp_path: Path) -> None:
    def little(stream: ByteStream) -> None:
        stream.read(1)

    wrong = BODY[:-1] + b"\0"
    with HostileServer({"/a": [whole(BODY)], "/wrong": [whole(wrong)]}) as server:
        assert fetch(tmp_path, download(server.url("/a")), little).size == len(BODY)
        with pytest.raises(IntegrityError):
            fetch(tmp_path, download(server.url("/wrong")), little)


def test_whole_is_seekable_and_verified(tmp_path: Path) -> None:
    def seek(stream: ByteStream) -> None:
        file = stream.whole()
        file.seek(-10, 2)
        assert file.read() == BODY[-10:]
        file.seek(5)
        assert file.read(3) == BODY[5:8]

    with HostileServer({"/a": [whole(BODY)], "/wrong": [whole(OTHER)]}) as server:
        fetch(tmp_path, download(server.url("/wrong"), server.url("/a")), seek)


def test_integrity_error_of_the_consumer_is_the_mirrors_where_the_hash_is_wrong(
    tmp_path: Path,
) -> None:
    def picky(stream: ByteStream) -> None:
        if stream.read(1) != BODY[:1]:
            raise IntegrityError("not an archive", where="a file", remedy="try again")

    with HostileServer({"/html": [whole(OTHER)], "/a": [whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/html"), server.url("/a")), picky)


def test_integrity_error_of_the_consumer_is_final_where_the_hash_is_right(tmp_path: Path) -> None:
    def refuse(stream: ByteStream) -> None:
        raise IntegrityError("an unsafe member", where="a file", remedy="try again")

    with HostileServer({"/a": [whole(BODY)], "/b": [whole(BODY)]}) as server:
        with pytest.raises(IntegrityError, match="an unsafe member"):
            fetch(tmp_path, download(server.url("/a"), server.url("/b")), refuse)
        assert server.asked("/b") == []


def test_other_errors_of_the_consumer_come_through_and_end_the_download(tmp_path: Path) -> None:
    def fail(stream: ByteStream) -> None:
        stream.read(1)
        raise OSError(28, "No space left on device")

    with HostileServer({"/a": [ranges(BODY)]}) as server, pytest.raises(OSError, match="No space"):
        fetch(tmp_path, download(server.url("/a")), fail)


def test_consumer_that_hides_a_broken_stream_does_not_hide_the_failure(tmp_path: Path) -> None:
    def hide(stream: ByteStream) -> None:
        try:
            while stream.read(1000):
                pass
        except CgoPrebuiltError:
            raise OSError("a truncated archive") from None

    with (
        HostileServer({"/a": [whole(BODY, content_length="400000")]}) as server,
        pytest.raises(UnavailableError, match="ended at byte 300000 of 400000"),
    ):
        fetch(tmp_path, download(server.url("/a"), size=None), hide)


# The machine.


def test_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "partials").write_text("a file in the way")
    with (
        HostileServer({"/a": [whole(BODY)]}) as server,
        pytest.raises(UsageError, match="cannot write") as caught,
    ):
        fetch(tmp_path, download(server.url("/a")))
    assert "CGO_PREBUILT_CACHE" in (caught.value.remedy or "")


def test_stop_ends_a_transfer_that_waits(tmp_path: Path) -> None:
    runner = transport(tmp_path, read_seconds=30)

    def stop(stream: ByteStream) -> None:
        assert stream.read(9) == BODY[:9]
        runner.stop()
        stream.read(1)

    with HostileServer({"/a": [ranges(BODY, cut=9, end="stall")]}) as server:
        with pytest.raises(UnavailableError, match="stopped"):
            runner.run(download(server.url("/a")), stop)
        with pytest.raises(UnavailableError, match="stopped"):
            runner.run(download(server.url("/a")), Collector())
