"""Partial files by themselves: who owns one, what of it can be believed, systems without pread."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cgo_prebuilt.network import partial
from cgo_prebuilt.network.partial import (
    Partial,
    Partials,
    PositionedFile,
    Sidecar,
    parse_sidecar,
    sidecar_path,
)

SIDECAR = Sidecar("http://example.com/a", '"v1"', 10)


@pytest.fixture
def claimed(tmp_path: Path) -> Iterator[Partial]:
    with Partials(tmp_path).claim("key") as one:
        yield one


@pytest.fixture(params=["pread and pwrite", "neither"])
def file(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PositionedFile]:
    if request.param == "neither":  # as on Windows
        for name in ("pread", "pwrite"):
            monkeypatch.delattr(os, name, raising=False)
    path = tmp_path / "file"
    with closing(PositionedFile(os.open(path, os.O_RDWR | os.O_CREAT), path)) as opened:
        yield opened


def test_bytes_are_written_and_read_at_offsets(file: PositionedFile) -> None:
    file.write_at(5, memoryview(b"world"))
    file.write_at(0, memoryview(b"hello"))
    assert (file.read_at(3, 4), file.read_at(8, 100), file.read_at(10, 1)) == (b"lowo", b"ld", b"")
    assert file.size() == 10


def test_a_closed_file_is_neither_read_nor_another_one(file: PositionedFile) -> None:
    """Its descriptor's number may be another file's by now."""
    file.close()
    file.close()
    with pytest.raises(ValueError, match="the file is closed"):
        file.read_at(0, 1)
    with pytest.raises(ValueError, match="the file is closed"):
        file.write_at(0, memoryview(b"x"))


def test_a_short_write_is_completed(file: PositionedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "pwrite" if hasattr(os, "pwrite") else "write"
    whole = getattr(os, name)
    monkeypatch.setattr(os, name, lambda fd, data, *at: whole(fd, data[:3], *at))
    file.write_at(0, memoryview(b"hello world"))
    assert file.read_at(0, 100) == b"hello world"


def test_what_a_sidecar_says_counts_as_far_as_the_file_goes(claimed: Partial) -> None:
    claimed.file.write_at(0, memoryview(b"12345"))
    assert claimed.done().parts() == []
    claimed.record(SIDECAR)
    assert claimed.done().parts() == [(0, 5)]
    claimed.record(Sidecar(SIDECAR.url, SIDECAR.validator, 10, ((0, 2), (4, 8), (9, 10))))
    assert claimed.done().parts() == [(0, 2), (4, 5)]
    claimed.file.write_at(0, memoryview(b"12345678901"))
    assert claimed.done().parts() == [], "longer than the whole"
    claimed.file.truncate(10)
    assert claimed.done().parts() == [(0, 2), (4, 8), (9, 10)]


def test_a_partial_that_nobody_touched_is_intact(claimed: Partial) -> None:
    assert claimed.intact()
    claimed.record(SIDECAR)
    assert claimed.intact()
    claimed.forget()
    assert claimed.intact()
    assert not sidecar_path(claimed.path).exists()


def test_a_partial_that_was_replaced_is_not(claimed: Partial) -> None:
    claimed.path.with_name("new").write_bytes(b"another")
    claimed.path.with_name("new").replace(claimed.path)
    assert not claimed.intact()


def test_a_partial_that_was_removed_is_not(claimed: Partial) -> None:
    claimed.path.unlink()
    assert not claimed.intact()


def test_a_partial_with_the_sidecar_of_another_is_not(claimed: Partial) -> None:
    sidecar_path(claimed.path).write_text("{}")
    assert not claimed.intact()
    claimed.record(SIDECAR)
    sidecar_path(claimed.path).write_bytes(b"\xff")
    assert not claimed.intact()
    sidecar_path(claimed.path).unlink()
    assert not claimed.intact()


def test_the_second_owner_gets_a_private_one_that_leaves_nothing(
    claimed: Partial, tmp_path: Path
) -> None:
    with Partials(tmp_path).claim("key") as second:
        assert second.private
        assert second.path != claimed.path
        assert (second.path.parent, second.path.suffix) == (tmp_path, ".private")
        assert second.path.name.startswith("key.")
        assert second.file.path == second.path
        assert second.file.is_at(second.path)
        second.record(SIDECAR)
        assert not sidecar_path(second.path).exists()
        assert second.done().parts() == []
        assert second.intact()
        second.forget()
    assert not second.path.exists()
    assert claimed.path.exists()


def test_a_partial_that_its_last_owner_removes_meanwhile_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = 0
    lock = partial._lock

    def lock_late(descriptor: int) -> bool:
        nonlocal removed
        if removed < 2:
            removed += 1
            (tmp_path / "key.partial").unlink()
        return lock(descriptor)

    monkeypatch.setattr(partial, "_lock", lock_late)
    with Partials(tmp_path).claim("key") as one:
        assert not one.private
        assert one.intact()
    assert removed == 2


def test_a_file_system_without_locks_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Partials(tmp_path).claim("key") as one:
        assert not one.private


def test_resumable_partials_are_kept_and_the_rest_removed(tmp_path: Path) -> None:
    for sidecar, finished, kept in (
        (None, False, False),
        (SIDECAR, True, False),
        (SIDECAR, False, True),
    ):
        with Partials(tmp_path).claim("key") as one:
            one.file.write_at(0, memoryview(b"12345"))
            if sidecar is not None:
                one.record(sidecar)
            one.finished = finished
        assert [path.exists() for path in (one.path, sidecar_path(one.path))] == [kept, kept]
    with Partials(tmp_path).claim("key") as again:
        assert again.sidecar == SIDECAR
        assert again.intact()
        again.restart()
        assert again.file.size() == 0


def test_a_private_partial_is_never_resumed(tmp_path: Path) -> None:
    with Partials(tmp_path).claim("key", private=True) as one:
        assert one.private
        assert not (tmp_path / "key.partial").exists()


DAY = 86_400


@pytest.mark.parametrize(
    ("name", "days", "kept"),
    [
        ("a.partial", 13.9, True),
        ("a.partial", 14.1, False),
        ("a.partial.json", 13.9, True),
        ("a.partial.json", 14.1, False),
        ("a.x.private", 0.9, True),
        ("a.x.private", 1.1, False),
        ("a.partial.json.123", 1.1, False),
    ],
)
def test_what_a_killed_process_left_goes_when_nobody_will_come_for_it(
    tmp_path: Path, name: str, days: float, kept: bool
) -> None:
    (tmp_path / name).write_bytes(b"")
    then = time.time() - days * DAY
    os.utime(tmp_path / name, (then, then))
    with Partials(tmp_path).claim("key"):
        assert (tmp_path / name).exists() is kept


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_partial_is_for_its_owner_alone(claimed: Partial) -> None:
    assert claimed.path.stat().st_mode & 0o777 == 0o600
    assert claimed.file.path == claimed.path
    assert sidecar_path(claimed.path) == claimed.path.with_name("key.partial.json")


GOOD = {"schema": 1, "url": "u", "validator": '"v"', "total": 10, "done": [[0, 2], [4, 10]]}


def test_a_sidecar_reads_back() -> None:
    assert parse_sidecar(json.dumps(GOOD)) == Sidecar("u", '"v"', 10, ((0, 2), (4, 10)))
    assert parse_sidecar(json.dumps({**GOOD, "done": None})) == Sidecar("u", '"v"', 10)
    assert parse_sidecar(json.dumps({**GOOD, "total": 0, "done": []})) == Sidecar("u", '"v"', 0, ())
    assert parse_sidecar(json.dumps({**GOOD, "more": 1})) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"url": 1},
        {"validator": None},
        {"validator": ""},
        {"validator": "v\n"},
        {"validator": " v"},
        {"total": "10"},
        {"total": True},
        {"total": -1},
        {"done": 3},
        {"done": [[0]]},
        {"done": [[0, 1, 2]]},
        {"done": [[0, 1.5]]},
        {"done": [["0", 1]]},
        {"done": [[0, True]]},
        {"done": [[-1, 1]]},
        {"done": [[1, 1]]},
        {"done": [[2, 1]]},
        {"done": [[0, 11]]},
        {"done": [[0, 1], [9, 11]]},
    ],
    ids=str,
)
def test_a_sidecar_that_is_damaged_or_of_another_version_is_none(change: object) -> None:
    assert isinstance(change, dict)
    assert parse_sidecar(json.dumps({**GOOD, **change})) is None


@pytest.mark.parametrize("missing", GOOD)
def test_a_sidecar_that_lacks_something_is_none(missing: str) -> None:
    rest = {key: value for key, value in GOOD.items() if key != missing}
    assert parse_sidecar(json.dumps(rest)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_what_is_no_sidecar_is_none(text: str) -> None:
    assert parse_sidecar(text) is None
