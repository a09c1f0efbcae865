"""Archives behind credentials that only a helper has: inside the real Bazel, and at a prompt."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.conftest import MakeWorkspace
from tests.e2e.credential_helper import write_helper
from tests.e2e.oci_registry import PASSWORD, READER, oci_registry
from tests.e2e.release import BUILD, MAIN_CC, MODULE, Release, cgo_prebuilt
from tests.guide import read_guide

GUIDE = read_guide("docs/hermetic-ci.md")
SECRET = "cAnArY-of-the-helper"
# The helper itself inspects all processes, as anybody could while it runs.
HELPER = """\
#!/bin/sh
cat "$0.secret"
cat >> "$0.asked"
cat /proc/[0-9]*/cmdline >> "$0.processes" 2> /dev/null || true
"""


@pytest.fixture
def private(release: Release, httpserver: HTTPServer) -> str:
    """A URL that serves the release to clients with the secret."""

    def answer(request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {SECRET}":
            return Response(status=401)
        return Response((release.server.folder / Path(request.path).name).read_bytes())

    httpserver.expect_request(re.compile("/private/.*")).respond_with_handler(answer)
    return httpserver.url_for("/private")


def named_as_the_guide_says() -> str:
    """The option of the guide's `.bazelrc` that names the helper to the fetcher, for this server's host."""
    lines = next(block.text for block in GUIDE if block.headings[-1] == "Credentials").splitlines()
    option = next(line for line in lines if "CGO_PREBUILT_CREDENTIAL_HELPER" in line)
    return option.removeprefix("common ").replace("*.example.com", "localhost")


def test_only_the_helper_knows_the_secret(
    workspace: MakeWorkspace, release: Release, private: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    made = workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "answer.lock.json": release.lock.read_bytes(),
            "tools/credentials": HELPER,
        },
        module=MODULE,
        environment={"CGO_PREBUILT_CACHE": str(store), "CGO_PREBUILT_MIRROR": private},
    )
    helper, vault = made.path / "tools/credentials", made.path / "tools/credentials.secret"
    helper.chmod(0o755)
    origin = "--repo_env=CGO_PREBUILT_ORIGIN=prebuilt"
    named = named_as_the_guide_says()

    without = made.bazel("build", "//:main_cc", origin)
    assert without.code != 0
    assert "a credential helper (CGO_PREBUILT_CREDENTIAL_HELPER)" in without.stderr

    vault.write_text('{"headers": {"Authorization": ["Bearer wrong"]}}')
    wrong = made.bazel("build", "//:main_cc", origin, named)
    assert wrong.code != 0
    assert f"renew the credentials that the credential helper {helper} has" in wrong.stderr, (
        wrong.stderr
    )

    vault.write_text(f'{{"headers": {{"Authorization": ["Bearer {SECRET}"]}}}}')
    built = made.bazel("run", "//:main_cc", origin, named)
    assert built.checked().stdout == "the answer is 42\n"

    option = ("--credential-helper", f"localhost={helper}")
    environment = {"CGO_PREBUILT_CACHE": str(tmp_path / "other"), "CGO_PREBUILT_MIRROR": private}
    fetch = ("fetch", "--lock", str(release.lock), "--output", "out", "--json")
    fetched = cgo_prebuilt(*fetch, *option, cwd=tmp_path, env=environment)
    assert '"status": "downloaded"' in fetched.checked().stdout

    assert (
        f"{private}/{release.archive('linux_amd64')}"
        in (made.path / "tools/credentials.asked").read_text()
    )
    for said in (without, wrong, built, fetched):
        assert SECRET not in said.stdout + said.stderr
    base = made.bazel("info", "output_base").checked().stdout.strip()
    vault.unlink()
    places = map(str, [made.path, store, tmp_path / "other", release.folder, base])
    found = subprocess.run(["grep", "-rlaF", SECRET, *places], capture_output=True, check=False)
    assert found.stdout == b""


def test_a_release_in_a_registry_is_locked_and_fetched(release: Release, tmp_path: Path) -> None:
    """Another client pushes it; tokens are valid for seconds, and each request needs one."""
    file = release.archive("linux_amd64")
    content = (release.server.folder / file).read_bytes()
    with oci_registry(tmp_path / "registry", "token") as registry:
        assert registry.tokens is not None
        registry.tokens.lifetime = 5
        layout = one_file_layout(tmp_path / "layout", file, content)
        registry.skopeo("copy", f"oci:{layout}", f"docker://{registry.address}/acme/answer:v1.0.0")
        manifest = next(release.folder.glob("*.yaml"))
        document = yaml.safe_load(manifest.read_text())
        document["urls"] = registry.place("acme/answer")
        manifest.write_text(yaml.safe_dump(document))
        login = base64.b64encode(f"{READER}:{PASSWORD}".encode()).decode()
        secrets = {registry.address: {"Authorization": f"Basic {login}"}}
        helper = write_helper(tmp_path / "helper", secrets, sys.executable)
        env = {"CGO_PREBUILT_CACHE": str(tmp_path / "store"), "DOCKER_CONFIG": str(tmp_path)}
        lock = ("lock", manifest, "--output", "private.lock.json")
        refused = cgo_prebuilt(*lock, cwd=tmp_path, env=env)
        assert refused.code == 3
        assert "`docker login` for a registry" in refused.stderr

        named = {**env, "CGO_PREBUILT_CREDENTIAL_HELPER": f"127.0.0.1={helper}"}
        locked = cgo_prebuilt(*lock, cwd=tmp_path, env=named).checked()
        blob = f"/v2/acme/answer/blobs/sha256:{hashlib.sha256(content).hexdigest()}"
        text = (tmp_path / "private.lock.json").read_text()
        assert f"http://{registry.address}{blob}" in text

        docker = {**env, "CGO_PREBUILT_CACHE": str(tmp_path / "other")}
        docker["DOCKER_CONFIG"] = str(registry.docker_config(tmp_path / "docker", READER))
        fetch = ("fetch", "--lock", "private.lock.json", "--output")
        fetched = [
            cgo_prebuilt(*fetch, "out", cwd=tmp_path, env=docker).checked(),
            cgo_prebuilt(*fetch, "same", cwd=tmp_path, env=env).checked(),
        ]
        assert [line for line in registry.tried() if "GET" in line and blob in line][-2:] == [
            f"401 GET {blob}",
            f"200 GET {blob}",
        ]
        scope = "repository:acme/answer:pull"
        assert {(READER, scope), ("", scope)} <= set(registry.tokens.asked)
        for said in (refused, locked, *fetched):
            assert PASSWORD not in said.stdout + said.stderr
            assert login not in said.stdout + said.stderr
        (registry.folder / "htpasswd").unlink()
    for folder in ("out", "same", "store", "other", "private.lock.json"):
        found = subprocess.run(["grep", "-rlaF", login, tmp_path / folder], check=False)
        assert found.returncode == 1


def one_file_layout(folder: Path, name: str, content: bytes) -> Path:
    """A folder (OCI image layout) with the artifact that `oras push` makes of one file."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def written(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    layer = written(content, "application/vnd.oci.image.layer.v1.tar+zstd")
    layer["annotations"] = {"org.opencontainers.image.title": name}
    config = written(b"{}", "application/vnd.oci.empty.v1+json")
    oci = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": oci, "config": config, "layers": [layer]}
    index = {"schemaVersion": 2, "manifests": [written(json.dumps(manifest).encode(), oci)]}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps(index))
    return folder
