"""Releases in a registry: `lock` finds their blobs, and the lock has URLs like any other."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.releases.registry import PLATFORM, TITLE, api_of, tag_of
from cgo_prebuilt.releases.registry_reader import blob_of, digest_in
from cgo_prebuilt.url import Url
from tests.ssh_key import make_key
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, archive_of, write_files, write_manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
DATA = archive_of(FILES)
OTHER = archive_of({**FILES, "lib/libvec.a": b"!<arch>\n"})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Registry:
    """A repository `acme/vec` of a registry (distribution specification, "Pull")."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.host = f"{server.host}:{server.port}"
        self.place = f"oci://{self.host}/acme/vec"
        self.api = f"http://{self.host}/v2/acme/vec"
        self.files: dict[str, bytes] = {}
        self.status = 404
        server.expect_request(re.compile(".*")).respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        content = self.files.get(request.path.removeprefix("/v2/acme/vec/"))
        return Response(status=self.status) if content is None else Response(content)

    def put(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def layer(self, title: str, content: bytes) -> dict[str, Any]:
        self.put(f"blobs/sha256:{sha256(content)}", content)
        return {
            "digest": f"sha256:{sha256(content)}",
            "size": len(content),
            "annotations": {TITLE: title},
        }

    def manifest(self, files: Mapping[str, bytes], **fields: Any) -> dict[str, Any]:
        """Adds a manifest; its descriptor."""
        layers = [self.layer(title, content) for title, content in files.items()]
        return self.document({"schemaVersion": 2, "layers": layers}, **fields)

    def document(self, document: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        text = json.dumps(document).encode()
        digest = f"sha256:{sha256(text)}"
        self.put(f"manifests/{digest}", text)
        return {"digest": digest, "size": len(text), "text": text.decode(), **fields}

    def tag(self, name: str, descriptor: Mapping[str, Any]) -> str:
        self.put(f"manifests/{name}", descriptor["text"].encode())
        return str(descriptor["digest"])

    def index(self, *descriptors: Mapping[str, Any]) -> dict[str, Any]:
        return self.document({"schemaVersion": 2, "manifests": list(descriptors)})


@pytest.fixture
def registry(httpserver: HTTPServer) -> Registry:
    return Registry(httpserver)


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
) -> Run:
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    write_manifest(tmp_path / "prebuilt.yaml", urls=[registry.place])
    return runner(tmp_path, monkeypatch, capsys)


def urls_in(folder: Path) -> list[str]:
    lock = json.loads((folder / "prebuilt.lock.json").read_text())
    (version,) = lock["versions"].values()
    return [url for one in version["platforms"]["linux_amd64"]["archives"] for url in one["urls"]]


def for_platform(os: str, architecture: str, **annotations: str) -> dict[str, Any]:
    platform = {"os": os, "architecture": architecture}
    return {"platform": platform, "annotations": annotations}


def test_an_artifact_of_oras_is_locked_and_fetched(
    run: Run, registry: Registry, tmp_path: Path
) -> None:
    registry.tag("v1.2.3", registry.manifest({ARCHIVE: DATA, "README.md": b"read"}))
    assert run("lock", "prebuilt.yaml").code == 0
    assert urls_in(tmp_path) == [f"{registry.api}/blobs/sha256:{sha256(DATA)}"]
    assert run("lock", "prebuilt.yaml", "--check").code == 0
    fetch = ("fetch", "--platform", "linux_amd64", "--output", "out")
    assert run("cache", "prune", "--older-than", "0h").code == 0
    assert run(*fetch).code == 0
    assert (tmp_path / "out/lib/libvec.a").read_bytes() == FILES["lib/libvec.a"]


@pytest.mark.parametrize("by", ["annotation", "platform"])
def test_of_several_files_of_a_name_that_for_the_platform_counts(
    run: Run, registry: Registry, tmp_path: Path, by: str
) -> None:
    write_manifest(
        tmp_path / "prebuilt.yaml", urls=[registry.place], archives=[{"file": "vec.tar.gz"}]
    )
    names = {PLATFORM: "linux_amd64"} if by == "annotation" else {}
    musl = {PLATFORM: "linux_amd64_musl"}
    registry.tag(
        "v1.2.3",
        registry.index(
            registry.manifest({"vec.tar.gz": OTHER}, **for_platform("linux", "amd64", **musl)),
            registry.manifest({"dist/vec.tar.gz": DATA}, **for_platform("linux", "amd64", **names)),
            registry.manifest({"vec.tar.gz": b"3"}, **for_platform("linux", "arm64")),
        ),
    )
    assert run("lock", "prebuilt.yaml").code == 0
    assert urls_in(tmp_path) == [f"{registry.api}/blobs/sha256:{sha256(DATA)}"]


def test_a_tag_may_be_named_and_has_no_plus(run: Run, registry: Registry, tmp_path: Path) -> None:
    registry.tag("1.2.3_cpu-linux_amd64", registry.manifest({ARCHIVE: DATA}))
    place = f"{registry.place}:{{bare_version}}+cpu-{{platform}}"
    write_manifest(tmp_path / "prebuilt.yaml", urls=[place])
    assert run("lock", "prebuilt.yaml").code == 0
    assert tag_of("v1.2.3+cpu") == "v1.2.3_cpu"


def test_with_a_mirror_the_registry_is_not_asked_and_the_lock_is_the_same(
    run: Run, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "mirror", {ARCHIVE: DATA})
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", str(tmp_path / "mirror"))
    assert run("lock", "prebuilt.yaml").code == 0
    assert urls_in(tmp_path) == [f"{registry.api}/blobs/sha256:{sha256(DATA)}"]
    assert registry.server.log == []


@pytest.mark.parametrize("how", ["referrers", "tag", "layer"])
def test_sums_and_their_signature_are_found(
    run: Run, registry: Registry, tmp_path: Path, how: str
) -> None:
    key = make_key(tmp_path)
    sums = f"{sha256(DATA)}  {ARCHIVE}\n".encode()
    (tmp_path / "SHA256SUMS").write_bytes(sums)
    sign = ("ssh-keygen", "-Y", "sign", "-q", "-n", "cgo-prebuilt", "-f", "key", "SHA256SUMS")
    subprocess.run(sign, cwd=tmp_path, check=True, capture_output=True)
    about = {name: (tmp_path / name).read_bytes() for name in ("SHA256SUMS", "SHA256SUMS.sig")}
    release = registry.manifest({ARCHIVE: DATA, **(about if how == "layer" else {})})
    digest = registry.tag("v1.2.3", release)
    if how != "layer":
        listed = registry.index(registry.manifest(about))["text"].encode()
        fallback = f"manifests/{digest.replace(':', '-')}"
        registry.put(f"referrers/{digest}" if how == "referrers" else fallback, listed)
    write_manifest(tmp_path / "prebuilt.yaml", urls=[registry.place], public_key=key)
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0, answer.err
    assert f"cross-checked with {registry.api}/blobs/sha256:{sha256(sums)}" in answer.err
    assert "signed by" in answer.err


# What is refused.


def test_a_blob_with_other_bytes_is_not_locked(run: Run, registry: Registry) -> None:
    descriptor = registry.manifest({ARCHIVE: DATA})
    registry.put(f"blobs/sha256:{sha256(DATA)}", OTHER)
    registry.tag("v1.2.3", descriptor)
    run("lock", "prebuilt.yaml").refused(4, "has wrong bytes")


def test_a_manifest_with_other_bytes_is_not_read(run: Run, registry: Registry) -> None:
    descriptor = registry.manifest({ARCHIVE: DATA})
    registry.put(f"manifests/{descriptor['digest']}", b"{}")
    registry.tag("v1.2.3", registry.index(descriptor))
    run("lock", "prebuilt.yaml").refused(4, "the registry gives sha256:", descriptor["digest"])


def test_a_release_without_the_archive_lists_the_available_ones(
    run: Run, registry: Registry, tmp_path: Path
) -> None:
    registry.tag("v1.2.3", registry.manifest({"vec-linux.tgz": DATA}))
    run("lock", "prebuilt.yaml").refused(3, f"it has no {ARCHIVE}", "it has vec-linux.tgz")
    write_manifest(tmp_path / "prebuilt.yaml", urls=[registry.place + ":two"])
    two = [registry.manifest({ARCHIVE: data}) for data in (DATA, OTHER)]
    registry.tag("two", registry.index(*two))
    run("lock", "prebuilt.yaml").refused(3, f"the registry has {ARCHIVE} 2 times")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"[" * 100_000])
def test_what_is_no_manifest_is_said(run: Run, registry: Registry, content: bytes) -> None:
    registry.put("manifests/v1.2.3", content)
    run("lock", "prebuilt.yaml").refused(3, "the registry's answer is not a manifest")


def test_a_release_that_is_not_there_or_not_for_us_says_the_next_step(
    run: Run, registry: Registry
) -> None:
    said = "the registry does not serve it: HTTP 404"
    run("lock", "prebuilt.yaml").refused(3, said, "check the version")
    registry.status = 403
    run("lock", "prebuilt.yaml").refused(3, "HTTP 403", "`docker login` for a registry")


@pytest.mark.parametrize(
    "place",
    ["oci://", "oci://h", "oci://h/", "oci://me:pass@h/acme", "oci://h:x/acme", "oci:///acme"],
)
def test_what_is_no_place_is_no_manifest(run: Run, tmp_path: Path, place: str) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", urls=[place])
    run("lock", "prebuilt.yaml").refused(2, "is not a URL that can be fetched")


def test_a_name_that_no_repository_has_is_refused(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", urls=["oci://h/Acme"])
    run("lock", "prebuilt.yaml").refused(2, "it does not name a repository of a registry")
    with pytest.raises(UsageError, match="a registry has no tag for the version"):
        tag_of("a/b")


def test_a_lock_has_no_place_of_a_registry(run: Run, registry: Registry, tmp_path: Path) -> None:
    """Its readers need not know what that is."""
    registry.tag("v1.2.3", registry.manifest({ARCHIVE: DATA}))
    assert run("lock", "prebuilt.yaml").code == 0
    path = tmp_path / "prebuilt.lock.json"
    path.write_text(path.read_text().replace(urls_in(tmp_path)[0], registry.place))
    run("fetch", "--output", "out").refused(2, "is not a URL that can be fetched")


@pytest.mark.parametrize(
    ("place", "api"),
    [
        ("oci://ghcr.io/acme/vec", "https://ghcr.io/v2/acme/vec"),
        ("oci://localhost:5000/vec", "http://localhost:5000/v2/vec"),
        ("oci://127.0.0.1/vec", "http://127.0.0.1/v2/vec"),
        ("oci://docker.io/acme/vec", "https://registry-1.docker.io/v2/acme/vec"),
    ],
)
def test_the_api_of_a_repository(place: str, api: str) -> None:
    assert api_of(Url(place)) == Url(api)
    blob = blob_of(Url(f"{place}:tag"), "v1", "0" * 64)
    assert blob == Url(f"{api}/blobs/sha256:{'0' * 64}")
    assert digest_in([Url("https://h/a"), blob]) == "0" * 64
    assert digest_in([Url(f"https://h/blobs/sha256:{'0' * 64}")]) is None
