"""Requests to an API: repeated where that is safe, and bounded whatever the server does."""

from __future__ import annotations

import socket

import pytest

from cgo_prebuilt.network.api import Api, Clock
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.failure import Failure
from cgo_prebuilt.url import Url
from tests.unit.hostile_server import Exchange, HostileServer, status, whole
from tests.unit.transport_case import SETTINGS


def test_an_internal_error_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    api = Api(HttpClient(SETTINGS, {}), clock=Clock(waits.append))

    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", broken)
    for question in (api.ask, api.sha256_of):
        with pytest.raises(AttributeError, match="no such thing"):
            question(Url("http://127.0.0.1:1/"))
    assert waits == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(method: str) -> None:
    """Only what may be sent twice: the server may have carried out a POST."""
    answer = status(200) if method == "HEAD" else whole(b"{}")

    def serve(exchange: Exchange) -> None:
        exchange.body()
        if exchange.connection in kept:
            return exchange.reset()
        kept.append(exchange.connection)
        answer(exchange)
        exchange.keep = True
        return None

    kept, waits = list[socket.socket](), list[float]()
    document = {"a": 1} if method in ("PUT", "POST") else None
    with HostileServer({"/a": [serve]}) as server, HttpClient(SETTINGS, {}) as client:
        api = Api(client, clock=Clock(waits.append), settings=SETTINGS)
        api.send_once("GET" if method != "HEAD" else method, Url(server.url("/a")))
        if method == "POST":
            with pytest.raises(Failure, match="the connection broke"):
                api.send_once(method, Url(server.url("/a")), document)
            assert len(server.requests) == 2
        else:
            assert api.send_once(method, Url(server.url("/a")), document).status == 200
            assert (len(server.requests), client.requests, len(kept)) == (3, 3, 2)
    assert waits == []


def test_a_new_connection_that_is_closed_is_tried_again_after_a_wait() -> None:
    waits = list[float]()
    with HostileServer({"/a": [Exchange.reset, whole(b"{}")]}) as server:
        api = Api(HttpClient(SETTINGS, {}), clock=Clock(waits.append), settings=SETTINGS)
        assert api.ask(Url(server.url("/a"))).content == b"{}"
    assert len(waits) == 1
