"""Requests to an API: repeated where that is safe, and bounded whatever the server does."""

from __future__ import annotations

import pytest

from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.url import Url
from tests.unit.transport_case import SETTINGS


def test_a_fault_of_our_own_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    api = Api(HttpClient(SETTINGS, {}), sleep=waits.append)

    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", broken)
    for question in (api.ask, api.sha256_of):
        with pytest.raises(AttributeError, match="no such thing"):
            question(Url("http://127.0.0.1:1/"))
    assert waits == []
