"""What is published, and to a folder or by PUT: the same rules as for a GitHub release."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.errors import IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.network.api import API_SETTINGS, Api, Clock
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.publishing.plain_places import FolderPlace, PutPlace
from cgo_prebuilt.publishing.publish import ReleaseFile, publish, release_files, unrelated_files
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import SUMS, update_sums, write_sums
from tests.github_server import broken_off
from tests.unit.library_case import files_below, manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
MATERIALS = f"{ARCHIVE}.cdx.json"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """What pack left: an archive and something that goes with it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    contents = {ARCHIVE: b"archive", MATERIALS: b"{}"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    write_sums(folder / SUMS, sums)
    return folder


# What is published.


def test_all_that_the_sums_list_is_published_and_the_sums_last(dist: Path) -> None:
    (dist / "notes.txt").write_text("not of the release")
    names = [file.name for file in release_files(manifest(), dist)]
    assert names == [ARCHIVE, MATERIALS, SUMS]


def test_what_is_listed_of_another_version_is_not_published(dist: Path) -> None:
    old = ["vec-v1.2.2-linux_amd64.tar.gz", "vec-v1.2.2-linux_amd64.tar.gz.cdx.json"]
    for name in old:
        (dist / name).write_bytes(b"old")
    update_sums(dist / SUMS, {name: hashlib.sha256(b"old").hexdigest() for name in old})
    with pytest.raises(UsageError) as caught:
        release_files(manifest(), dist)
    assert (
        caught.value.what
        == f"SHA256SUMS lists files that are not part of vec v1.2.3: {', '.join(old)}"
    )
    assert "separate folder, or name its other files with --also" in str(caught.value.remedy)
    assert len(release_files(manifest(), dist, ["vec-v1.2.2-*"])) == 5


def test_what_is_published_besides_has_to_be_listed() -> None:
    with pytest.raises(UsageError, match=r"--also \*\.txt matches no file that SHA256SUMS lists"):
        unrelated_files(manifest(), [ARCHIVE, "a.md"], ["*.md", "*.txt"])


def test_of_a_release_are_the_archives_of_all_flavors_loose_files_and_go_modules() -> None:
    made = manifest(
        archives=[{"file": "vec-{platform}-{flavor}.zip"}, {"file": "vec.h", "path": "vec.h"}],
        flavors={"small": {}, "fast": {"defines": ["FAST"]}},
        platforms={"linux_amd64": None, "linux_arm64": None},
        go={"module": "go.acme.test/vec"},
    )
    archives = [
        f"vec-{p}-{f}.zip" for p in ("linux_amd64", "linux_arm64") for f in ("small", "fast")
    ]
    listed = [*archives, "vec.h", "vec.h.cdx.json", f"{archives[0]}.cdx.json"]
    zips = ["vec-v1.2.3-go.zip", "vec-v1.2.3-go-linux_arm64.zip"]
    assert unrelated_files(made, [*listed, *zips]) == []
    strange = ["vec-linux_amd64.zip", "vec-v1.2.2-go.zip", "vec-v1.2.3-go-darwin_arm64.zip"]
    assert unrelated_files(made, [*listed, *strange]) == strange
    assert unrelated_files(manifest(), zips) == sorted(zips)


def test_a_signature_of_the_sums_is_published_where_there_is_one(dist: Path) -> None:
    assert len(release_files(manifest(), dist)) == 3
    (dist / "SHA256SUMS.sig").write_text("signature")
    assert release_files(manifest(), dist)[-1].name == "SHA256SUMS.sig"


def test_a_platform_that_was_not_packed_is_missed(dist: Path) -> None:
    with pytest.raises(UsageError) as caught:
        release_files(manifest(platforms={"linux_amd64": None, "linux_arm64": None}), dist)
    assert caught.value.what == (
        "SHA256SUMS lacks vec-v1.2.3-linux_arm64.tar.gz, the archive of linux_arm64"
    )
    assert "--platform linux_arm64" in str(caught.value.remedy)


def test_a_file_that_is_not_what_the_sums_say_is_not_published(dist: Path) -> None:
    (dist / ARCHIVE).write_bytes(b"another")
    with pytest.raises(IntegrityError, match=f"{ARCHIVE} has the SHA-256"):
        release_files(manifest(), dist)


def test_a_listed_file_that_is_gone_is_missed(dist: Path) -> None:
    (dist / MATERIALS).unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        release_files(manifest(), dist)


# To a folder.


def test_a_folder_gets_what_it_lacks_and_keeps_what_it_has(dist: Path, tmp_path: Path) -> None:
    files = release_files(manifest(), dist)
    first = publish(files, FolderPlace(tmp_path / "a" / "b"))
    assert first.sent == (ARCHIVE, MATERIALS, SUMS)
    assert first.where == str(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / MATERIALS).unlink()
    second = publish(files, FolderPlace(tmp_path / "a" / "b"))
    assert (second.sent, second.unchanged) == ((MATERIALS,), (ARCHIVE, SUMS))
    assert files_below(tmp_path / "a" / "b") == sorted(first.sent)


def test_a_folder_with_other_bytes_is_left_as_it_is(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / SUMS).write_text("other")
    with pytest.raises(IntegrityError, match="with other bytes: SHA256SUMS"):
        publish(release_files(manifest(), dist), FolderPlace(tmp_path / "to"))
    assert files_below(tmp_path / "to") == [SUMS]


def test_a_folder_that_cannot_be_written_is_named(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "to").write_text("a file")
    with pytest.raises(UsageError, match="cannot be written"):
        publish(release_files(manifest(), dist), FolderPlace(tmp_path / "to"))
    assert stat.S_ISREG((tmp_path / "to").stat().st_mode)


# By PUT.


class FileServer:
    """Takes a PUT for a file that is not there, as RFC 9110 13.1.2 has it; gives what it has."""

    def __init__(self, server: HTTPServer) -> None:
        self.files: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.before: Any = lambda request: None
        self.url = server.url_for("/repo")
        server.expect_request(re.compile("/repo/.*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/repo/")
        if request.method == "PUT":
            content = request.get_data()
            self.puts.append(name)
            trouble = self.before(request)
            if trouble is not None:
                assert isinstance(trouble, Response)
                return trouble
            if name in self.files and request.headers.get("If-None-Match") == "*":
                return Response(status=412)
            self.files[name] = content
            return Response(status=201)
        if name not in self.files:
            return Response(status=404)
        return Response(self.files[name])


@pytest.fixture
def server(httpserver: HTTPServer) -> FileServer:
    return FileServer(httpserver)


def place(url: str) -> PutPlace:
    waits: list[float] = []
    return PutPlace(
        Url(url), Api(HttpClient(API_SETTINGS, {}), clock=Clock(waits.append)), Progress()
    )


def test_files_are_put_below_a_url_and_a_second_run_puts_none(
    dist: Path, server: FileServer
) -> None:
    files = release_files(manifest(), dist)
    assert publish(files, place(server.url)).where == f"{server.url}/"
    assert server.files[ARCHIVE] == b"archive"
    assert publish(files, place(server.url + "/{file}")).sent == ()
    assert server.puts == [file.name for file in files]


def test_a_server_with_other_bytes_is_refused(dist: Path, server: FileServer) -> None:
    server.files[ARCHIVE] = b"another"
    with pytest.raises(IntegrityError, match="with other bytes"):
        publish(release_files(manifest(), dist), place(server.url))
    assert server.puts == []


def test_a_put_that_breaks_off_is_sent_again(dist: Path, server: FileServer) -> None:
    server.before = lambda request: broken_off(request) if len(server.puts) == 1 else None
    publish(release_files(manifest(), dist), place(server.url))
    assert server.puts == [ARCHIVE, ARCHIVE, MATERIALS, SUMS]


def test_a_publisher_who_was_first_is_not_overwritten(dist: Path, server: FileServer) -> None:
    server.before = lambda request: server.files.setdefault(ARCHIVE, b"another") and None
    with pytest.raises(IntegrityError, match="with other bytes"):
        publish(release_files(manifest(), dist), place(server.url))
    assert server.files[ARCHIVE] == b"another"


def test_a_server_that_refuses_is_named(dist: Path, server: FileServer) -> None:
    server.before = lambda request: Response(status=403)
    with pytest.raises(UnavailableError, match="the server refused: HTTP 403") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert "netrc" in str(caught.value.remedy)


def test_a_server_without_put_is_no_reason_to_run_it_again(dist: Path, server: FileServer) -> None:
    server.before = lambda request: Response(status=501)
    with pytest.raises(UnavailableError, match="HTTP 501") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert "accepts such requests" in str(caught.value.remedy)


def test_a_redirected_upload_names_the_target_without_its_secrets(
    dist: Path, server: FileServer
) -> None:
    target = "https://files.example.com/a?X-Amz-Signature=secret"
    server.before = lambda request: Response(status=307, headers={"Location": target})
    with pytest.raises(UnavailableError, match="redirects uploads to https://files") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert "secret" not in str(caught.value)
    assert "publish to where it redirects" in str(caught.value.remedy)


def test_a_file_that_cannot_be_read_any_more_is_named(dist: Path, server: FileServer) -> None:
    second = dist / MATERIALS

    def replace_by_folder(request: Request) -> None:
        second.unlink()
        second.mkdir()

    server.before = replace_by_folder
    with pytest.raises(UsageError, match="the file cannot be read: not a regular file") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert caught.value.where == str(second)


@pytest.mark.parametrize("status", [200, 204, 409, 412])
def test_a_server_that_loses_files_is_given_up_after_the_second_time(
    dist: Path, server: FileServer, status: int
) -> None:
    server.before = lambda request: Response("no such folder", status, content_type="text/plain")
    with pytest.raises(UnavailableError) as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert f"HTTP {status}" in caught.value.what
    assert caught.value.what.endswith("; the file is not there afterwards")
    assert server.puts == [ARCHIVE, ARCHIVE]
    if status == 409:
        assert "the server refused: HTTP 409 no such folder;" in caught.value.what
        assert "create its parent folder" in caught.value.remedy


REFUSALS = [
    (400, "<Error><Code>X</Code><Message>The &quot;key&quot; is bad</Message>", 'The "key" is bad', "URL"),
    (507, '<d:error xmlns:s="x"><s:message>no\x1b[0m quota</s:message></d:error>', "no [0m quota", "space"),
    (413, "<html><title>413</title></html>", "REQUEST ENTITY TOO LARGE", "limit"),
    (401, '{"message": "who are you?"}', "who are you?", "that may write there"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "words", "remedy"), REFUSALS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_servers_own_words_and_a_publishers_next_step_are_said_at_once(
    dist: Path, httpserver: HTTPServer, status: int, body: str, words: str, remedy: str, method: str
) -> None:
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request.method)
        return Response(body, status if request.method == method else 404, content_type="text/xml")

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(answer)
    with pytest.raises(UnavailableError) as caught:
        publish(release_files(manifest(), dist), place(httpserver.url_for("/x")))
    assert f"HTTP {status} {words}" in caught.value.what
    assert remedy in caught.value.remedy
    assert "mirror" not in caught.value.remedy
    assert asked.count(method) <= 3  # before each of the files, and never a second time


# Two publishers at once.


def test_a_server_that_knows_no_conditions_has_no_file_replaced_that_came_meanwhile(
    dist: Path, server: FileServer
) -> None:
    class Later(PutPlace):
        def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
            server.files.setdefault(SUMS, b"of somebody else")
            super().send(file, replaces=replaces)

    later = Later(Url(server.url), Api(HttpClient(API_SETTINGS, {})), Progress())
    with pytest.raises(IntegrityError, match="published already, with other bytes: SHA256SUMS"):
        publish(release_files(manifest(), dist), later)
    assert SUMS not in server.puts


@pytest.mark.parametrize("late", [False, True], ids=["at the start", "before it is sent"])
@pytest.mark.parametrize("kind", ["folder", "server"])
def test_sums_that_somebody_else_extended_meanwhile_are_not_replaced(
    dist: Path, tmp_path: Path, server: FileServer, kind: str, late: bool
) -> None:
    to = tmp_path / "to"
    to.mkdir()
    read = hashlib.sha256(b"old").hexdigest()

    def write(content: bytes) -> None:
        server.files[SUMS] = content
        (to / SUMS).write_bytes(content)

    write(b"old" if late else b"theirs")
    destination = FolderPlace(to) if kind == "folder" else place(server.url)
    if late:
        send = destination.send

        def send_later(file: ReleaseFile, *, replaces: str | None = None) -> None:
            write(b"theirs")
            send(file, replaces=replaces)

        destination.send = send_later  # type: ignore[method-assign]
    with pytest.raises(IntegrityError, match="SHA256SUMS has changed since this began: somebody"):
        publish(release_files(manifest(), dist), destination, replaces={SUMS: read})
    assert (server.files[SUMS], (to / SUMS).read_bytes()) == (b"theirs", b"theirs")
