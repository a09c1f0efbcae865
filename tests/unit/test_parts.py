"""Parts of an archive: each byte once, over kills and mirrors, whatever a server does."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError
from cgo_prebuilt.network.job import Parts
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.network.transport import Transferred, Transport
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    ranges,
    ranges_until,
    raw,
    redirect,
    status,
    whole,
)
from tests.unit.test_resume import leave
from tests.unit.test_transport_properties import HEAD, cuts, etags
from tests.unit.transport_case import (
    BODY,
    EAGER,
    OTHER,
    SETTINGS,
    Collector,
    download,
    fetch,
    left_over,
    transport,
)

PLACES = [(10_000, 40_000), (200_000, 260_000)]
SHARE = 90_000


class Reader:
    """A consumer of parts, which verifies them; and one of the whole."""

    def __init__(self, places: Sequence[tuple[int, int]] = PLACES, body: bytes = BODY) -> None:
        self.places = places
        self.body = body
        self.whole = Collector()
        self.calls = 0

    def read(self, file: BinaryIO) -> None:
        self.calls += 1
        for start, end in self.places:
            file.seek(start)
            if file.read(end - start) != self.body[start:end]:
                raise IntegrityError("wrong bytes", where="a part", remedy="none")

    def run(self, runner: Transport, wanted: Download) -> Transferred:
        return runner.run(wanted, self.whole, Parts(lambda file: self.places, self.read))


def fetch_parts(folder: Path, *urls: str) -> Transferred:
    """Reads parts, and fails where that took the whole."""
    reader = Reader()
    got = reader.run(transport(folder), download(*urls))
    assert reader.whole.calls == 0
    return got


def asked(server: HostileServer) -> list[tuple[int, int | None] | None]:
    return [request.range for request in server.requests]


def test_nothing_is_asked_for_but_the_parts(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        got = fetch_parts(tmp_path, server.url("/a"))
        assert asked(server) == PLACES
        assert server.connections == 1
    assert (got.tally.downloaded, got.tally.resumed, got.tally.requests) == (SHARE, 0, 2)
    assert (got.sha256, got.size, got.validator) == (download("").sha256, len(BODY), '"v1"')
    assert left_over(tmp_path) == []


def interrupted(folder: Path, server: HostileServer) -> None:
    """A run that has the first part, and 20,000 bytes of the second one."""
    server.replace("/a", [ranges(BODY), ranges(BODY, cut=20_000), status(404)])
    with pytest.raises(UnavailableError):
        fetch_parts(folder, server.url("/a"))
    server.requests.clear()
    server.replace("/a", [ranges(BODY)])


def test_parts_that_an_earlier_run_has_left_are_not_fetched_again(tmp_path: Path) -> None:
    with HostileServer({}) as server:
        interrupted(tmp_path, server)
        got = fetch_parts(tmp_path, server.url("/a"))
        assert asked(server) == [(220_000, 260_000)]
    assert (got.tally.resumed, got.tally.downloaded) == (50_000, 40_000)
    assert left_over(tmp_path) == []


def test_a_whole_download_resumes_parts(tmp_path: Path) -> None:
    with HostileServer({}) as server:
        interrupted(tmp_path, server)
        got = fetch(tmp_path, download(server.url("/a")))
    assert (got.tally.resumed, got.tally.downloaded) == (50_000, len(BODY) - 50_000)


def test_parts_resume_a_whole_download(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        got = fetch_parts(tmp_path, server.url("/a"))
        assert asked(server) == [PLACES[1]]
    assert (got.tally.resumed, got.tally.downloaded) == (30_000, 60_000)


def test_damaged_bytes_of_an_earlier_run_are_fetched_again_in_parts(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"), body=OTHER)
        fetch_parts(tmp_path, server.url("/a"))
        assert asked(server)[-2:] == PLACES


def test_a_file_that_changed_after_an_earlier_run_is_read_in_parts(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, etag='"v2"')]}) as server:
        leave(tmp_path, server.url("/a"))
        got = fetch_parts(tmp_path, server.url("/a"))
        assert server.requests[0].headers["if-range"] == '"v1"'
        assert asked(server) == [PLACES[1], *PLACES]
    assert got.tally.downloaded == SHARE


def test_a_file_that_changes_between_two_parts_is_read_whole(tmp_path: Path) -> None:
    reader = Reader()
    with HostileServer({"/a": [ranges(OTHER), ranges(BODY, etag='"v2"')]}) as server:
        reader.places = [(200_000, 260_000)]
        reader.run(transport(tmp_path), download(server.url("/a")))
        assert asked(server) == [(200_000, 260_000), None]
    assert reader.whole.data == BODY


def test_the_parts_come_from_the_mirror_that_has_ranges(tmp_path: Path) -> None:
    with HostileServer({"/none": [whole(BODY)], "/a": [ranges(BODY)]}) as server:
        got = fetch_parts(tmp_path, server.url("/none"), server.url("/a"))
    assert (got.url.name, got.tally.downloaded) == ("a", SHARE)


def test_without_ranges_anywhere_the_last_answer_is_taken(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)], "/b": [whole(BODY)]}) as server:
        got = fetch_parts(tmp_path, server.url("/a"), server.url("/b"))
        assert len(server.requests) == 2
    assert got.url.name == "b"
    assert 260_000 <= got.tally.downloaded <= len(BODY), "up to the last part at least"


def test_a_local_mirror_is_read_where_the_parts_are(tmp_path: Path) -> None:
    path = tmp_path / "lib"
    path.write_bytes(bytes(5_000) + BODY[5_000:])
    got = fetch_parts(tmp_path, path.as_uri())
    assert (got.tally.downloaded, got.tally.requests) == (0, 0)


def test_wrong_parts_of_a_local_mirror_are_explained_by_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "lib"
    path.write_bytes(OTHER)
    with pytest.raises(IntegrityError, match="sha256"):
        Reader().run(transport(tmp_path), download(path.as_uri()))


def test_an_archive_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        HostileServer({"/a": [ranges(BODY + b"more")]}) as server,
        pytest.raises(IntegrityError, match="size 300004"),
    ):
        Reader().run(transport(tmp_path), download(server.url("/a")))


def test_an_archive_of_unknown_size_is_read_whole(tmp_path: Path) -> None:
    reader = Reader()
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        reader.run(transport(tmp_path), download(server.url("/a"), size=None))
    assert (reader.calls, reader.whole.data) == (0, BODY)


def test_several_connections_fetch_a_part(tmp_path: Path) -> None:
    large = BODY * 20
    reader = Reader([(1_000_000, 5_000_000)], large)
    answer = ranges_until(large, lambda server: server.connections > 1)
    with HostileServer({"/a": [answer]}) as server:
        got = reader.run(transport(tmp_path, **EAGER), download(server.url("/a"), body=large))
        assert server.connections > 1
        spans = asked(server)
    assert all(span is not None and 1_000_000 <= span[0] < 5_000_000 for span in spans)
    assert (reader.calls, reader.whole.calls) == (1, 0)
    assert got.tally.downloaded < 6_000_000


def redirected(exchange: Exchange) -> None:
    """Another address each time."""
    redirect(f"/signed?{len(exchange.server.requests)}")(exchange)


def test_redirects_of_each_request_are_followed(tmp_path: Path) -> None:
    signed = [ranges(BODY), status(403), ranges(BODY)]
    with HostileServer({"/a": [redirected], "/signed": signed}) as server:
        fetch_parts(tmp_path, server.url("/a"))
        targets = [request.target for request in server.requests]
    assert targets == ["/a", "/signed?1", "/signed?1", "/a", "/signed?4"]


class Shown(Progress, FileProgress):
    """A progress that keeps its numbers."""

    def __init__(self) -> None:
        self.asked = self.position = 0
        self.outcomes = list[str]()

    def start(self, file: str, total: int | None) -> Shown:
        self.asked, self.position = total or 0, 0
        return self

    def set_position(self, position: int, total: int | None = None) -> None:
        self.position = position
        if total is not None:
            self.asked = total

    def expect_more(self, count: int, there: int) -> None:
        self.asked += count
        self.position += there

    def advance(self, count: int) -> None:
        self.position += count

    def done(self, outcome: str) -> None:
        self.outcomes.append(outcome)


@pytest.mark.parametrize(
    ("script", "total", "outcomes"),
    [
        ([ranges(BODY)], SHARE, ["done"]),
        (
            [ranges(BODY), ranges(BODY, etag='"v2"')],
            len(BODY),
            [
                "has to be read whole: the server sent all of it where a part was asked for",
                "done",
            ],
        ),
    ],
)
def test_progress_is_of_what_is_asked_for(
    tmp_path: Path, script: list[Behavior], total: int, outcomes: list[str]
) -> None:
    shown = Shown()
    runner = Transport(tmp_path / "partials", SETTINGS, shown)
    with HostileServer({"/a": script}) as server:
        Reader().run(runner, download(server.url("/a")))
    assert (shown.asked, shown.position, shown.outcomes) == (total, total, outcomes)


def test_progress_is_of_the_whole_where_a_server_has_no_ranges(tmp_path: Path) -> None:
    shown = Shown()
    runner = Transport(tmp_path / "partials", SETTINGS, shown)
    with HostileServer({"/a": [whole(BODY)]}) as server:
        Reader().run(runner, download(server.url("/a")))
    assert 260_000 <= shown.position <= shown.asked == len(BODY)


def test_progress_starts_again_with_the_parts(tmp_path: Path) -> None:
    shown = Shown()
    runner = Transport(tmp_path / "partials", SETTINGS, shown)
    with HostileServer({"/a": [ranges(BODY, etag='"v2"')]}) as server:
        leave(tmp_path, server.url("/a"))
        Reader().run(runner, download(server.url("/a")))
    assert (shown.asked, shown.position) == (SHARE, SHARE)


def test_progress_counts_what_an_earlier_run_has_left(tmp_path: Path) -> None:
    shown = Shown()
    with HostileServer({}) as server:
        interrupted(tmp_path, server)
        runner = Transport(tmp_path / "partials", SETTINGS, shown)
        Reader().run(runner, download(server.url("/a")))
    assert (shown.asked, shown.position) == (SHARE, SHARE)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 60_000), end=st.sampled_from(["close", "reset"]))
def test_a_server_that_fails_at_any_byte_of_a_part_costs_no_byte(cut: int, end: str) -> None:
    with tempfile.TemporaryDirectory() as folder, HostileServer({}) as server:
        failing = ranges(BODY, cut=cut, end=end)
        server.replace("/a", [failing, ranges(BODY)])
        got = fetch_parts(Path(folder), server.url("/a"))
        # A reset may take bytes away that were on their way.
        assert got.tally.downloaded + (end == "reset") * SHARE >= SHARE
        assert got.tally.downloaded <= SHARE


def half_range(exchange: Exchange) -> None:
    """A range that is not the one that was asked for."""
    headers: Mapping[str, str] = {"Content-Range": "bytes 5-104/300000", "Content-Length": "100"}
    exchange.head(206, headers)
    exchange.send(BODY[5:105])


bodies = st.sampled_from([BODY, BODY, OTHER, BODY[:-1], BODY + b"\0"])
behaviors: st.SearchStrategy[Behavior] = st.one_of(
    st.builds(
        lambda body, etag, cut, end: ranges(body, etag=etag, cut=cut, end=end),
        bodies,
        etags,
        cuts,
        st.sampled_from(["close", "reset"]),
    ),
    st.builds(lambda body, piece: ranges(body, piece=piece), bodies, st.integers(1, 50_000)),
    st.builds(lambda body: ranges(body, headers={"Accept-Ranges": "none"}), bodies),
    st.builds(whole, bodies),
    st.builds(status, st.sampled_from([204, 206, 304, 401, 403, 404, 416, 429, 500, 503])),
    st.builds(redirect, st.sampled_from(["/a", "/b", "ftp://x/", "http://[", ""])),
    st.just(half_range),
    st.builds(raw, st.binary(max_size=60)),
    st.builds(lambda data: raw(HEAD + b"\r\n" + data), bodies),
)


@settings(max_examples=60, deadline=None)
@given(
    first=st.lists(behaviors, min_size=1, max_size=6),
    second=st.lists(behaviors, min_size=1, max_size=3),
    places=st.lists(
        st.tuples(st.integers(0, 299_000), st.integers(1, 100_000)), min_size=1, max_size=4
    ),
    connections=st.sampled_from([1, 4]),
)
def test_any_server_ends_in_the_right_parts_or_an_error(
    first: list[Behavior],
    second: list[Behavior],
    places: list[tuple[int, int]],
    connections: int,
) -> None:
    reader = Reader([(start, min(start + count, len(BODY))) for start, count in places])
    changes = {**EAGER, "connections": connections}
    with (
        tempfile.TemporaryDirectory() as folder,
        HostileServer({"/a": first, "/b": second}) as server,
    ):
        wanted = download(server.url("/a"), server.url("/b"))
        for _ in range(2):
            reader.whole.data = b""
            runner = transport(Path(folder), **changes, first_wait=0.001, redirects=2)
            try:
                reader.run(runner, wanted)
            except CgoPrebuiltError:
                continue
            assert reader.whole.data in (b"", BODY)
        assert len(server.requests) <= 200


def test_the_consumer_has_verified_all_of_this() -> None:
    """A reader that gets other bytes fails: what the tests above rely on."""
    with tempfile.TemporaryDirectory() as folder, HostileServer({"/a": [ranges(OTHER)]}) as server:
        wanted = Download("a", (Url(server.url("/a")),), hashlib.sha256(OTHER).hexdigest(), 300_000)
        reader = Reader()
        reader.run(transport(Path(folder)), wanted)
        assert (reader.calls, reader.whole.data) == (1, OTHER)
