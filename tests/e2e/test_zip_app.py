"""`cgo-prebuilt.pyz`: one file, run by a Python without other packages."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer

from cgo_prebuilt import __version__
from release.commit import Commit
from release.zip_app import zip_app
from tests.e2e.bazel_workspace import REPOSITORY, Result

LIBRARY = b"!<arch>\n"
MANIFEST = """\
name: answer
version: v1.0.0
urls: ["{url}/{{file}}"]
archives: [{{file: libanswer.a}}]
static_library: libanswer.a
platforms: {{linux_amd64: {{}}}}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "cgo-prebuilt.pyz"
    path.write_bytes(zip_app(Commit(REPOSITORY, "HEAD")))
    return path


def run(program: Path, *arguments: str, **variables: str) -> Result:
    """Run it without access to installed packages."""
    none = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    cache = {"CGO_PREBUILT_CACHE": str(program.parent / "store")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), *arguments],
        env={**os.environ, **none, **cache, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_it_prints_its_version(program: Path) -> None:
    assert run(program, "--version").checked().stdout == f"cgo-prebuilt {__version__}\n"


def test_it_locks_and_fetches_over_https_and_trusts_no_unknown_authority(
    program: Path, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    manifest, lock = tmp_path / "prebuilt.yaml", tmp_path / "prebuilt.lock.json"
    trusting = {"REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    with HTTPServer(host="localhost", port=0, ssl_context=context) as server:
        server.expect_request("/libanswer.a").respond_with_data(LIBRARY)
        manifest.write_text(MANIFEST.format(url=server.url_for("").rstrip("/")))
        locking = ("lock", str(manifest), "--output", str(lock))
        # Its default certificate authorities are inside the file, and are found there.
        own = dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), "")
        refused = run(program, *locking, **own)
        assert refused.code == 3
        assert "TLS: unable to get local issuer certificate" in refused.stderr
        run(program, *locking, **trusting).checked()
        fetch = ("fetch", "--lock", str(lock), "--platform", "linux_amd64")
        elsewhere = {"CGO_PREBUILT_CACHE": str(tmp_path / "store"), **trusting}
        run(program, *fetch, "--output", str(tmp_path / "got"), **elsewhere).checked()
    assert (tmp_path / "got" / "libanswer.a").read_bytes() == LIBRARY


def test_it_builds_from_source(program: Path, tmp_path: Path) -> None:
    (tmp_path / "native").mkdir()
    source = {
        "path": "native",
        "build": {"tool": "command", "args": ["sh", "-c", "touch libanswer.a"]},
        "static_library": ["libanswer.a"],
        "installed": ["lib/libanswer.a"],
    }
    versions = {"v1": {"platforms": {}, "source": source}}
    document = {"schema": 1, "name": "answer", "default_version": "v1", "versions": versions}
    lock = tmp_path / "answer.lock.json"
    lock.write_text(json.dumps(document))
    fetch = ("fetch", "--lock", str(lock), "--output", str(tmp_path / "got"))
    run(program, *fetch).checked()
    assert (tmp_path / "got/lib/libanswer.a").is_file()


def test_it_holds_no_compiled_code_and_the_license_of_every_package(program: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert names == sorted(names)
    assert [name for name in names if name.endswith((".so", ".pyd", ".dll", ".pyc"))] == []
    packages = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {package.split("-")[0] for package in packages} == {
        "certifi",
        "charset_normalizer",
        "idna",
        "pyyaml",
        "requests",
        "urllib3",
    }
    for package in packages:
        assert [name for name in names if name.startswith(f"{package}/licenses/")], package


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not read the #! line")
def test_it_is_an_executable(program: Path) -> None:
    program.chmod(0o755)
    assert subprocess.run([program, "--version"], check=False).returncode == 0
