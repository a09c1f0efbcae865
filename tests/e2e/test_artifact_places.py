"""Test the registry, object store and file server of the tests with other clients than ours."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.e2e.credential_helper import write_helper
from tests.e2e.nginx_files import nginx_files
from tests.e2e.object_store import object_store
from tests.e2e.oci_registry import (
    PASSWORD,
    PUBLISHER,
    READER,
    Authentication,
    oci_registry,
)

_SECONDS = 120


def _asked(helper: Path, uri: str, method: str = "GET") -> dict[str, str]:
    """The headers that a credential helper gives."""
    done = subprocess.run(
        [helper, "get"],
        input=json.dumps({"uri": uri}),
        env={**os.environ, "CGO_PREBUILT_METHOD": method},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: values[0] for name, values in json.loads(done.stdout)["headers"].items()}


@pytest.mark.parametrize("authentication", ["none", "basic", "token"])
def test_the_registry_requires_its_configured_login(
    tmp_path: Path, authentication: Authentication
) -> None:
    with oci_registry(tmp_path / "registry", authentication) as registry:
        url = f"http://{registry.address}/v2/acme/vec/tags/list"
        answer = requests.get(url, timeout=_SECONDS)
        assert answer.status_code == (404 if authentication == "none" else 401)
        if authentication == "basic":
            login = (READER, PASSWORD)
            assert requests.get(url, auth=login, timeout=_SECONDS).status_code == 404
            wrong = (READER, "wrong")
            assert requests.get(url, auth=wrong, timeout=_SECONDS).status_code == 401
        if authentication == "token":
            assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_skopeo_copies_into_the_registry_with_permission(tmp_path: Path) -> None:
    image = tmp_path / "image"
    blob = image / "blobs" / "sha256"
    blob.mkdir(parents=True)

    def written(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blob / digest).write_bytes(content)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    config = written(b"{}", "application/vnd.oci.image.config.v1+json")
    layer = written(gzip.compress(b"layer"), "application/vnd.oci.image.layer.v1.tar+gzip")
    oci = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": oci, "config": config, "layers": [layer]}
    index = {"schemaVersion": 2, "manifests": [written(json.dumps(manifest).encode(), oci)]}
    (image / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (image / "index.json").write_text(json.dumps(index))
    with oci_registry(tmp_path / "registry") as registry:
        place = f"docker://{registry.address}/acme/vec:v1"
        copy = ("copy", f"oci:{image}", place)
        with pytest.raises(subprocess.CalledProcessError):
            registry.skopeo(*copy, user=READER)
        registry.skopeo(*copy)
        raw = registry.skopeo("inspect", "--raw", place, user=READER)
        assert json.loads(raw)["layers"] == [layer]
        assert registry.tokens is not None
        assert (PUBLISHER, "repository:acme/vec:pull,push") in registry.tokens.asked
        assert "201 PUT /v2/acme/vec/manifests/v1" in registry.tried()


def test_nginx_accepts_the_password_or_the_token(tmp_path: Path) -> None:
    with nginx_files(tmp_path / "nginx") as server:
        for url, kind in ((server.basic, "basic"), (server.bearer, "bearer")):
            file = f"{url}/a/b.txt"
            assert requests.put(file, b"x", timeout=_SECONDS).status_code == 401
            headers = _asked(
                write_helper(tmp_path / kind, server.secrets(kind), sys.executable), url
            )
            absent = {**headers, "If-None-Match": "*"}
            assert requests.put(file, b"x", headers=absent, timeout=_SECONDS).status_code == 201
            assert requests.put(file, b"y", headers=absent, timeout=_SECONDS).status_code == 412
            assert requests.get(file, timeout=_SECONDS).status_code == 401
            assert requests.get(file, headers=headers, timeout=_SECONDS).content == b"x"
        assert server.tried()[:2] == ["401 PUT /basic/a/b.txt", "201 PUT /basic/a/b.txt"]


@pytest.mark.slow
def test_the_object_store_accepts_signed_requests(tmp_path: Path) -> None:
    with object_store(tmp_path / "store") as store:
        file = f"{store.bucket('releases')}/vec/v1/a b+c.txt"
        helper = store.helper(tmp_path / "helper", sys.executable)
        headers = _asked(helper, file)
        assert requests.get(file, headers=headers, timeout=_SECONDS).status_code == 404
        put = _asked(helper, file, "PUT") | {"If-None-Match": "*"}
        assert requests.put(file, b"x", headers=headers, timeout=_SECONDS).status_code == 403
        assert requests.put(file, b"x", headers=put, timeout=_SECONDS).status_code == 200
        assert requests.put(file, b"y", headers=put, timeout=_SECONDS).status_code == 412
        assert requests.get(file, headers=headers, timeout=_SECONDS).content == b"x"
        assert requests.get(file, timeout=_SECONDS).status_code == 403
