"""Parts of a zip archive over HTTP ranges: few requests, and nothing that is not one version."""

from __future__ import annotations

import contextlib
import io
import random
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from cgo_prebuilt.archives.bytestream import ByteStream, SeekableStream
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.archives.zip_reader import member_parts
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError
from cgo_prebuilt.network.job import Parts
from cgo_prebuilt.network.progress import LogProgress
from cgo_prebuilt.network.transport import Transport
from tests.unit.archive_builders import ZipEntry, end_record, locked_archive, zip_archive
from tests.unit.hostile_server import (
    Behavior,
    Exchange,
    HostileServer,
    Request,
    ranges,
    redirect,
    status,
    whole,
)
from tests.unit.transport_case import OTHER, SETTINGS, Collector, download, transport

MEMBERS = {f"lib/{n}.a": random.Random(n).randbytes(200_000) for n in range(20)}


def make_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)
    return out.getvalue()


ZIP = make_zip()


def zip_parts(names: list[str], consume: Callable[[BinaryIO], object]) -> Parts:
    return Parts(lambda file: member_parts(file, names, where="z"), consume)


def read(folder: Path, server: HostileServer, names: list[str]) -> tuple[bool, dict[str, bytes]]:
    """Reads members; and whether that took only parts of the archive."""
    found: dict[str, bytes] = {}
    whole = Collector()

    def consume(file: BinaryIO) -> None:
        with zipfile.ZipFile(file) as archive:
            for name in names:
                found[name] = archive.read(name)

    wanted = download(server.url("/z"), body=ZIP)
    with contextlib.suppress(CgoPrebuiltError):
        transport(folder).run(wanted, whole, zip_parts(names, consume))
        return whole.calls == 0, found
    return False, found


def test_members_take_one_request_each_after_one_for_the_directory(tmp_path: Path) -> None:
    names = ["lib/2.a", "lib/9.a"]
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        got, found = read(tmp_path, server, names)
        assert (len(server.requests), server.connections) == (3, 1)
    assert found == {name: MEMBERS[name] for name in names}
    assert got


def test_members_side_by_side_take_one_request(tmp_path: Path) -> None:
    names = ["lib/2.a", "lib/3.a", "lib/4.a"]
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        _, found = read(tmp_path, server, names)
        assert len(server.requests) == 2
    assert found == {name: MEMBERS[name] for name in names}


def test_all_of_an_archive_can_be_read_in_parts(tmp_path: Path) -> None:
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        got, found = read(tmp_path, server, list(MEMBERS))
        assert len(server.requests) == 2
    assert (got, found) == (True, MEMBERS)


@pytest.mark.parametrize(
    "script",
    [
        [status(404)],
        [status(416)],
        [ranges(OTHER)],
        [ranges(ZIP), ranges(ZIP, etag='"v2"')],
        [ranges(ZIP), whole(ZIP)],
        [ranges(ZIP), status(403)],
    ],
)
def test_what_cannot_be_read_in_parts_is_left_to_a_whole_download(
    tmp_path: Path, script: list[Behavior]
) -> None:
    with HostileServer({"/z": script}) as server:
        got, _ = read(tmp_path, server, ["lib/2.a"])
    assert not got


def test_a_server_without_ranges_is_asked_once(tmp_path: Path) -> None:
    with HostileServer({"/z": [whole(ZIP)]}) as server:
        got, found = read(tmp_path, server, ["lib/2.a"])
        assert len(server.requests) == 1
    assert (got, found) == (True, {"lib/2.a": MEMBERS["lib/2.a"]})


@pytest.mark.parametrize("body", [b"x", bytes(len(ZIP))])
def test_a_server_that_sends_a_wrong_file_whole_is_asked_once(tmp_path: Path, body: bytes) -> None:
    with HostileServer({"/z": [whole(body)]}) as server:
        wanted = download(server.url("/z"), body=ZIP)
        with pytest.raises(IntegrityError):
            transport(tmp_path).run(wanted, Collector(), zip_parts(["lib/2.a"], BinaryIO.close))
        assert len(server.requests) == 1


def test_parts_that_cannot_be_used_of_a_right_file_lead_to_the_whole(tmp_path: Path) -> None:
    def refuse(file: BinaryIO) -> None:
        raise IntegrityError("of no use", where="z", remedy="none")

    with HostileServer({"/z": [whole(ZIP)]}) as server:
        collected = Collector()
        wanted = download(server.url("/z"), body=ZIP)
        transport(tmp_path).run(wanted, collected, zip_parts(["lib/2.a"], refuse))
    assert collected.calls == 1


def test_a_member_that_is_not_there_is_left_to_a_whole_download(tmp_path: Path) -> None:
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        assert not read(tmp_path, server, ["lib/no.a"])[0]


def extracting(folder: Path, name: str) -> Callable[[ByteStream], None]:
    """What reads a member in earnest: the extractor, by a lock that is right."""
    archive = locked_archive(ZIP, "zip", {name: MEMBERS[name]})
    folder.mkdir(exist_ok=True)
    return lambda stream: extract(archive, stream, folder)


PADDING = ZipEntry("padding", random.Random(9).randbytes(2_000_000), method=0)
MEMBER = ZipEntry("lib/2.a", MEMBERS["lib/2.a"])


def needing_version(version: int) -> bytes:
    """A zip whose directory says that to read it takes a later version of the format."""
    data = bytearray(zip_archive(PADDING, MEMBER))
    place = data.rindex(b"PK\1\2")
    data[place + 6 : place + 8] = version.to_bytes(2, "little")
    return bytes(data)


def said_to_be_at(offset: int) -> bytes:
    return zip_archive(PADDING, replace(MEMBER, directory={"offset": offset}))


HOSTILE = {
    "version needed": needing_version(99),
    "name not UTF-8": zip_archive(PADDING, ZipEntry(b"\xff\xfe", flags=1 << 11), MEMBER),
    "two counts": zip_archive(PADDING, MEMBER, end={"count": 7}),
    "an extra field cut off": zip_archive(
        PADDING, MEMBER, end={"size": 60, "offset": len(zip_archive(PADDING, MEMBER)) - 82}
    ),
    "a huge directory": bytes(12 << 20) + end_record(1, 12 << 20, 0),
    "an offset behind the file": said_to_be_at(0xFFFFFFFE),
    "an offset in the directory": said_to_be_at(2_200_000),
    "no zip": bytes(1_000_000),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_zip_is_left_to_a_whole_download(tmp_path: Path, hostile: str) -> None:
    """Which finds its hash wrong, and asks the next mirror."""
    data = HOSTILE[hostile]
    with HostileServer({"/z": [ranges(data)]}) as server:
        parts = download(server.url("/z"), body=data)
        consume = extracting(tmp_path / "out", "lib/2.a")
        in_parts = zip_parts(["lib/2.a"], lambda file: consume(SeekableStream(file)))
        with pytest.raises(IntegrityError):
            transport(tmp_path).run(parts, consume, in_parts)
        in_ranges = sum(asked(request, data) for request in server.requests)
    assert in_ranges < 2 << 20, "a directory that is too large is not fetched"


def asked(request: Request, data: bytes = ZIP) -> int:
    """How many bytes a request for a range is for."""
    start, end = request.range or (0, 0)
    return (len(data) if end is None else end) - start


def test_a_wrong_member_is_left_to_a_whole_download(tmp_path: Path) -> None:
    def refuse(file: BinaryIO) -> None:
        raise IntegrityError("wrong member", where="a file", remedy="try again")

    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        parts = download(server.url("/z"), body=ZIP)
        collector = Collector()
        transport(tmp_path).run(parts, collector, zip_parts(["lib/2.a"], refuse))
        assert collector.data == ZIP


@pytest.mark.parametrize(
    ("script", "name", "reason"),
    [
        ([ranges(ZIP)], "lib/none.a", "the zip is malformed: it lacks 'lib/none.a'"),
        ([status(403), ranges(ZIP)], "lib/2.a", "HTTP 403"),
    ],
)
def test_a_person_hears_why_an_archive_has_to_be_read_whole(
    tmp_path: Path, script: list[Behavior], name: str, reason: str
) -> None:
    lines = said(tmp_path, script, name)
    assert [line.partition(" (")[0] for line in lines[::2]] == ["downloading z", "downloading z"]
    assert lines[1].startswith("z: ")
    assert f"has to be read whole: {reason}" in lines[1]
    assert lines[3].startswith("downloaded z: ")


@pytest.mark.parametrize("code", [401, 404])
def test_a_person_does_not_hear_of_a_whole_that_is_refused_too(tmp_path: Path, code: int) -> None:
    assert said(tmp_path, [status(code)], "lib/2.a") == ["downloading z", "z: failed"]


def said(folder: Path, script: list[Behavior], name: str) -> list[str]:
    """Return what a log says of a download by parts."""
    out = io.StringIO()
    with HostileServer({"/z": script}) as server:
        parts = replace(download(server.url("/z"), body=ZIP), file="z")
        runner = Transport(folder / "partials", SETTINGS, LogProgress(out))
        with contextlib.suppress(UnavailableError):
            runner.run(parts, Collector(), zip_parts([name], lambda file: None))
    return out.getvalue().splitlines()


def test_a_part_that_breaks_off_is_resumed(tmp_path: Path) -> None:
    script = [ranges(ZIP), ranges(ZIP, cut=1000), ranges(ZIP)]
    with HostileServer({"/z": script}) as server:
        _, found = read(tmp_path, server, ["lib/2.a"])
        first, second = server.requests[1].range, server.requests[2].range
    assert found == {"lib/2.a": MEMBERS["lib/2.a"]}
    assert first is not None
    assert second == (first[0] + 1000, first[1])


def test_signed_url_that_expires_between_two_parts_is_resolved_again(tmp_path: Path) -> None:
    scripts = {
        "/z": [redirect("/signed?1"), redirect("/signed?2")],
        "/signed": [ranges(ZIP), status(403), ranges(ZIP)],
    }
    with HostileServer(scripts) as server:
        _, found = read(tmp_path, server, ["lib/2.a"])
        targets = [request.target for request in server.requests]
    assert targets == ["/z", "/signed?1", "/signed?1", "/z", "/signed?2"]
    assert found == {"lib/2.a": MEMBERS["lib/2.a"]}


def shifted(exchange: Exchange) -> None:
    start, _ = exchange.request.range or (0, None)
    part = ZIP[start + 1 : start + 101]
    exchange.head(
        206,
        {
            "Content-Range": f"bytes {start + 1}-{start + 100}/{len(ZIP)}",
            "Content-Length": str(len(part)),
        },
    )
    exchange.send(part)


def test_a_part_that_starts_elsewhere_is_refused(tmp_path: Path) -> None:
    with HostileServer({"/z": [shifted, whole(ZIP)]}) as server:
        got, _ = read(tmp_path, server, ["lib/2.a"])
        assert [request.range is None for request in server.requests] == [False, True]
    assert not got


def read_at(folder: Path, server: HostileServer, places: list[tuple[int, int]]) -> None:
    """Reads some places that nobody has announced."""

    def consume(file: BinaryIO) -> None:
        for start, size in places:
            file.seek(start)
            assert file.read(size) == ZIP[start : start + size]

    wanted = download(server.url("/z"), body=ZIP)
    transport(folder).run(wanted, Collector(), Parts(lambda file: [], consume))


def test_any_part_can_be_read(tmp_path: Path) -> None:
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        places = [(5, 9), (2_000_000, 100_000), (len(ZIP) - 5, 50), (0, 3), (0, len(ZIP) + 1)]
        read_at(tmp_path, server, places)
        assert sum(map(asked, server.requests)) == len(ZIP), "each byte once"


def test_member_parts_cover_header_and_data() -> None:
    parts = member_parts(io.BytesIO(ZIP), ["lib/0.a", "lib/19.a"], where="z")
    assert parts[0][0] == 0
    assert ZIP[parts[1][0] :][:4] == b"PK\x03\x04"
    assert ZIP[parts[1][1] :][:4] == b"PK\x01\x02"


def test_stopped_transport_reads_no_members(tmp_path: Path) -> None:
    runner = transport(tmp_path)
    runner.stop()
    with HostileServer({"/z": [ranges(ZIP)]}) as server:
        parts = download(server.url("/z"), body=ZIP)
        with pytest.raises(UnavailableError, match="stopped"):
            runner.run(parts, Collector(), zip_parts(["lib/2.a"], lambda file: None))
        assert server.requests == []


@pytest.mark.parametrize(
    "behavior",
    [status(503, retry_after="600"), lambda exchange: exchange.stall()],
    ids=["between two requests", "in one"],
)
def test_a_read_in_another_thread_ends_when_it_is_stopped(
    tmp_path: Path, behavior: Behavior
) -> None:
    patient = {"longest_retry_after": 1000, "total_seconds": 1000}
    runner = transport(tmp_path, **patient, read_seconds=600, header_seconds=600)
    results = list[bool]()
    with HostileServer({"/z": [behavior]}) as server:
        parts = download(server.url("/z"), body=ZIP)

        def get() -> None:
            with pytest.raises(UnavailableError, match="stopped"):
                runner.run(parts, Collector(), zip_parts(["lib/2.a"], lambda file: None))
            results.append(True)

        reading = threading.Thread(target=get, daemon=True)
        reading.start()
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.3)
        runner.stop()
        reading.join(60)
        assert results == [True]
        assert len(server.requests) == 1
