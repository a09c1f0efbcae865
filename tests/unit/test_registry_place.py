"""Publishing to a registry that refuses, forgets, or is used by somebody else at the same time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.network.api import API_SETTINGS, Api, Clock
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.publishing.publish import PublishResult, publish, release_files
from cgo_prebuilt.publishing.registry_place import RegistryPlace
from cgo_prebuilt.releases.registry import SIGNED, api_of, tag_of
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import SUMS, write_sums
from tests.github_server import broken_off
from tests.unit.library_case import manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
CONTENT = bytes(range(256)) * 400
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class FakeRegistry:
    """Answers as the distribution specification has it; a trouble answers in its stead, once."""

    def __init__(self, server: HTTPServer) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.troubles: list[tuple[str, Callable[[Request], Response | None]]] = []
        self.lists_referrers = False
        self.ranges: list[str] = []
        self.refuses: Callable[[str, int], bool] = lambda found, size: False
        self.least = "0"
        self.settings = API_SETTINGS
        self.host = f"localhost:{server.port}"
        server.expect_request(re.compile("/v2/acme/vec/.*")).respond_with_handler(self._answer)

    def trouble(self, pattern: str, answer: Callable[[Request], Response | None]) -> None:
        self.troubles.append((pattern, answer))

    def place(self) -> RegistryPlace:
        waits: list[float] = []
        session = Api(
            HttpClient(API_SETTINGS, {}), clock=Clock(waits.append), settings=self.settings
        )
        return RegistryPlace(Url(f"oci://{self.host}/acme/vec"), manifest(), session, Progress())

    def _answer(self, request: Request) -> Response:
        path = request.path.removeprefix("/v2/acme/vec/")
        line = f"{request.method} {path}"
        self.requests.append(line)
        if request.method == "PATCH":
            found = request.headers.get("Content-Range", "")
            self.ranges.append(found or "the whole")
            if self.refuses(found, len(request.get_data())):
                return Response(status=416)
        for trouble in self.troubles:
            if re.search(trouble[0], line):
                self.troubles.remove(trouble)
                answer = trouble[1](request)
                if answer is not None:
                    return answer
                break
        kind, _, name = path.partition("/")
        if path.startswith("blobs/uploads/"):
            return self._upload(request, path.removeprefix("blobs/uploads/"))
        if kind == "referrers":
            return Response('{"manifests": []}', 200 if self.lists_referrers else 404)
        if request.method == "PUT":
            content = request.get_data()
            for key in (name, f"sha256:{hashlib.sha256(content).hexdigest()}"):
                self.manifests[key] = content
            return Response(status=201)
        there = {"blobs": self.blobs, "manifests": self.manifests}[kind]
        return Response(there[name]) if name in there else Response(status=404)

    def _upload(self, request: Request, name: str) -> Response:
        data = request.get_data()
        if request.method == "POST":
            name = str(len(self.uploads) + 1)
            self.uploads[name] = b""
            return self.located(202, name, **{"OCI-Chunk-Min-Length": self.least})
        if request.method == "GET":
            last = len(self.uploads[name]) - 1
            return self.located(204, name, Range=f"0-{max(last, 0)}")
        self.uploads[name] += data
        if request.method == "PATCH":
            return self.located(202, name)
        digest = f"sha256:{hashlib.sha256(self.uploads[name]).hexdigest()}"
        if request.args["digest"] != digest:
            return Response('{"errors": [{"code": "DIGEST_INVALID", "message": "no"}]}', 400)
        self.blobs[digest] = self.uploads[name]
        return Response(status=201)

    def located(self, status: int, name: str, **headers: str) -> Response:
        return Response(status=status, headers={"Location": f"{name}?state=1", **headers})

    def half(self, request: Request) -> Response:
        """Takes the half of what is sent, and hangs up."""
        self.uploads["1"] += request.get_data()[: len(CONTENT) // 2]
        return broken_off(request)


@pytest.fixture
def registry(httpserver: HTTPServer) -> FakeRegistry:
    return FakeRegistry(httpserver)


@pytest.fixture
def run(registry: FakeRegistry, tmp_path: Path) -> Callable[[], PublishResult]:
    """Publishes an archive and its sums."""
    (tmp_path / ARCHIVE).write_bytes(CONTENT)
    write_sums(tmp_path / SUMS, {ARCHIVE: DIGEST.removeprefix("sha256:")})
    return lambda: publish(release_files(manifest(), tmp_path), registry.place())


Publish = Callable[[], PublishResult]


def test_the_tag_is_what_is_sent_last(registry: FakeRegistry, run: Publish) -> None:
    assert run().where == f"oci://{registry.host}/acme/vec:v1.2.3"
    puts = [line for line in registry.requests if line.startswith("PUT manifests/")]
    assert [line.partition("/")[2].partition("-")[0][:7] for line in puts] == [
        "sha256:",  # the platform's
        "sha256:",  # the index
        "sha256:",  # the sums, which are about the index
        "sha256",  # the list of what is about it
        "v1.2.3",
    ]
    assert registry.blobs[DIGEST] == CONTENT
    (listed,) = json.loads(registry.manifests[puts[3].partition("/")[2]])["manifests"]
    assert listed["artifactType"] == SIGNED
    assert json.loads(registry.manifests[listed["digest"]])["subject"]["digest"] == (
        f"sha256:{puts[3].partition('-')[2]}"
    )


def test_a_registry_that_lists_what_is_about_a_manifest_gets_no_list(
    registry: FakeRegistry, run: Publish
) -> None:
    registry.lists_referrers = True
    run()
    assert not [line for line in registry.requests if line.startswith("PUT manifests/sha256-")]


def test_a_tag_of_the_same_bytes_is_left_alone(registry: FakeRegistry, run: Publish) -> None:
    run()
    registry.requests.clear()
    assert run().sent == ()
    assert {line.split()[0] for line in registry.requests} == {"GET"}


def test_an_upload_goes_on_where_it_was_cut_off(registry: FakeRegistry, run: Publish) -> None:
    sizes: list[str | None] = []
    registry.trouble("PATCH", registry.half)
    registry.trouble("GET blobs/uploads", lambda request: sizes.append(request.path))
    registry.trouble("PATCH .*1$", lambda r: sizes.append(r.headers["Content-Range"]))
    run()
    half = len(CONTENT) // 2
    assert sizes == ["/v2/acme/vec/blobs/uploads/1", f"{half}-{len(CONTENT) - 1}"]
    assert registry.blobs[DIGEST] == CONTENT


@pytest.mark.parametrize(
    ("pattern", "status"),
    [("PATCH", 416), ("PATCH", 404), ("PATCH", 401), ("PUT blobs", 500), ("POST", 503)],
)
def test_an_upload_that_is_lost_is_begun_again(
    registry: FakeRegistry, run: Publish, pattern: str, status: int
) -> None:
    registry.trouble(pattern, lambda request: Response(status=status))
    run()
    assert registry.blobs[DIGEST] == CONTENT


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgo_prebuilt.publishing.registry_place.CHUNKS", (40_000, 30_000, 0))


@pytest.mark.usefixtures("_small_chunks")
def test_a_broken_connection_costs_a_chunk(registry: FakeRegistry, run: Publish) -> None:
    """It may break more often than a file has tries: one that brought a chunk does not count."""

    def cut(request: Request) -> Response | None:
        request.get_data()
        return broken_off(request)

    registry.settings = replace(API_SETTINGS, tries=2, progress_bytes=1)
    for _ in range(3):  # the first chunk arrives, then a connection breaks
        registry.trouble("PATCH", lambda request: None)
        registry.trouble("PATCH", cut)
    run()
    kept = ["0-39999", "40000-79999", "40000-79999", "80000-102399", "80000-102399"]
    assert registry.ranges[:5] == kept  # two of them twice
    assert registry.blobs[DIGEST] == CONTENT
    assert registry.uploads["1"] == CONTENT  # and so no other upload was begun


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize(
    ("refuses", "sent"),
    [
        (
            lambda found, size: bool(found) and size > 30_000,
            ["0-39999", "0-29999", "30000-59999", "60000-89999", "90000-102399"],
        ),
        (
            lambda found, size: bool(found) and not found.startswith("0-"),
            ["0-39999", "40000-79999", "0-29999", "30000-59999", "the whole"],
        ),
    ],
    ids=["smaller ones, as GitHub's", "one only, as Google's"],
)
def test_a_registry_that_takes_other_chunks_gets_those(
    registry: FakeRegistry, run: Publish, refuses: Callable[[str, int], bool], sent: list[str]
) -> None:
    registry.refuses = refuses
    run()
    assert registry.ranges[:5] == sent
    assert registry.blobs[DIGEST] == CONTENT


@pytest.mark.usefixtures("_small_chunks")
def test_a_registry_that_wants_larger_chunks_gets_such(
    registry: FakeRegistry, run: Publish
) -> None:
    registry.least = "60000"
    run()
    assert registry.ranges[:2] == ["0-59999", "60000-102399"]
    assert registry.blobs[DIGEST] == CONTENT


def test_a_blob_that_arrived_with_its_answer_lost_is_not_sent_again(
    registry: FakeRegistry, run: Publish
) -> None:
    def lost(request: Request) -> Response:
        registry.blobs[DIGEST] = CONTENT
        return broken_off(request)

    registry.trouble("PATCH", lost)
    run()
    assert [line.split()[0] for line in registry.requests].count("PATCH") == 2  # with the sums'


@pytest.mark.parametrize(
    ("pattern", "answer", "words"),
    [
        ("POST", Response(status=202), "an upload without a location"),
        (
            "POST",
            Response(status=202, headers={"Location": "ftp://x/"}),
            "an upload without a location: a redirect to",
        ),
        ("POST", Response(status=403), "the server refused: HTTP 403"),
        (
            "PUT blobs",
            Response('{"errors": [{"message": "the digest is wrong"}]}', 400),
            "the server refused: HTTP 400 the digest is wrong",
        ),
        (
            "PUT manifests/sha256",
            Response(status=413),
            "the release cannot be published: the server",
        ),
    ],
)
def test_what_a_registry_refuses_is_said(
    registry: FakeRegistry, run: Publish, pattern: str, answer: Response, words: str
) -> None:
    registry.trouble(pattern, lambda request: answer)
    with pytest.raises(UnavailableError, match=words):
        run()
    assert "v1.2.3" not in registry.manifests


def test_somebody_who_publishes_at_the_same_time_is_noticed(
    registry: FakeRegistry, run: Publish
) -> None:
    registry.trouble("GET manifests/v1.2.3", lambda request: None)
    registry.trouble("GET manifests/v1.2.3", lambda request: None)
    registry.trouble("GET manifests/v1.2.3", lambda request: Response("{}"))
    with pytest.raises(IntegrityError, match=r"v1\.2\.3 has changed since this began: somebody"):
        run()


@pytest.mark.parametrize("before", [None, b'{"manifests": []}'], ids=["first", "again"])
@pytest.mark.parametrize("when", ["PATCH", "PUT manifests/v1.2.3"])
def test_a_tag_that_somebody_else_moved_meanwhile_is_not_replaced(
    registry: FakeRegistry, run: Publish, before: bytes | None, when: str
) -> None:
    """In the second case a PUT fails, and its next try would come after the other's."""

    def moved(request: Request) -> Response | None:
        registry.manifests["v1.2.3"] = b'{"of": "somebody else"}'
        return Response(status=503) if request.method == "PUT" else None

    if before is not None:
        registry.manifests["v1.2.3"] = before
    registry.trouble(when, moved)
    with pytest.raises(IntegrityError, match="somebody else published meanwhile"):
        run()
    assert registry.manifests["v1.2.3"] == b'{"of": "somebody else"}'


def test_a_tag_that_was_moved_with_the_answer_lost_is_not_moved_again(
    registry: FakeRegistry, run: Publish
) -> None:
    def lost(request: Request) -> Response:
        registry.manifests["v1.2.3"] = request.get_data()
        return broken_off(request)

    registry.trouble("PUT manifests/v1.2.3", lost)
    registry.trouble(
        "PUT manifests/v1.2.3", lambda request: Response(status=500)
    )  # repeated at once
    run()
    assert b"manifests" in registry.manifests["v1.2.3"]


def test_a_registry_that_gives_another_manifest_is_not_believed(
    registry: FakeRegistry, run: Publish
) -> None:
    run()
    name = next(key for key, text in registry.manifests.items() if b"layers" in text)
    registry.manifests[name] = b"{}"
    with pytest.raises(IntegrityError, match="the registry gives sha256:44136"):
        run()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"manifests": {}}', b'{"manifests": [1, {}]}']
)
def test_what_is_no_release_is_replaced_by_one(
    registry: FakeRegistry, run: Publish, text: bytes
) -> None:
    registry.manifests["v1.2.3"] = text
    run()
    assert b"manifests" in registry.manifests["v1.2.3"]


# Names.


@pytest.mark.parametrize(
    ("place", "api"),
    [
        ("oci://ghcr.io/acme/vec", "https://ghcr.io/v2/acme/vec"),
        ("oci://localhost:5000/vec", "http://localhost:5000/v2/vec"),
        ("oci://[::1]:5000/vec", "http://[::1]:5000/v2/vec"),
        ("oci://docker.io/acme/vec", "https://registry-1.docker.io/v2/acme/vec"),
    ],
)
def test_a_place_has_an_api(place: str, api: str) -> None:
    assert api_of(Url(place)) == Url(api)


@pytest.mark.parametrize(
    "place",
    ["oci://ghcr.io", "oci://ghcr.io/", "oci://ghcr.io/Acme/vec",
     "oci://me:cAnArY@ghcr.io/acme/vec", "oci://ghcr.io/acme//vec", "oci://ghcr.io/../vec"],
)  # fmt: skip
def test_what_names_no_repository_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match="it does not name a repository of a registry") as caught:
        api_of(Url(place))
    assert "cAnArY" not in str(caught.value)


@pytest.mark.parametrize("name", [":v1.2.3", "@sha256:00", ":v1@sha256:0a"])
def test_a_tag_or_a_digest_is_refused_by_its_name(name: str) -> None:
    place = f"oci://127.0.0.1:5000/acme/vec{name}"
    with pytest.raises(
        UsageError, match="a place in a registry has no tag and no digest"
    ) as caught:
        api_of(Url(place))
    assert caught.value.where == place


def test_a_version_is_a_tag() -> None:
    assert tag_of("v1.2.3+cuda12") == "v1.2.3_cuda12"
    for version in ("release/7", "-v1", "v" * 129):
        with pytest.raises(CgoPrebuiltError, match="a registry has no tag for the version"):
            tag_of(version)
