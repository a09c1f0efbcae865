"""What `lock` downloads stays in the store: a server that counts is asked again only where it must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.archives.bytestream import FileStream
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.network.transport import Transferred, Transport
from cgo_prebuilt.storage import kept_downloads
from cgo_prebuilt.storage.kept_downloads import KeptDownloads
from cgo_prebuilt.storage.store import Store
from cgo_prebuilt.url import Url
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, archive_of, write_manifest

FILE = "vec-v1.2.3-linux_amd64.tar.gz"


class Place:
    """A server with one archive, which counts what it sends."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("")
        self.sent = 0
        self.asked: list[str] = []
        self.content = archive_of(FILES)
        self.validators: dict[str, str] = {"ETag": '"one"'}
        for file in ("SHA256SUMS", "SHA256SUMS.sig"):
            server.expect_request(f"/{file}").respond_with_data(status=404)
        server.expect_request(f"/{FILE}").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        condition = request.headers.get("If-None-Match") or request.headers.get("If-Modified-Since")
        self.asked.append(condition or "all")
        if condition is not None and condition in self.validators.values():
            return Response(status=304)
        self.sent += 1
        return Response(self.content, headers=self.validators)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder of the test's."""
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def place(httpserver: HTTPServer, tmp_path: Path) -> Place:
    """The server, and a manifest of what it has."""
    place = Place(httpserver)
    write_manifest(tmp_path / "prebuilt.yaml", urls=[f"{place.url}{{file}}"])
    return place


def test_locking_again_after_a_correction_downloads_nothing(
    run: Run, place: Place, tmp_path: Path
) -> None:
    manifest = tmp_path / "prebuilt.yaml"
    right = manifest.read_text()
    manifest.write_text(right.replace("lib/libvec.a", "lib/libwrong.a"))
    run("lock", "prebuilt.yaml").refused(2, "the archive lacks 'lib/libwrong.a'")
    manifest.write_text(right)
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert f"{FILE} has not changed, and is in the store" in answer.err
    assert run("lock", "prebuilt.yaml", "--check").code == 0
    assert place.asked == ["all", '"one"', '"one"']
    assert place.sent == 1


def test_what_was_locked_is_fetched_without_a_request(
    run: Run, place: Place, tmp_path: Path
) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    command = ("fetch", "--lock", "prebuilt.lock.json", "--platform", "linux_amd64", "--json")
    answer = run(*command, "--output", "out", "--offline")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["bytes_downloaded"] == 0
    assert (tmp_path / "out/lib/libvec.a").read_bytes() == FILES["lib/libvec.a"]
    assert place.asked == ["all"]


@pytest.mark.parametrize(
    "validators", [{"ETag": '"two"'}, {"Last-Modified": "Mon, 04 May 2026 10:00:00 GMT"}, {}]
)
def test_a_release_that_changed_is_noticed(
    run: Run, place: Place, tmp_path: Path, validators: dict[str, str]
) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    place.validators = validators
    place.content = archive_of({**FILES, "include/vec.h": b"int other(void);\n"})
    assert run("lock", "prebuilt.yaml", "--check").code == 1
    assert place.asked == ["all", '"one"', "all"]


@pytest.mark.parametrize(
    ("validators", "sent"),
    [({"Last-Modified": "Mon, 04 May 2026 10:00:00 GMT"}, 1), ({}, 2), ({"ETag": 'W/"weak"'}, 2)],
)
def test_only_a_strong_validator_spares_the_download(
    run: Run, place: Place, validators: dict[str, str], sent: int
) -> None:
    place.validators = validators
    for _ in range(2):
        assert run("lock", "prebuilt.yaml").code == 0
    assert place.sent == sent


def test_what_the_store_has_lost_is_downloaded(run: Run, place: Place, tmp_path: Path) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    (tree,) = Store(tmp_path / "store").list()
    assert tree.label == f"archive {FILE}"
    assert run("cache", "prune", "--max-size", "0").code == 0
    assert run("lock", "prebuilt.yaml").code == 0
    assert place.sent == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"file": "", "sha256": 1, "size": "", "validator": null}']
)
def test_a_damaged_record_costs_a_download(
    run: Run, place: Place, tmp_path: Path, text: str
) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    (record,) = (tmp_path / "store/v1/results").glob("*.url")
    record.write_text(text)
    assert run("lock", "prebuilt.yaml").code == 0
    assert place.sent == 2


def test_the_least_recently_used_leave_where_they_are_too_many(
    run: Run, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    fetch = ("fetch", "--lock", "prebuilt.lock.json", "--platform", "linux_amd64")
    assert run(*fetch, "--output", "out").code == 0
    monkeypatch.setattr(kept_downloads, "MOST_BYTES", len(place.content) - 1)
    assert run("lock", "prebuilt.yaml").code == 0
    (tree,) = Store(tmp_path / "store").list()
    assert tree.label == "vec v1.2.3 linux_amd64"
    assert not list((tmp_path / "store/v1/results").glob("*.url"))


def test_a_download_that_changes_under_the_hand_is_not_kept(tmp_path: Path) -> None:
    class Changing:
        def run(self, download: Download, consume: Callable[[FileStream], object]) -> Transferred:
            (tmp_path / "content").write_bytes(b"later")
            with closing(FileStream(tmp_path / "content")) as stream:
                consume(stream)
            return Transferred("0" * 64, 5, Tally(), download.urls[0])

    store = Store(tmp_path / "store")
    downloads = KeptDownloads(store, cast(Transport, Changing()), lambda *_: False, print)
    download = Download("a.zip", (Url("https://example.test/a.zip"),), None, None)
    with pytest.raises(IntegrityError, match="it changed while it was downloaded"):
        downloads.run(download, lambda stream: None)
    assert store.list() == ()


def test_a_local_release_is_not_copied_into_the_store(run: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(archive_of(FILES))
    write_manifest(tmp_path / "prebuilt.yaml", urls=[f"{tmp_path.as_uri()}/{{file}}"])
    assert run("lock", "prebuilt.yaml").code == 0
    assert Store(tmp_path / "store").list() == ()
