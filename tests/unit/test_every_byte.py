"""A server that fails at any byte of its answer: the right files, or an error that says so.

`PROPERTY_CASES=10000` tries so many faults, and `PROPERTY_SEED` draws other ones.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.releases import entry_points
from tests.unit.command_case import Answer, Run, runner
from tests.unit.hostile_server import Behavior, Exchange, HostileServer
from tests.unit.library_case import FILES, archive_of, files_below, lock
from tests.unit.ranges_case import five_platforms, lock_in_parts
from tests.unit.transport_case import SETTINGS

CASES = int(os.environ.get("PROPERTY_CASES", "60"))
SEED = int(os.environ.get("PROPERTY_SEED", "2026"))
pytestmark = pytest.mark.timeout(600 + CASES / 4)
HURRY = replace(
    SETTINGS, read_seconds=0.15, header_seconds=0.2, tries=2, total_seconds=10, first_wait=0.001
)
PATIENT = replace(SETTINGS, tries=2, first_wait=0.001)
SECONDS = 60.0
"""Far above the sum of all time-outs, for a machine that has other things to do."""

USED = "cgo_prebuilt.network.transport_settings.TransportSettings"

KNOWN = b'ETag: "v1"\r\nAccept-Ranges: bytes\r\n'
CHUNKED = b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
Asked = tuple[int, int | None] | None
Answers = Mapping[str, Callable[[Asked], bytes]]


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;part=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def right(body: bytes, asked: Asked) -> bytes:
    """What a server answers that knows its trade: the whole, or a part."""
    start, end = asked or (0, None)
    part = body[start:end]
    head = b"HTTP/1.1 %s OK\r\n%b" % (b"206" if asked else b"200", KNOWN)
    if asked:
        head += b"Content-Range: bytes %d-%d/%d\r\n" % (start, start + len(part) - 1, len(body))
    return head + b"Content-Length: %d\r\n\r\n" % len(part) + part


def always(answer: bytes) -> Callable[[Asked], bytes]:
    return lambda _: answer


def answers(body: bytes) -> Answers:
    length = b"Content-Length: %d\r\n" % len(body)
    pieces = chunks(body, max(200, len(body) // 50))
    chunked = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + pieces + b"0\r\nX-Sum: 1\r\n\r\n"
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    moved = b"Location: /vec?again\r\nContent-Length: 5\r\n\r\nmoved"
    busy = b"Retry-After: 0\r\nContent-Length: 4\r\n\r\nbusy"
    return {
        "what was asked for": lambda asked: right(body, asked),
        "after a hint": lambda asked: hint + right(body, asked),
        "whole": always(right(body, None)),
        "no validator": always(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body),
        "until the end": always(b"HTTP/1.0 200 OK\r\n\r\n" + body),
        "chunked": always(chunked),
        "redirect": always(b"HTTP/1.1 302 Found\r\n" + moved),
        "refusal": always(b"HTTP/1.1 503 Busy\r\n" + busy),
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


def failing(
    body: bytes,
    answer: Callable[[Asked], bytes] = lambda _: b"",
    at: int = 0,
    fault: Callable[[Exchange], None] = close,
    times: int = 0,
) -> Behavior:
    """Sends an answer's first bytes and fails, so many times; after that, sends what is asked for."""
    left = [times]

    def respond(exchange: Exchange) -> None:
        asked = exchange.request.range
        if left[0] <= 0:
            return exchange.send(right(body, asked))
        left[0] -= 1
        exchange.send(answer(asked)[:at])
        return fault(exchange)

    return respond


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


@dataclass(frozen=True)
class Target:
    """What is fetched: of an archive all, or a part by the file beside the lock."""

    body: bytes
    files: Mapping[str, bytes]
    lock: Callable[[str], tuple[Lock, bytes]]


def in_parts(format: str, member: int) -> Target:
    release = five_platforms(format, member)
    files = {name: release.files[name] for name in release.users[2]}
    return Target(release.data, files, lambda url: lock_in_parts(release, url))


TARGETS: Mapping[str, Callable[[], Target]] = {
    "the whole": lambda: Target(archive_of(FILES), FILES, lambda url: (lock(url), b"")),
    "parts of gz": lambda: in_parts("tar.gz", 1 << 30),
    "parts of zst": lambda: in_parts("tar.zst", 100_000),
}


def fetched(run: Run, folder: Path, target: Target, url: str, name: str) -> Answer:
    path = folder / f"{name}.lock.json"
    made, beside = target.lock(url)
    path.write_text(format_lock(made))
    path.with_suffix(".ranges").write_bytes(beside)
    os.environ["CGO_PREBUILT_CACHE"] = str(folder / f"{name}-store")
    options = ("--platform", "linux_amd64", "--origin", "prebuilt", "--output", folder / name)
    return run("fetch", "--lock", path, *options)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_server_that_fails_at_any_byte(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_CACHE", "")
    monkeypatch.setattr(entry_points, "_SPACING", 40_000)
    target = TARGETS[kind]()
    body, kinds = target.body, answers(target.body)
    draw = random.Random(SEED)
    parts = 0
    for case in range(CASES):
        name = draw.choice([*kinds, "what was asked for"])
        answer = kinds[name]
        sample = answer((0, len(body)))
        # Half of them in what frames the body, which is short beside it.
        head = sample.find(body[:20]) if draw.random() < 0.5 else -1
        at = draw.randint(0, head if head > 0 else len(sample))
        fault, times = draw.choice(list(FAULTS)), draw.choice((1, 1, 99))
        told = f"{name}, {fault} at byte {at} of {len(sample)}, {times} times"
        behavior = failing(body, answer, at, FAULTS[fault], times)
        monkeypatch.setattr(USED, lambda: HURRY)
        began = time.monotonic()
        with HostileServer({"/vec": [behavior]}) as server:
            done = fetched(run, tmp_path, target, server.url("/vec"), f"out{case}")
            assert done.code in (0, 3, 4), f"{told}: {done.err}"
            assert "Traceback" not in done.err, told
            if done.code:
                assert f"127.0.0.1:{server.port}/vec" in done.err, f"{told}: {done.err}"
                assert "next: " in done.err, told
                assert not (tmp_path / f"out{case}").exists(), told
                server.replace("/vec", [failing(body)])
                monkeypatch.setattr(USED, lambda: PATIENT)
                done = fetched(run, tmp_path, target, server.url("/vec"), f"out{case}")
            assert done.code == 0, f"{told}, and then none: {done.err}"
            parts += server.requests[0].range is not None
        assert time.monotonic() - began < SECONDS, told
        folder = tmp_path / f"out{case}"
        files = target.files
        assert {name: (folder / name).read_bytes() for name in files} == dict(files), told
        assert set(files_below(folder)) == set(files), told
    assert parts == (0 if kind == "the whole" else CASES)
