"""Whatever a server does, a download ends: with the right bytes or with an error of ours."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgo_prebuilt.errors import CgoPrebuiltError
from tests.unit.hostile_server import Behavior, HostileServer, ranges, raw, redirect, status, whole
from tests.unit.transport_case import Collector, download, transport

RIGHT = bytes(range(256)) * 40
WRONG = bytes(reversed(RIGHT))
HEAD = b"HTTP/1.1 200 OK\r\n"

etags = st.sampled_from(['"v1"', '"v2"', 'W/"v1"', None])
cuts = st.one_of(st.none(), st.integers(0, len(RIGHT)))
bodies = st.sampled_from([RIGHT, RIGHT, WRONG, RIGHT[:-1], RIGHT + b"\0"])


def range_server(body: bytes, etag: str | None, cut: int | None, end: str) -> Behavior:
    return ranges(body, etag=etag, cut=cut, end=end)


behaviors: st.SearchStrategy[Behavior] = st.one_of(
    st.builds(range_server, bodies, etags, cuts, st.sampled_from(["close", "reset"])),
    st.builds(whole, bodies),
    st.builds(status, st.sampled_from([204, 206, 304, 401, 404, 416, 429, 500, 503])),
    st.builds(redirect, st.sampled_from(["/a", "/b", "ftp://x/", "http://[", "//", ""])),
    st.builds(raw, st.binary(max_size=60)),
    st.builds(lambda data: raw(HEAD + b"\r\n" + data), bodies),
    st.builds(lambda data: raw(HEAD + data), st.binary(max_size=60)),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.lists(behaviors, min_size=1, max_size=6),
    second=st.lists(behaviors, min_size=1, max_size=3),
    known=st.booleans(),
)
def test_any_server_ends_in_the_right_bytes_or_an_error(
    first: list[Behavior], second: list[Behavior], known: bool
) -> None:
    collector = Collector()
    with (
        tempfile.TemporaryDirectory() as folder,
        HostileServer({"/a": first, "/b": second}) as server,
    ):
        changes = {} if known else {"size": None}
        wanted = download(server.url("/a"), server.url("/b"), body=RIGHT, **changes)
        for _ in range(2):
            try:
                transport(Path(folder), first_wait=0.001, redirects=2).run(wanted, collector)
            except CgoPrebuiltError:
                continue
            assert collector.data == RIGHT
        # Two runs, two mirrors, two passes each, three tries each, three hops each.
        assert len(server.requests) <= 72
