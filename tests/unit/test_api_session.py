"""Requests to an API, where what goes wrong is none of the server's."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.api_session import ApiSession
from cgo_prebuilt.url import Url


def test_a_fault_of_our_own_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = list[float]()
    session = ApiSession(sleep=waits.append)

    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    for name in ("request", "get"):
        monkeypatch.setattr("requests.Session." + name, broken)
    with pytest.raises(UsageError, match="an unforeseen AttributeError: no such thing"):
        session.ask(Url("http://127.0.0.1:1/"))
    with pytest.raises(UsageError, match="an unforeseen AttributeError: no such thing"):
        session.sha256_of(Url("http://127.0.0.1:1/"))
    assert waits == []
