"""Resuming what an earlier run, or an earlier attempt, left."""

from __future__ import annotations

import email.utils
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError
from tests.unit.hostile_server import Behavior, Exchange, HostileServer, ranges, status, whole
from tests.unit.transport_case import BODY, OTHER, Collector, download, fetch, left_over

HALF = len(BODY) // 2
DATE = "Wed, 01 Jan 2020 00:00:00 GMT"
NAMES = [f"{download('').sha256}.partial", f"{download('').sha256}.partial.json"]


def now() -> str:
    return email.utils.formatdate(time.time(), usegmt=True)


def leave(folder: Path, url: str, *, body: bytes = BODY, validator: str = '"v1"') -> None:
    """What a run that was killed half-way leaves behind."""
    place = folder / "partials"
    place.mkdir(exist_ok=True)
    (place / NAMES[0]).write_bytes(body[:HALF])
    sidecar = {"schema": 1, "url": url, "validator": validator, "total": len(body), "done": None}
    (place / NAMES[1]).write_text(json.dumps(sidecar))


def answer_part(**changes: str | None) -> Behavior:
    """A 206 to any request, from the middle, with headers changed or (None) left out."""

    def answer(exchange: Exchange) -> None:
        headers: dict[str, str | None] = {
            "Content-Range": f"bytes {HALF}-{len(BODY) - 1}/{len(BODY)}",
            "Content-Length": str(len(BODY) - HALF),
            "ETag": '"v1"',
        }
        headers.update({name.replace("_", "-").title(): text for name, text in changes.items()})
        if headers.get("Etag"):
            headers["ETag"] = headers.pop("Etag")
        elif "Etag" in headers:
            del headers["Etag"], headers["ETag"]
        exchange.head(206, {name: text for name, text in headers.items() if text is not None})
        exchange.send(BODY[HALF:])

    return answer


def test_a_run_resumes_what_a_failed_one_left(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, cut=HALF), status(404)]}) as server:
        with pytest.raises(UnavailableError, match="404"):
            fetch(tmp_path, download(server.url("/a")))
        assert left_over(tmp_path) == NAMES
        server.replace("/a", [ranges(BODY)])
        got = fetch(tmp_path, download(server.url("/a")))
    assert (got.tally.resumed, got.tally.downloaded) == (HALF, len(BODY) - HALF)
    assert left_over(tmp_path) == []


def test_an_interrupt_leaves_a_resumable_partial(
    tmp_path: Path,
) -> None:
    def interrupt(stream: ByteStream) -> None:
        stream.read(1)
        raise KeyboardInterrupt

    with HostileServer({"/a": [ranges(BODY, cut=HALF, end="stall")]}) as server:
        with pytest.raises(KeyboardInterrupt):
            fetch(tmp_path, download(server.url("/a")), interrupt, read_seconds=0.4)
        server.replace("/a", [ranges(BODY)])
        got = fetch(tmp_path, download(server.url("/a")))
    assert got.tally.resumed > 0
    assert got.tally.resumed + got.tally.downloaded == len(BODY)


def test_all_of_it_is_there_already_and_nothing_is_requested(tmp_path: Path) -> None:
    with HostileServer({}) as server:
        leave(tmp_path, server.url("/a"))
        (tmp_path / "partials" / NAMES[0]).write_bytes(BODY)
        got = fetch(tmp_path, download(server.url("/a")))
    assert (got.tally.requests, got.tally.resumed) == (0, len(BODY))


def test_resume_asks_for_the_rest_of_the_same_version(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        fetch(tmp_path, download(server.url("/a")))
        [request] = server.requests
    assert (request.headers["range"], request.headers["if-range"]) == (f"bytes={HALF}-", '"v1"')


def test_200_to_a_range_request_starts_over_with_that_answer(tmp_path: Path) -> None:
    with HostileServer({"/a": [whole(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        got = fetch(tmp_path, download(server.url("/a")))
    assert (got.tally.requests, got.tally.resumed, got.tally.downloaded) == (1, 0, len(BODY))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"content_range": f"bytes 7-{len(BODY) - 1}/{len(BODY)}"}, id="wrong-start"),
        pytest.param(
            {"content_range": f"bytes {HALF}-{len(BODY) - 1}/{len(BODY) + 1}"}, id="total"
        ),
        pytest.param({"content_range": f"bytes {HALF}-{len(BODY) - 1}/*"}, id="no-total"),
        pytest.param({"content_range": None}, id="no-content-range"),
        pytest.param({"content_range": "nonsense"}, id="senseless-content-range"),
        pytest.param({"content_length": "7"}, id="length-of-another-range"),
        pytest.param({"etag": '"v2"'}, id="etag-changed"),
        pytest.param({"etag": 'W/"v1"'}, id="etag-weak"),
        pytest.param({"etag": None}, id="etag-missing"),
    ],
)
def test_206_that_does_not_fit_is_one_clean_restart(
    tmp_path: Path, changes: Mapping[str, str | None]
) -> None:
    with HostileServer({"/a": [answer_part(**changes), whole(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        got = fetch(tmp_path, download(server.url("/a")))
        assert [request.range for request in server.requests] == [(HALF, None), None]
    assert got.tally.resumed == 0


def test_206_that_never_fits_is_no_loop(tmp_path: Path) -> None:
    with HostileServer({"/a": [answer_part(etag='"v2"')]}) as server:
        leave(tmp_path, server.url("/a"))
        with pytest.raises(UnavailableError, match="206, although no range was requested"):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2


def test_206_that_was_not_asked_for_goes_to_the_next_mirror(tmp_path: Path) -> None:
    scripts = {"/part": [answer_part()], "/a": [whole(BODY)]}
    with HostileServer(scripts) as server:
        fetch(tmp_path, download(server.url("/part"), server.url("/a")))
        assert len(server.asked("/part")) == 1


def test_416_is_one_clean_restart(tmp_path: Path) -> None:
    with HostileServer({"/a": [status(416), whole(BODY)], "/bad": [status(416)]}) as server:
        leave(tmp_path, server.url("/a"))
        fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2
        with pytest.raises(UnavailableError, match="416"):
            fetch(tmp_path, download(server.url("/bad")))
        assert len(server.asked("/bad")) == 1


def test_file_changed_in_between_is_noticed_in_the_same_run(tmp_path: Path) -> None:
    collector = Collector()
    script = [ranges(OTHER, etag='"old"', cut=HALF), ranges(BODY)]
    with HostileServer({"/a": script}) as server:
        got = fetch(tmp_path, download(server.url("/a")), collector)
    assert (collector.calls, collector.data) == (2, BODY)
    assert got.tally.requests == 3


def test_weak_etag_is_not_kept_for_a_later_run(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, etag='W/"v1"', cut=HALF), status(404)]}) as server:
        with pytest.raises(UnavailableError):
            fetch(tmp_path, download(server.url("/a")))
        assert server.requests[1].range is None
    assert left_over(tmp_path) == []


def test_old_last_modified_is_a_validator_and_a_young_one_is_not(tmp_path: Path) -> None:
    old = ranges(BODY, etag=None, headers={"Last-Modified": DATE, "Date": now()}, cut=HALF)
    rest = ranges(BODY, etag=None, headers={"Last-Modified": DATE, "Date": now()})
    with HostileServer({"/a": [old, rest]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert server.requests[1].headers["if-range"] == DATE
    young = ranges(BODY, etag=None, headers={"Last-Modified": now(), "Date": now()}, cut=HALF)
    with HostileServer({"/a": [young, whole(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert server.requests[1].range is None


def test_accept_ranges_none_is_believed(tmp_path: Path) -> None:
    script = [ranges(BODY, headers={"Accept-Ranges": "none"}, cut=HALF), whole(BODY)]
    with HostileServer({"/a": script}) as server:
        fetch(tmp_path, download(server.url("/a")))
        assert server.requests[1].range is None


def test_partial_longer_than_the_whole_is_thrown_away(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        (tmp_path / "partials" / NAMES[0]).write_bytes(BODY + b"more")
        got = fetch(tmp_path, download(server.url("/a")))
        assert [request.range for request in server.requests] == [None]
    assert got.tally.resumed == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00\xff",
        "[" * 100_000,
        '{"schema": 1}',
        '{"schema": 2, "url": "u", "validator": "v", "total": 300000, "done": null}',
        '{"schema": 1, "url": 1, "validator": "v", "total": 300000, "done": null}',
        '{"schema": 1, "url": "u", "validator": "a\\r\\nb", "total": 300000, "done": null}',
        '{"schema": 1, "url": "u", "validator": "v", "total": -1, "done": null}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 9, "done": [[5, 2]]}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 9, "done": [[0, 99]]}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 9, "done": 7}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 300000, "done": [[0, Infinity]]}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 300000, "done": [[0, 1e999]]}',
        '{"schema": 1, "url": "u", "validator": "v", "total": 300000, "done": [[0, "9"]]}',
        '{"schema": 1, "url": "u", "validator": "\\u20ac", "total": 300000, "done": null}',
        '{"schema": 1, "url": "u", "validator": " v", "total": 300000, "done": null}',
        '{"schema": 1, "url": "u", "validator": "a\\u0000b", "total": 300000, "done": null}',
    ],
)
def test_sidecar_that_is_corrupt_is_ignored(tmp_path: Path, text: str) -> None:
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        sidecar = tmp_path / "partials" / NAMES[1]
        sidecar.write_text(text.replace('"u"', f'"{server.url("/a")}"'), encoding="latin-1")
        got = fetch(tmp_path, download(server.url("/a")))
        assert [request.range for request in server.requests] == [None]
    assert got.tally.resumed == 0


def test_partial_whose_bytes_are_damaged_is_no_fault_of_the_server(tmp_path: Path) -> None:
    collector = Collector()
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        (tmp_path / "partials" / NAMES[0]).write_bytes(bytes(HALF))
        fetch(tmp_path, download(server.url("/a")), collector)
        assert len(server.requests) == 2
    assert collector.data == BODY


def test_damaged_partial_and_a_wrong_server_is_an_integrity_error(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(OTHER)]}) as server:
        leave(tmp_path, server.url("/a"))
        with pytest.raises(IntegrityError):
            fetch(tmp_path, download(server.url("/a")))
        assert len(server.requests) == 2
    assert left_over(tmp_path) == []


def test_partial_of_another_mirror_survives_a_mirror_that_is_down(tmp_path: Path) -> None:
    with HostileServer({"/down": [status(404)], "/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        got = fetch(tmp_path, download(server.url("/down"), server.url("/a")))
    assert got.tally.resumed == HALF


def test_holes_in_a_partial_are_filled(tmp_path: Path) -> None:
    parts = [[0, 1000], [50_000, 60_000], [200_000, 300_000]]
    content = bytearray(len(BODY))
    for start, end in parts:
        content[start:end] = BODY[start:end]
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        place = tmp_path / "partials"
        (place / NAMES[0]).write_bytes(content)
        sidecar = json.loads((place / NAMES[1]).read_text())
        (place / NAMES[1]).write_text(json.dumps({**sidecar, "done": parts}))
        got = fetch(tmp_path, download(server.url("/a")))
        assert [r.range for r in server.requests] == [(1000, 50_000), (60_000, 200_000)]
    assert got.tally.resumed == 111_000


def test_partial_that_another_process_owns_is_left_alone(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        leave(tmp_path, server.url("/a"))
        with (tmp_path / "partials" / NAMES[0]).open("r+b") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            got = fetch(tmp_path, download(server.url("/a")))
        assert got.tally.resumed == 0
    assert left_over(tmp_path) == NAMES


def test_lock_that_does_not_lock_costs_a_download_and_no_more(tmp_path: Path) -> None:
    """Another process truncates and takes over the file that this one is writing."""
    intruded = False

    def intrude(stream: ByteStream) -> None:
        nonlocal intruded
        seen = stream.read(1)
        if not intruded:
            intruded = True
            place = tmp_path / "partials"
            (place / NAMES[0]).write_bytes(OTHER[:5])
            (place / NAMES[1]).write_text("{}")
        while piece := stream.read(10_000):
            seen += piece

    with HostileServer({"/a": [ranges(BODY)]}) as server:
        assert fetch(tmp_path, download(server.url("/a")), intrude).size == len(BODY)
    assert not any(name.endswith(".private") for name in left_over(tmp_path))


def test_files_of_processes_long_gone_are_removed(tmp_path: Path) -> None:
    place = tmp_path / "partials"
    place.mkdir()
    now, day = time.time(), 86400
    ages = {"a.private": 2, "b.partial": 2, "b.partial.json": 2, "c.partial": 20, "d.json.77": 2}
    for name, days in {**ages, "e.private": 0}.items():
        (place / name).write_bytes(b"x")
        os.utime(place / name, (now - days * day, now - days * day))
    with HostileServer({"/a": [ranges(BODY)]}) as server:
        fetch(tmp_path, download(server.url("/a")))
    assert left_over(tmp_path) == ["b.partial", "b.partial.json", "e.private"]


def test_several_fetches_of_the_same_archive_at_once_are_all_right(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with HostileServer({"/a": [ranges(BODY)]}) as server, ThreadPoolExecutor(8) as pool:
        wanted = download(server.url("/a"))
        got = list(pool.map(lambda _: fetch(tmp_path, wanted).sha256, range(8)))
    assert got == [wanted.sha256] * 8
    assert left_over(tmp_path) == []


def test_where_no_hash_is_known_the_partial_is_named_by_its_urls(tmp_path: Path) -> None:
    with HostileServer({"/a": [ranges(BODY, cut=HALF), status(404)]}) as server:
        wanted = download(server.url("/a"), sha256=None, size=None)
        with pytest.raises(CgoPrebuiltError):
            fetch(tmp_path, wanted)
        server.replace("/a", [ranges(BODY)])
        assert fetch(tmp_path, wanted).tally.resumed == HALF
