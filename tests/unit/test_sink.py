"""The sink where its caller fails: what it had taken is not written on, and hides nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cgo_prebuilt.archives.sink import Sink, _Worker
from cgo_prebuilt.locks.lock import LockedFile
from tests.unit.archive_builders import locked_file

_PIECE = b"piece"
_PIECES = 8
FILE = locked_file("lib/x.a", _PIECE * _PIECES)


class TheCallersOwnError(Exception):
    """What happens to the one who reads the archive."""


def write_and_fail(
    folder: Path, file: LockedFile, pieces: int, before: Callable[[], None] = lambda: None
) -> None:
    with Sink(folder, "an archive") as sink:
        sink.write([file], iter([memoryview(_PIECE)] * pieces))
        before()
        raise TheCallersOwnError


def test_the_error_of_the_caller_is_not_hidden_by_one_of_the_sink(tmp_path: Path) -> None:
    with pytest.raises(TheCallersOwnError):
        write_and_fail(tmp_path, locked_file("lib/x.a", b"other"), 1)


def test_after_an_error_of_the_caller_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, put, writing, failed = os.write, _Worker._put, threading.Event(), threading.Event()
    workers: list[threading.Thread] = []

    def slow(descriptor: int, data: memoryview) -> int:
        writing.set()
        failed.wait(60)
        return write(descriptor, data)

    def before() -> None:
        assert writing.wait(60)
        workers.extend(thread for thread in threading.enumerate() if thread.name == "sink")

    def end(worker: _Worker, job: Callable[[], None] | None) -> None:
        # The last of its jobs: by then the sink knows of the failure.
        if job is None:
            failed.set()
        put(worker, job)

    monkeypatch.setattr(os, "write", slow)
    monkeypatch.setattr(_Worker, "_put", end)
    with pytest.raises(TheCallersOwnError):
        write_and_fail(tmp_path, FILE, _PIECES, before)
    assert len(workers) == 2, "one writes, one hashes"
    for worker in workers:
        assert worker.daemon  # it must not keep the program from ending
        assert not worker.is_alive()
    assert (tmp_path / "lib/x.a").read_bytes() == _PIECE


def test_nobody_waits_for_a_thread_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes every job, unless it could not start or the memory for that is missing."""
    monkeypatch.setattr("cgo_prebuilt.archives.sink._WAKE_SECONDS", 0.01)
    monkeypatch.setattr(_Worker, "_run", lambda _: None)

    def fill(worker: _Worker) -> None:
        while True:
            worker.submit(lambda: None)

    with pytest.raises(RuntimeError, match="the writing thread has ended"):
        fill(_Worker())
