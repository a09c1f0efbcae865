"""One archive over several connections."""

from __future__ import annotations

import itertools
import os
import random
import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.network import connections
from cgo_prebuilt.network.answer import Answer
from cgo_prebuilt.network.body import receive
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.intervals import Intervals
from cgo_prebuilt.network.partial import PositionedFile
from cgo_prebuilt.network.segments import Growth, Lease, Leases, block_size
from cgo_prebuilt.network.spool import Spool
from cgo_prebuilt.network.transport_settings import TransportSettings
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    ranges,
    ranges_until,
    slow,
    status,
)
from tests.unit.transport_case import EAGER, Collector, download, fetch, left_over

CONNECTION = "cgo-prebuilt-connection"
LARGE = random.Random(3).randbytes(12 << 20)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one size: on a busy machine, answers are late, and parts grow with that."""
    monkeypatch.setattr(connections, "block_size", lambda rate, latency: 1 << 20)


@pytest.mark.usefixtures("small_blocks")
def test_a_slow_server_is_asked_over_several_connections(tmp_path: Path) -> None:
    answer = ranges_until(LARGE, lambda server: server.connections >= 4)
    collector = Collector()
    with HostileServer({"/a": [answer]}) as server:
        got = fetch(tmp_path, download(server.url("/a"), body=LARGE), collector, **EAGER)
        assert server.connections >= 4
        assert all("if-range" in request.headers for request in server.requests[1:])
    assert (collector.calls, collector.data == LARGE) == (1, True)
    assert got.tally.requests == len(server.requests)
    assert left_over(tmp_path) == []


def test_a_fast_server_is_asked_once(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(LARGE)]}) as server:
        fetch(
            tmp_path, download(server.url("/a"), body=LARGE), connections=8, worthwhile_seconds=60
        )
        assert len(server.requests) == 1


def test_connections_of_one_is_a_single_stream(tmp_path: Path) -> None:
    with HostileServer({"/a": [slow(LARGE, rate=16 << 20)]}) as server:
        wanted = download(server.url("/a"), body=LARGE)
        fetch(tmp_path, wanted, **{**EAGER, "connections": 1})
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(status(429), id="429"),
        pytest.param(status(503, retry_after="99"), id="503"),
        pytest.param(status(200), id="empty-200"),
        pytest.param(ranges(LARGE, etag='"v2"'), id="changed"),
        pytest.param(ranges(LARGE, cut=1000, end="reset"), id="reset"),
        pytest.param(ranges(LARGE, piece=1000), id="less-than-asked"),
    ],
)
def test_trouble_of_the_further_connections_does_not_hurt_the_first(
    tmp_path: Path, trouble: Behavior
) -> None:
    rest = slow(LARGE, rate=32 << 20)
    collector, own, troubled = Collector(), list[socket.socket](), list[socket.socket]()

    def answer(exchange: Exchange) -> None:
        if not own:
            own.append(exchange.connection)
        if exchange.connection is own[0]:
            ranges_until(LARGE, lambda _: len(troubled) == 3)(exchange)
        elif len(troubled) < 3:
            troubled.append(exchange.connection)
            trouble(exchange)
        else:
            rest(exchange)

    with HostileServer({"/a": [answer]}) as server:
        fetch(tmp_path, download(server.url("/a"), body=LARGE), collector, **EAGER)
    assert (collector.calls, collector.data == LARGE) == (1, True)


@pytest.mark.usefixtures("small_blocks")
def test_a_run_that_ends_amid_its_segments_can_be_resumed(tmp_path: Path) -> None:
    enough = threading.Event()

    def interrupt(stream: ByteStream) -> None:
        enough.wait(60)
        raise KeyboardInterrupt

    def watch(exchange: Exchange) -> None:
        if len(exchange.server.requests) >= 6:
            enough.set()
        slow(LARGE, rate=4 << 20)(exchange)

    with HostileServer({"/a": [watch]}) as server:
        wanted = download(server.url("/a"), body=LARGE)
        with pytest.raises(KeyboardInterrupt):
            fetch(tmp_path, wanted, interrupt, **EAGER)
        server.replace("/a", [ranges(LARGE)])
        got = fetch(tmp_path, wanted)
    assert got.tally.resumed > 1 << 20
    assert got.tally.resumed + got.tally.downloaded == len(LARGE)


@pytest.mark.usefixtures("small_blocks")
def test_one_connection_that_stalls_costs_no_second_download(tmp_path: Path) -> None:
    """Its part is fetched by another one; it is still there, silent, when all bytes have come."""
    stalled = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.request.range is not None and not stalled.is_set():
            stalled.set()
            return ranges(LARGE, cut=100_000, end="stall")(exchange)
        return ranges_until(LARGE, lambda _: stalled.is_set())(exchange)

    collector = Collector()
    with HostileServer({"/a": [answer]}) as server:
        got = fetch(tmp_path, download(server.url("/a"), body=LARGE), collector, **EAGER)
        asked = [request.range for request in server.requests if request.range is not None]
    assert stalled.is_set()
    assert (collector.calls, collector.data == LARGE) == (1, True)
    assert all(end is None or start < end for start, end in asked)
    assert got.tally.downloaded < len(LARGE) + (1 << 20)


@pytest.mark.usefixtures("small_blocks")
def test_the_server_that_goes_away_ends_all_connections(tmp_path: Path) -> None:
    own = list[socket.socket]()

    def gone(exchange: Exchange) -> None:
        requests = exchange.server.requests
        if not own:
            own.append(exchange.connection)
        if len(requests) > 6:
            status(404)(exchange)
        elif exchange.connection is own[0]:
            ranges_until(LARGE, lambda _: len(requests) > 6)(exchange)
        else:
            slow(LARGE, rate=8 << 20)(exchange)

    others = set(threading.enumerate())
    with HostileServer({"/a": [gone]}) as server, pytest.raises(UnavailableError, match="404"):
        fetch(tmp_path, download(server.url("/a"), body=LARGE), **EAGER)
    threads = threads_of_transfers(others)
    for thread in threads:
        thread.join(60)
    assert not [thread.name for thread in threads if thread.is_alive()]


def test_an_interrupt_waits_for_no_connection_that_is_being_made(tmp_path: Path) -> None:
    """Nothing ends a wait for a connection but its own time-out."""
    interrupted, others = list[float](), set(threading.enumerate())

    def interrupt(stream: ByteStream) -> None:
        stream.read(1)
        # The one that adds the others, and three of those.
        while [one.name for one in threads_of_transfers(others)].count(CONNECTION) < 4:
            time.sleep(0.02)
        time.sleep(0.3)
        interrupted.append(time.monotonic())
        raise KeyboardInterrupt

    with HostileServer({"/a": [slow(LARGE, rate=2 << 20)]}, accepts=1) as server:
        wanted = download(server.url("/a"), body=LARGE)
        with pytest.raises(KeyboardInterrupt):
            fetch(tmp_path, wanted, interrupt, **{**EAGER, "connect_seconds": 300})
        assert time.monotonic() - interrupted[0] < 120
        assert server.connections == 1


def test_a_connection_that_is_made_after_the_end_writes_no_more(tmp_path: Path) -> None:
    """The file may be closed by then, and its descriptor another one's."""
    place = tmp_path / "file"
    place.write_bytes(b"good")
    with closing(PositionedFile(os.open(place, os.O_RDWR), place)) as file:
        spool = Spool(file, Intervals())
        spool.fail(Failure(Kind.STOPPED, "stopped"))
        with pytest.raises(Failure, match="stopped"):
            spool.write(0, memoryview(b"late"))
    assert place.read_bytes() == b"good"


def threads_of_transfers(others: set[threading.Thread]) -> list[threading.Thread]:
    """A transfer's threads that have not ended, but for those of other tests in this process."""
    threads = set(threading.enumerate()) - others
    return [thread for thread in threads if thread.name.startswith("cgo-prebuilt-")]


# Decisions.


def test_no_connections_are_added_where_little_is_left() -> None:
    growth = Growth(8, 2.5)
    assert [growth.decide(1e9, 300_000_000) for _ in range(5)] == [0] * 5


def test_connections_are_added_while_each_step_gains() -> None:
    growth = Growth(8, 2.5)
    rates = [12e6, 12e6, 48e6, 96e6]
    assert [growth.decide(rate, 10**9) for rate in rates] == [0, 3, 4, 0]


def test_connections_are_not_added_where_the_line_is_full() -> None:
    growth = Growth(8, 2.5)
    assert sum(growth.decide(12e6, 10**9) for _ in range(99)) == 3


def test_a_first_burst_is_not_taken_for_the_rate() -> None:
    growth = Growth(8, 2.5)
    assert [growth.decide(rate, 10**9) for rate in (120e6, 0, 100e6)] == [0, 3, 4]


def test_blocks_grow_with_rate_and_latency_within_bounds() -> None:
    assert block_size(1, 0) == 1 << 20
    assert block_size(12e6, 0.001) == 3_000_000
    assert block_size(12e6, 0.05) == 12_000_000
    assert block_size(1e9, 1) == 1 << 25


def test_leases_are_taken_in_order_and_split_into_blocks() -> None:
    first = Lease(0, 100)
    leases = Leases([], first)
    first.advance(10)
    leases.split(20)
    assert first.end == 30
    taken = [leases.take() for _ in range(5)]
    spans = [(lease.position, lease.end) for lease in taken if lease is not None]
    assert spans == [(30, 50), (50, 70), (70, 90), (90, 100)]
    second = taken[0]
    assert second is not None
    second.advance(5)
    leases.give_back(second)
    again = leases.take()
    assert again is not None
    assert (again.position, again.end) == (35, 50)


def test_the_rest_of_a_connection_that_says_no_more_is_fetched_by_another() -> None:
    lease = Lease(0, 100, touched=-1000.0)
    leases = Leases([], lease)
    assert leases.wait(0.01)
    assert lease.end == 0
    other = leases.take()
    assert other is not None
    assert (other.position, other.end) == (0, 100)
    assert leases.wait(0.01), "the other one is at work"
    assert leases.take() is None, "nothing is missing that nobody fetches"
    other.advance(100)
    leases.give_back(other)
    # The first one is still there, and has nothing left to do.
    assert not leases.wait(0.01)
    leases.give_back(lease)
    assert not leases.wait(0.01)


def test_an_empty_part_is_nobodys_work() -> None:
    leases = Leases([(5, 5), (7, 9)])
    taken = leases.take()
    assert taken is not None
    assert (taken.position, taken.end) == (7, 9)
    assert leases.take() is None


def test_leases_that_grow_are_over_when_they_are_closed() -> None:
    leases = Leases((), grows=True)
    assert (leases.take(), leases.wait(0.001), leases.missing()) == (None, True, 0)
    assert leases.add([(7, 9), (1, 4)])
    taken = leases.take()
    assert taken is not None
    taken.advance(1)
    assert (taken.position, taken.end, leases.missing()) == (2, 4, 4)
    leases.close()
    assert not leases.add([(20, 30)])
    taken.advance(2)
    leases.give_back(taken)
    rest = leases.take()
    assert rest is not None
    rest.advance(2)
    leases.give_back(rest)
    assert (leases.wait(0.001), leases.missing()) == (False, 0)


class TakenOver(Answer):
    """An answer whose bytes come when another connection has fetched them already."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def read_into(self, piece: memoryview) -> int:
        self._lease.end = self._lease.position
        piece[:4] = b"late"
        return 4


def test_what_comes_after_another_one_took_over_is_counted_and_not_written(tmp_path: Path) -> None:
    place, counted = tmp_path / "file", list[int]()
    place.write_bytes(b"good bytes")
    lease = Lease(0, 10)
    with closing(PositionedFile(os.open(place, os.O_RDWR), place)) as file:
        spool = Spool(file, Intervals([(0, 10)]))
        receive(TakenOver(lease), lease, spool, TransportSettings(), counted.append)
    assert (place.read_bytes(), counted, lease.position) == (b"good bytes", [4], 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))))
def test_intervals_are_the_set_of_their_offsets(parts: list[tuple[int, int]]) -> None:
    intervals = Intervals(parts)
    offsets = set(itertools.chain.from_iterable(range(start, end) for start, end in parts))
    got = intervals.parts()
    assert set(itertools.chain.from_iterable(range(*part) for part in got)) == offsets
    assert all(a[1] < b[0] for a, b in itertools.pairwise(got))
    assert intervals.size() == len(offsets)
    missing = set(range(60)) - offsets
    holes = intervals.holes(60)
    assert set(itertools.chain.from_iterable(range(*hole) for hole in holes)) == missing
    reach = intervals.reach(0)
    assert set(range(reach)) <= offsets
    assert reach not in offsets
