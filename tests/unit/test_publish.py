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
from cgo_prebuilt.network.api_session import ApiSession
from cgo_prebuilt.network.progress import SilentProgress
from cgo_prebuilt.publishing.plain_places import FolderPlace, PutPlace
from cgo_prebuilt.publishing.publish import publish, release_files
from cgo_prebuilt.releases.sums import SUMS, write_sums
from tests.github_server import broken_off
from tests.unit.library_case import files_below, manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """What pack left: an archive and something that goes with it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    contents = {ARCHIVE: b"archive", "vec.cdx.json": b"{}"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    write_sums(folder / SUMS, sums)
    return folder


# What is published.


def test_all_that_the_sums_list_is_published_and_the_sums_last(dist: Path) -> None:
    (dist / "notes.txt").write_text("not of the release")
    names = [file.name for file in release_files(manifest(), dist)]
    assert names == [ARCHIVE, "vec.cdx.json", SUMS]


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
    (dist / "vec.cdx.json").unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        release_files(manifest(), dist)


# To a folder.


def test_a_folder_gets_what_it_lacks_and_keeps_what_it_has(dist: Path, tmp_path: Path) -> None:
    files = release_files(manifest(), dist)
    first = publish(files, FolderPlace(tmp_path / "a" / "b"))
    assert first.sent == (ARCHIVE, "vec.cdx.json", SUMS)
    assert first.where == str(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "vec.cdx.json").unlink()
    second = publish(files, FolderPlace(tmp_path / "a" / "b"))
    assert (second.sent, second.unchanged) == (("vec.cdx.json",), (ARCHIVE, SUMS))
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
    return PutPlace(url, ApiSession(sleep=waits.append), SilentProgress(), waits.append)


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
    assert server.puts == [ARCHIVE, ARCHIVE, "vec.cdx.json", SUMS]


def test_a_publisher_who_was_first_is_not_overwritten(dist: Path, server: FileServer) -> None:
    server.before = lambda request: server.files.setdefault(ARCHIVE, b"another") and None
    with pytest.raises(IntegrityError, match="with other bytes"):
        publish(release_files(manifest(), dist), place(server.url))
    assert server.files[ARCHIVE] == b"another"


def test_a_server_that_refuses_is_named(dist: Path, server: FileServer) -> None:
    server.before = lambda request: Response(status=403)
    with pytest.raises(UsageError, match="the server refused: HTTP 403") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert "netrc" in str(caught.value.remedy)


def test_a_file_that_cannot_be_read_any_more_is_named(dist: Path, server: FileServer) -> None:
    second = dist / "vec.cdx.json"

    def replace_by_folder(request: Request) -> None:
        second.unlink()
        second.mkdir()

    server.before = replace_by_folder
    with pytest.raises(UsageError, match="the file cannot be read: Is a directory") as caught:
        publish(release_files(manifest(), dist), place(server.url))
    assert caught.value.where == str(second)


def test_a_server_that_loses_files_is_given_up(dist: Path, server: FileServer) -> None:
    server.before = lambda request: Response(status=200)
    with pytest.raises(
        UnavailableError, match="gz cannot be uploaded: it is not there afterwards, 4 times"
    ):
        publish(release_files(manifest(), dist), place(server.url))
