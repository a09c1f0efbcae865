"""From `lock` to `fetch` by ranges: few bytes, the same files, and the whole archive where that fails."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock_file import read_lock
from cgo_prebuilt.locks.ranges_file import format_sections, read_sections
from cgo_prebuilt.releases import entry_points, locked_ranges
from tests.unit import library_case as case
from tests.unit.command_case import Answer, Run, runner
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    ranges,
    slow,
    status,
    whole,
)
from tests.unit.ranges_case import Release, five_platforms, needs_points
from tests.unit.transport_case import EAGER, SETTINGS
from tests.unit.trees import read

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")
RELEASE = five_platforms()
BODY = RELEASE.data
SHARE = len(BODY) / len(PLATFORMS)
TAIL = 1 << 18
"""What is fetched at once of the end of a file."""
CASES = int(os.environ.get("PROPERTY_CASES", "10"))
SEED = int(os.environ.get("PROPERTY_SEED", "2026"))

pytestmark = needs_points


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(
        "cgo_prebuilt.network.transport_settings.TransportSettings", lambda: SETTINGS
    )
    monkeypatch.setattr(entry_points, "_SPACING", 40_000)
    monkeypatch.setattr(locked_ranges, "SMALLEST", 1000)
    return runner(tmp_path, monkeypatch, capsys)


def manifest(folder: Path, url: str, file: str = "vec.tar.gz", **changes: object) -> None:
    case.write_manifest(
        folder / "prebuilt.yaml",
        urls=[f"{url}/{{file}}"],
        archives=[{"file": file}],
        static_library=None,
        headers=["include/vec.h"],
        platforms={
            platform: {"static_library": f"lib/{n}/libvec.a"}
            for n, platform in enumerate(PLATFORMS)
        },
        **changes,
    )


def lock(run: Run, folder: Path, server: HostileServer, file: str = "vec.tar.gz") -> Path:
    manifest(folder, server.url(""), file)
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0, answer.err
    shutil.rmtree(folder / "store")  # the archive is in it
    server.requests.clear()
    return folder / "prebuilt.lock.json"


def fetch(run: Run, folder: Path, number: int, *options: object) -> Answer:
    shutil.rmtree(folder / "store", ignore_errors=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    return fetch_again(run, number, *options)


def fetch_again(run: Run, number: int, *options: object) -> Answer:
    which = ("--lock", "prebuilt.lock.json", "--platform", PLATFORMS[number])
    return run("fetch", *which, "--output", "out", "--json", *options)


def is_right(folder: Path, number: int, release: Release = RELEASE) -> bool:
    expected = {name: release.files[name] for name in release.users[number]}
    found = read(folder / "out")
    return {name: found.get(name) for name in expected} == expected


def test_each_platform_gets_its_files_for_its_share_of_the_bytes(run: Run, tmp_path: Path) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        for number in range(len(PLATFORMS)):
            answer = fetch(run, tmp_path, number)
            assert answer.code == 0, answer.err
            assert json.loads(answer.out)["bytes_downloaded"] < SHARE + 4 * 40_000 + TAIL
            assert is_right(tmp_path, number)
        assert all(request.range for request in server.requests)


def test_what_came_before_a_failure_is_not_fetched_again(run: Run, tmp_path: Path) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        server.replace("/vec.tar.gz", [ranges(BODY, cut=100_000), status(404)])
        assert fetch(run, tmp_path, 2).code == 3
        server.replace("/vec.tar.gz", [ranges(BODY)])
        answer = fetch_again(run, 2)
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["bytes_resumed"] >= 90_000
    assert is_right(tmp_path, 2)


@pytest.mark.parametrize(
    "script",
    [
        [whole(BODY)],
        [status(416), whole(BODY)],
        [status(404), whole(BODY)],
        [ranges(BODY + b"more"), whole(BODY)],
        [ranges(BODY, etag='"v2"'), ranges(BODY)],
        [ranges(bytes(len(BODY))), whole(BODY)],
        [ranges(BODY, cut=1000), ranges(bytes(len(BODY)), etag='"v2"'), whole(BODY)],
    ],
)
def test_a_server_without_these_ranges_is_asked_for_the_whole(
    run: Run, tmp_path: Path, script: list[Behavior]
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        server.replace("/vec.tar.gz", script)
        answer = fetch(run, tmp_path, 3)
    assert answer.code == 0, answer.err
    assert is_right(tmp_path, 3)


def absent(path: Path) -> None:
    path.unlink()


def of_another_lock(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:40] + b"x" + content[41:])


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("damage", [absent, of_another_lock, cut_off, a_folder, endless])
def test_without_the_right_file_beside_the_lock_the_whole_is_read(
    run: Run, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        damage(lock(run, tmp_path, server).with_suffix(".ranges"))
        answer = fetch(run, tmp_path, 3)
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["bytes_downloaded"] == len(BODY)
        assert is_right(tmp_path, 3)


def test_a_mirror_is_asked_for_ranges_and_a_folder_is_read_in_parts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)], "/m/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        monkeypatch.setenv("CGO_PREBUILT_MIRROR", server.url("/m"))
        assert fetch(run, tmp_path, 3).code == 0
        assert all(request.range for request in server.asked("/m/vec.tar.gz"))
        assert not server.asked("/vec.tar.gz")
    assert is_right(tmp_path, 3)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/vec.tar.gz").write_bytes(BODY)
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", (tmp_path / "mirror").as_uri())
    assert fetch(run, tmp_path, 2).code == 0
    assert is_right(tmp_path, 2)


def test_changed_bytes_are_refused_although_the_archive_is_never_hashed(
    run: Run, tmp_path: Path
) -> None:
    changed = bytearray(BODY)
    changed[len(BODY) // 2] ^= 1
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        server.replace("/vec.tar.gz", [ranges(bytes(changed))])
        answer = fetch(run, tmp_path, 2)
    assert answer.code == 4
    assert json.loads(answer.out)["kind"] == "integrity"
    assert not (tmp_path / "out").exists()


Fault = Callable[[random.Random, bytes], Behavior]


def changed(draw: random.Random, body: bytes) -> Behavior:
    """One byte, so that all parts but one are right."""
    other = bytearray(body)
    other[draw.randrange(len(body))] ^= 1 << draw.randrange(8)
    return ranges(bytes(other))


def lying(draw: random.Random, body: bytes) -> Behavior:
    """An answer to a range that misstates its place or its length."""
    what, more = draw.choice(["first", "total", "length"]), draw.choice([-1000, -1, 1, 1000])

    def answer(exchange: Exchange) -> None:
        start, stop = exchange.request.range or (0, None)
        part = body[start:stop]
        first = max(0, start + more * (what == "first"))
        total = len(body) + more * (what == "total")
        place = f"bytes {first}-{first + len(part) - 1}/{total}"
        length = max(0, len(part) + more * (what == "length"))
        exchange.head(206, {"Content-Range": place, "Content-Length": str(length)})
        exchange.send(part)

    return answer


FAULTS: tuple[Fault, ...] = (
    changed,
    lying,
    lambda draw, body: ranges(
        body, cut=draw.randrange(200_000), end=draw.choice(["close", "reset"])
    ),
    lambda draw, body: ranges(draw.randbytes(len(body))),
    lambda draw, body: ranges(body, piece=draw.randrange(1000, 100_000)),
    lambda draw, body: ranges(body[: draw.randrange(len(body))]),
    lambda draw, body: ranges(body, etag=f'"{draw.random()}"'),
    lambda draw, body: slow(body, rate=draw.randrange(1 << 20, 8 << 20)),
    lambda draw, body: status(draw.choice([404, 403, 416, 500, 503])),
    lambda draw, body: whole(body),
)


@pytest.mark.parametrize(
    ("format", "member"),
    [
        ("tar.gz", 1 << 30),
        ("tar.gz", 65_280),
        ("tar.zst", 100_000),
        ("tar.xz", 100_000),
        ("tar.bz2", 100_000),
    ],
    ids=["gz", "gz members", "zst", "xz", "bz2"],
)
def test_whatever_a_server_does_there_are_the_right_files_or_an_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, member: int
) -> None:
    draw = random.Random(SEED)
    monkeypatch.setattr(
        "cgo_prebuilt.network.transport_settings.TransportSettings",
        lambda: replace(SETTINGS, **draw.choice([{}, EAGER])),
    )
    release = five_platforms(format, member)
    path, sound = f"/vec.{format}", ranges(release.data)
    with HostileServer({path: [sound]}) as server:
        assert "ranges" in lock(run, tmp_path, server, f"vec.{format}").read_text()
        for case in range(CASES):
            script = [draw.choice(FAULTS)(draw, release.data) for _ in range(draw.randrange(1, 4))]
            server.replace(path, [*script, sound][: len(script) + draw.randrange(2)])
            answer = fetch(run, tmp_path, case % 5)
            assert answer.code in (0, 3, 4), answer.err
            assert "Traceback" not in answer.err
            if answer.code:
                assert not (tmp_path / "out").exists()
                server.replace(path, [sound])
                answer = fetch_again(run, case % 5)
            assert answer.code == 0, f"{case}: {answer.err}"
            assert is_right(tmp_path, case % 5, release), case


def test_a_lock_is_the_same_where_nothing_could_find_the_points(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI checks a lock without the extra, and with or without the file."""
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        path = lock(run, tmp_path, server)
        text, content = path.read_text(), path.with_suffix(".ranges").read_bytes()
        monkeypatch.setattr(entry_points, "_indexed_gzip", lambda: None)
        assert run("lock", "prebuilt.yaml", "--check").code == 0
        assert run("lock", "prebuilt.yaml").code == 0
        assert path.with_suffix(".ranges").read_bytes() == content
        path.with_suffix(".ranges").unlink()
        assert run("lock", "prebuilt.yaml", "--check").code == 1
        answer = run("lock", "prebuilt.yaml")
        assert answer.code == 0
        assert "cgo-prebuilt[ranges]" in answer.err
        assert path.read_text() == text


def words_for(damage: Callable[[Path], None], beside: Path) -> str:
    if damage is absent:
        return f"there is no {beside.name}, so "
    return f"{beside.name} lacks what the lock names, so "


@pytest.mark.parametrize("damage", [absent, of_another_lock, cut_off, a_folder, endless])
def test_a_check_names_a_file_that_lacks_what_the_lock_names(
    run: Run, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        beside = lock(run, tmp_path, server).with_suffix(".ranges")
        damage(beside)
        answer = run("lock", "prebuilt.yaml", "--check")
        assert answer.code == 1
        assert words_for(damage, beside) in answer.err
        assert "run `cgo-prebuilt lock prebuilt.yaml`, with the extra" in answer.err
        if not beside.is_dir():
            answer = run("lock", "prebuilt.yaml")
            assert f"{beside.name} says how to read parts" in answer.err
            assert answer.out.strip().endswith("prebuilt.lock.json")
            assert run("lock", "prebuilt.yaml", "--check").code == 0


@pytest.mark.parametrize(
    ("damage", "remedy"),
    [
        (absent, "copy it together with its lock, under that name"),
        (of_another_lock, "take the one that was written with this lock"),
    ],
)
def test_a_person_hears_that_the_file_beside_the_lock_is_not_right(
    run: Run, tmp_path: Path, damage: Callable[[Path], None], remedy: str
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        beside = lock(run, tmp_path, server).with_suffix(".ranges")
        damage(beside)
        assert words_for(damage, beside) not in fetch(run, tmp_path, 3).err
        shutil.rmtree(tmp_path / "store")
        which = ("--lock", "prebuilt.lock.json", "--platform", PLATFORMS[3])
        answer = run("fetch", *which, "--output", "out")
    assert answer.code == 0, answer.err
    assert answer.err.count(f"{words_for(damage, beside)}whole archives are read: {remedy}") == 1


def test_a_person_hears_that_a_server_ignores_ranges(run: Run, tmp_path: Path) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        lock(run, tmp_path, server)
        server.replace("/vec.tar.gz", [whole(BODY)])
        which = ("--lock", "prebuilt.lock.json", "--platform", PLATFORMS[3])
        answer = run("fetch", *which, "--output", "out")
    assert answer.code == 0, answer.err
    assert is_right(tmp_path, 3)
    words = "vec.tar.gz was read whole: the server ignores requests for parts"
    assert answer.err.count(words) == 1


def blank_windows(section: bytes) -> bytes:
    head, _, windows = section.partition(b"\n")
    return head + b"\n" + bytes(len(windows))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (blank_windows, "the parts that prebuilt.lock.ranges names are wrong ("),
        (lambda _: b"{}\n", "is read whole: its section of prebuilt.lock.ranges is wrong ("),
    ],
    ids=["blank windows", "malformed"],
)
def test_ranges_that_do_not_fit_are_named_and_the_whole_is_read(
    run: Run, tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        path = lock(run, tmp_path, server)
        ((old, section),) = read_sections(path.with_suffix(".ranges")).items()
        wrong = damage(section)
        path.with_suffix(".ranges").write_bytes(format_sections({"": wrong}))
        path.write_text(path.read_text().replace(old, hashlib.sha256(wrong).hexdigest()))
        which = ("--lock", "prebuilt.lock.json", "--platform", PLATFORMS[3])
        answer = run("fetch", *which, "--output", "out")
    assert answer.code == 0, answer.err
    assert answer.err.count(words) == 1
    assert "lock again" in answer.err


def test_a_lock_whose_ranges_cannot_be_written_stays_as_it_was(run: Run, tmp_path: Path) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        path = lock(run, tmp_path, server)
        before = path.read_bytes()
        a_folder(path.with_suffix(".ranges"))
        run("lock", "prebuilt.yaml", "--version", "v2").refused(
            2, "the lock's ranges cannot be written: ", "prebuilt.lock.ranges"
        )
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.glob("*prebuilt*")} == {
        "prebuilt.lock.json",
        "prebuilt.lock.ranges",
        "prebuilt.yaml",
    }


@pytest.mark.parametrize(
    ("first", "second"), [("vec.lock", "vec.json"), ("vec.ranges", "vec.lock"), ("vec", "vec.yml")]
)
def test_locks_of_similar_names_keep_their_own_files(
    run: Run, tmp_path: Path, first: str, second: str
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        manifest(tmp_path, server.url(""))
        for name in (first, second):
            assert run("lock", "prebuilt.yaml", "--output", name).code == 0
        for name in (first, second):
            assert run("lock", "prebuilt.yaml", "--output", name, "--check").code == 0
    assert len(list(tmp_path.glob("vec*"))) == 4


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("vec.lock", "vec.lock has its ranges in this file, so vec.lock.json cannot"),
        ("vec.lock.ranges", "the lock's ranges would replace a file that holds no ranges"),
    ],
)
def test_the_ranges_of_a_lock_replace_nothing_else(
    run: Run, tmp_path: Path, there: str, words: str
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        manifest(tmp_path, server.url(""))
        assert run("lock", "prebuilt.yaml", "--output", there).code == 0
        before = {path.name: path.read_bytes() for path in tmp_path.glob("vec*")}
        answer = run("lock", "prebuilt.yaml", "--output", "vec.lock.json")
        answer.refused(2, words, "at: vec.lock.ranges\n", "with --output")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("vec*")} == before


def test_the_file_keeps_what_older_versions_need_and_goes_with_the_last(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        path = lock(run, tmp_path, server)
        content = path.with_suffix(".ranges").read_bytes()
        assert run("lock", "prebuilt.yaml", "--version", "v2").code == 0
        assert path.with_suffix(".ranges").read_bytes() == content  # the same archive
        versions = read_lock(path).versions
        hashes = {
            a.ranges for v in versions.values() for _, _, p in v.prebuilts() for a in p.archives
        }
        assert (len(versions), len(hashes)) == (2, 1)
        monkeypatch.setattr(locked_ranges, "SMALLEST", len(BODY) + 1)
        assert run("lock", "prebuilt.yaml", "--version", "v1.2.3", "--version", "v2").code == 0
    assert "ranges" not in path.read_text()
    assert not path.with_suffix(".ranges").exists()


def test_old_ranges_that_cannot_be_removed_are_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer({"/vec.tar.gz": [ranges(BODY)]}) as server:
        path = lock(run, tmp_path, server)
        a_folder(path.with_suffix(".ranges"))
        monkeypatch.setattr(locked_ranges, "SMALLEST", len(BODY) + 1)
        words = "the old lock's ranges cannot be removed: "
        run("lock", "prebuilt.yaml", "--version", "v2").refused(2, words, "prebuilt.lock.ranges")
    assert path.is_file()
