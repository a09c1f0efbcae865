"""A server that fails at any byte of its answer: the right files, or an error that says so.

`PROPERTY_CASES=10000` tries so many faults, and `PROPERTY_SEED` draws other ones.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.command_case import Answer, Run, runner
from tests.unit.hostile_server import Behavior, Exchange, HostileServer
from tests.unit.library_case import FILES, archive_of, files_below, lock
from tests.unit.transport_case import SETTINGS

CASES = int(os.environ.get("PROPERTY_CASES", "60"))
SEED = int(os.environ.get("PROPERTY_SEED", "2026"))
pytestmark = pytest.mark.timeout(600 + CASES / 4)
HURRY = replace(
    SETTINGS, read_seconds=0.15, header_seconds=0.2, tries=2, total_seconds=10, first_wait=0.001
)
SECONDS = 30.0
"""Far above the sum of all time-outs, for a machine that has other things to do."""

BODY = archive_of(FILES)
KNOWN = b'ETag: "v1"\r\nAccept-Ranges: bytes\r\n'
LENGTH = f"Content-Length: {len(BODY)}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"


def chunks(body: bytes, size: int = 200) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;part=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


ANSWERS: Mapping[str, bytes] = {
    "whole": b"HTTP/1.1 200 OK\r\n" + KNOWN + LENGTH + b"\r\n" + BODY,
    "no validator": b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "until the end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "chunked": b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + chunks(BODY) + b"0\r\nX-Sum: 1\r\n\r\n",
    "after a hint": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\n" + KNOWN + LENGTH + b"\r\n" + BODY,
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /vec?again\r\nContent-Length: 5\r\n\r\nmoved",
    "refusal": b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy",
}


def close(exchange: Exchange) -> None:
    """Nothing more."""


def garbage(exchange: Exchange) -> None:
    exchange.send(bytes(random.Random(1).randbytes(300)) + b"\r\n\r\n")


def endless(exchange: Exchange) -> None:
    while not exchange.server.stopping.is_set():
        exchange.send(b"x: y\r\n" * 1000)


FAULTS: Mapping[str, Callable[[Exchange], None]] = {
    "close": close,
    "reset": Exchange.reset,
    "stall": Exchange.stall,
    "garbage": garbage,
    "endless": endless,
}


def failing(answer: bytes, at: int, fault: Callable[[Exchange], None], times: int) -> Behavior:
    """Sends an answer's first bytes and fails, so many times; after that, sends what is asked for."""
    left = [times]

    def respond(exchange: Exchange) -> None:
        if left[0] > 0:
            left[0] -= 1
            exchange.send(answer[:at])
            return fault(exchange)
        asked = exchange.request.range
        if asked is None:
            return exchange.send(ANSWERS["whole"])
        part = BODY[asked[0] : asked[1]]
        span = f"bytes {asked[0]}-{asked[0] + len(part) - 1}/{len(BODY)}"
        exchange.head(
            206, {"ETag": '"v1"', "Content-Range": span, "Content-Length": str(len(part))}
        )
        return exchange.send(part)

    return respond


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr("cgo_prebuilt.network.transport_settings.TransportSettings", lambda: HURRY)
    return runner(tmp_path, monkeypatch, capsys)


def fetched(run: Run, folder: Path, url: str, name: str) -> Answer:
    path = folder / f"{name}.lock.json"
    path.write_text(format_lock(lock(url)))
    os.environ["CGO_PREBUILT_CACHE"] = str(folder / f"{name}-store")
    options = ("--platform", "linux_amd64", "--origin", "prebuilt", "--output", folder / name)
    return run("fetch", "--lock", path, *options)


def test_a_server_that_fails_at_any_byte(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_CACHE", "")
    draw = random.Random(SEED)
    for case in range(CASES):
        kind = draw.choice(list(ANSWERS))
        answer = ANSWERS[kind]
        # Half of them in what frames the body, which is short beside it.
        head = answer.find(BODY[:20]) if draw.random() < 0.5 else -1
        at = draw.randint(0, head if head > 0 else len(answer))
        fault, times = draw.choice(list(FAULTS)), draw.choice((1, 1, 99))
        told = f"{kind}, {fault} at byte {at} of {len(answer)}, {times} times"
        behavior = failing(answer, at, FAULTS[fault], times)
        began = time.monotonic()
        with HostileServer({"/vec": [behavior]}) as server:
            done = fetched(run, tmp_path, server.url("/vec"), f"out{case}")
            assert done.code in (0, 3, 4), f"{told}: {done.err}"
            assert "Traceback" not in done.err, told
            if done.code:
                assert f"127.0.0.1:{server.port}/vec" in done.err, f"{told}: {done.err}"
                assert "next: " in done.err, told
                assert not (tmp_path / f"out{case}").exists(), told
                server.replace("/vec", [failing(b"", 0, close, 0)])
                done = fetched(run, tmp_path, server.url("/vec"), f"out{case}")
            assert done.code == 0, f"{told}, and then none: {done.err}"
        assert time.monotonic() - began < SECONDS, told
        folder = tmp_path / f"out{case}"
        assert {name: (folder / name).read_bytes() for name in FILES} == dict(FILES), told
        assert set(files_below(folder)) == set(FILES), told
