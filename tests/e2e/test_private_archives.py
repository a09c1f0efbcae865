"""Archives behind credentials that only a helper has: inside the real Bazel, and at a prompt."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MODULE, Release, cgo_prebuilt

SECRET = "cAnArY-of-the-helper"
# It looks at all processes itself, as anybody could while it runs.
HELPER = """\
#!/bin/sh
cat "$0.secret"
cat >> "$0.asked"
cat /proc/[0-9]*/cmdline >> "$0.processes" 2> /dev/null || true
"""


@pytest.fixture
def private(release: Release, httpserver: HTTPServer) -> str:
    """A place that has the release for whoever knows the secret."""

    def answer(request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {SECRET}":
            return Response(status=401)
        return Response((release.server.folder / Path(request.path).name).read_bytes())

    httpserver.expect_request(re.compile("/private/.*")).respond_with_handler(answer)
    return httpserver.url_for("/private")


def test_only_the_helper_knows_the_secret(
    workspace: MakeWorkspace, release: Release, private: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    made = workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "answer.lock.json": release.lock.read_bytes(),
            "tools/helper": HELPER,
        },
        module=MODULE,
        environment={"CGO_PREBUILT_CACHE": str(store), "CGO_PREBUILT_MIRROR": private},
    )
    helper, vault = made.path / "tools/helper", made.path / "tools/helper.secret"
    helper.chmod(0o755)
    origin = "--repo_env=CGO_PREBUILT_ORIGIN=prebuilt"
    named = "--repo_env=CGO_PREBUILT_CREDENTIAL_HELPER=localhost=%workspace%/tools/helper"

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
        in (made.path / "tools/helper.asked").read_text()
    )
    for said in (without, wrong, built, fetched):
        assert SECRET not in said.stdout + said.stderr
    base = made.bazel("info", "output_base").checked().stdout.strip()
    vault.unlink()
    places = map(str, [made.path, store, tmp_path / "other", release.folder, base])
    found = subprocess.run(["grep", "-rlaF", SECRET, *places], capture_output=True, check=False)
    assert found.stdout == b""
