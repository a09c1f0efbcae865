"""Carrying out a plan: what is asked of the store and of the network, and what is left behind."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.fetching.fetch import obtain
from cgo_prebuilt.fetching.plan import Plan
from cgo_prebuilt.locks.lock import Interface, LockedArchive
from cgo_prebuilt.network.transport import Transport
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.storage.store import Store
from cgo_prebuilt.url import Url
from tests.unit.archive_builders import locked_file
from tests.unit.library_case import archive_of, files_below
from tests.unit.transport_case import transport
from tests.unit.trees import read

PARTS: Mapping[str, tuple[str, Mapping[str, bytes]]] = {
    "a.tar.gz": ("tar.gz", {"lib/a.a": b"a" * 5000}),
    "b.tar.zst": ("tar.zst", {"lib/b.a": b"b" * 5000}),
    "c.tar.xz": ("tar.xz", {"include/c.h": b"c"}),
    "d.zip": ("zip", {"include/d.h": b"d"}),
    "e.h": ("file", {"include/e.h": b"e"}),
}
# Of a zip, members are asked for first, which this server does not give.
ONE_REQUEST_EACH = ("a.tar.gz", "b.tar.zst", "e.h")
ALL = {path: data for _, files in PARTS.values() for path, data in files.items()}


def planned(server: HTTPServer, name: str) -> LockedArchive:
    format, files = PARTS[name]
    data = archive_of(files, format)
    locked = tuple(locked_file(path, content) for path, content in files.items())
    digest = hashlib.sha256(data).hexdigest()
    urls = (Url(server.url_for(f"/{name}")),)
    return LockedArchive(name, urls, digest, len(data), format, "", locked)


def plan(server: HTTPServer, *names: str) -> Plan:
    archives = tuple(planned(server, name) for name in names or PARTS)
    files = sorted((f for a in archives for f in a.files), key=lambda f: f.path)
    platform = parse_platform("linux_amd64")
    return Plan("vec", "v1", platform, archives, tuple(files), Interface())


def serve(server: HTTPServer, *names: str) -> None:
    for name in names or PARTS:
        format, files = PARTS[name]
        server.expect_request(f"/{name}").respond_with_data(archive_of(files, format))


def opening(tmp_path: Path) -> Callable[[], Transport]:
    return lambda: transport(tmp_path)


def unopened() -> NoReturn:
    raise AssertionError("the transport was opened")


def trees(store: Store) -> list[str]:
    return [tree.label for tree in store.list()]


def test_several_archives_of_every_format_become_one_tree(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    store = Store(tmp_path / "store")
    tree = obtain(plan(httpserver), store, opening(tmp_path)).tree
    assert read(tree.files) == ALL
    assert {request.path for request, _ in httpserver.log} == {f"/{name}" for name in PARTS}
    assert trees(store) == ["vec v1 linux_amd64"]


def test_the_transport_counts_what_all_archives_cost(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    """Also a zip, of which this server gives no parts: its answer is taken whole."""
    serve(httpserver)
    asked, opened = plan(httpserver), transport(tmp_path)
    assert obtain(asked, Store(tmp_path / "store"), lambda: opened).status == "downloaded"
    assert opened.tally.requests == len(httpserver.log) == len(PARTS)
    assert opened.tally.downloaded == sum(planned.size for planned in asked.archives)


def test_the_transport_counts_what_an_archive_cost_that_did_not_come(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/a.tar.gz").respond_with_data(b"wrong")
    asked, opened = plan(httpserver, "a.tar.gz"), transport(tmp_path)
    short = replace(asked.archives[0], size=5)
    with pytest.raises(IntegrityError):
        obtain(replace(asked, archives=(short,)), Store(tmp_path / "store"), lambda: opened)
    assert (opened.tally.requests, opened.tally.downloaded) == (1, 5)


def test_what_is_in_the_store_opens_no_transport(tmp_path: Path, httpserver: HTTPServer) -> None:
    serve(httpserver)
    store = Store(tmp_path / "store")
    obtain(plan(httpserver), store, opening(tmp_path))
    assert obtain(plan(httpserver), store, unopened).status == "cached"


def test_the_store_is_asked_before_it_is_seen_that_there_is_no_url(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    store = Store(tmp_path / "store")
    asked = plan(httpserver)
    obtain(asked, store, opening(tmp_path))
    offline = replace(asked, archives=tuple(replace(one, urls=()) for one in asked.archives))
    assert obtain(offline, store, unopened).status == "cached"


def test_one_archive_without_a_url_stops_all_before_anything_is_asked(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    asked = plan(httpserver)
    mixed = replace(asked, archives=(*asked.archives[:-1], replace(asked.archives[-1], urls=())))
    with pytest.raises(UnavailableError, match="offline, and vec v1 for linux_amd64") as caught:
        obtain(mixed, Store(tmp_path / "store"), unopened)
    assert caught.value.where == "e.h"


@pytest.mark.parametrize("name", PARTS)
def test_one_archive_with_wrong_bytes_fails_all_of_it(
    tmp_path: Path, httpserver: HTTPServer, name: str
) -> None:
    httpserver.expect_request(f"/{name}").respond_with_data(b"\0" * 100)
    serve(httpserver, *(other for other in PARTS if other != name))
    store = Store(tmp_path / "store")
    with pytest.raises(IntegrityError, match="wrong bytes"):
        obtain(plan(httpserver), store, opening(tmp_path))
    assert trees(store) == []
    assert not [path for path in files_below(store.root) if "/staging/" in path]


def test_a_change_behind_the_last_locked_file_is_wrong_bytes_too(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    """Extraction stops at the last locked file; the hash is still of all of the archive."""
    files = {"lib/a.a": b"a" * 5000, "share/other": random.Random(5).randbytes(3 << 20)}
    good, bad = (archive_of({**files, "z": last}) for last in (b"good", b"evil"))
    assert len(good) == len(bad)
    locked = (locked_file("lib/a.a", files["lib/a.a"]),)
    digest = hashlib.sha256(good).hexdigest()
    urls = (Url(httpserver.url_for("/a.tar.gz")),)
    planned = LockedArchive("a.tar.gz", urls, digest, len(good), "tar.gz", "", locked)
    asked = Plan("vec", "v1", parse_platform("linux_amd64"), (planned,), locked, Interface())
    httpserver.expect_ordered_request("/a.tar.gz").respond_with_data(bad)
    httpserver.expect_ordered_request("/a.tar.gz").respond_with_data(good)
    store = Store(tmp_path / "store")
    with pytest.raises(IntegrityError, match="wrong bytes"):
        obtain(asked, store, opening(tmp_path))
    assert trees(store) == []
    tree = obtain(asked, store, opening(tmp_path)).tree
    assert read(tree.files) == dict(list(files.items())[:1])


def test_a_failure_does_not_wait_for_the_other_archives(tmp_path: Path) -> None:
    begun, over = threading.Event(), threading.Event()
    data = archive_of(PARTS["a.tar.gz"][1])

    def body() -> Iterator[bytes]:
        yield data[:10]
        begun.set()
        over.wait(60)
        yield data[10:]

    def endless(request: Request) -> Response:
        return Response(body(), headers={"Content-Length": str(len(data))})

    def missing(request: Request) -> Response:
        begun.wait(60)
        return Response("no", status=404)

    patient = {"read_seconds": 60, "header_seconds": 60, "rate_seconds": 60}
    with HTTPServer(threaded=True) as server:
        server.expect_request("/a.tar.gz").respond_with_handler(endless)
        server.expect_request("/b.tar.zst").respond_with_handler(missing)
        asked = plan(server, "a.tar.gz", "b.tar.zst")
        try:
            with pytest.raises(UnavailableError, match="404"):
                obtain(asked, Store(tmp_path / "store"), lambda: transport(tmp_path, **patient))
            assert not over.is_set()
        finally:
            over.set()


def test_another_process_that_was_faster_is_believed(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    asked, store = plan(httpserver, *ONE_REQUEST_EACH), Store(tmp_path / "store")
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(obtain(asked, store, lambda: transport(tmp_path)))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(library.status for library in results) == ["cached"] * 3 + ["downloaded"]
    assert len(httpserver.log) == len(asked.archives)
