"""Fetch through a company's squid, which requires a password, from a server with a private CA."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer

from cgo_prebuilt.locks.lock import Lock, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release, cgo_prebuilt
from tests.e2e.squid import USER, running_squid
from tests.unit.library_case import FILES, archive_of, locked_platform

FILE = "vec-v1.2.3-linux_amd64.tar.gz"


def no_proxy() -> dict[str, str]:
    """Return variables that disable the caller's proxies."""
    return {name: "" for name in os.environ if name.lower().endswith("_proxy")}


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[HTTPServer]:
    """An https server whose certificate authority is in ca.pem and nowhere else."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(host="localhost", port=0, ssl_context=context) as server:
        yield server


def test_a_mirror_is_filled_through_squid_with_a_password_and_a_private_authority(
    private_server: HTTPServer, tmp_path: Path
) -> None:
    data = archive_of(FILES)
    private_server.expect_request(f"/{FILE}").respond_with_data(data)
    locked = locked_platform(private_server.url_for(f"/{FILE}"), data=data)
    lock = tmp_path / "vec.lock.json"
    lock.write_text(
        format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {"linux_amd64": locked}})}))
    )
    fill = ("mirror", "--lock", lock, "--to", tmp_path / "mirror")
    with running_squid() as squid:
        env = {**no_proxy(), "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
        unknown = {**env, "HTTPS_PROXY": f"http://{squid.address}"}
        refused = cgo_prebuilt(*fill, cwd=tmp_path, env=unknown)
        assert refused.code == 3
        assert "HTTP 407 from the proxy" in refused.stderr
        assert "next: give the proxy's user and password in HTTPS_PROXY" in refused.stderr
        assert private_server.log == []

        known = {**env, "HTTPS_PROXY": squid.url()}
        cgo_prebuilt(*fill, cwd=tmp_path, env=known).checked()
        assert (tmp_path / "mirror" / FILE).read_bytes() == data
        target = f"localhost:{private_server.port}"
        assert any(line.split()[1:] == [USER, "CONNECT", target] for line in squid.tried())


def test_a_spoke_is_fetched_through_squid_with_a_password_and_a_private_authority(
    workspace: MakeWorkspace,
    archive_server: ArchiveServer,
    private_server: HTTPServer,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    release = Release(folder, archive_server)
    release.publish()
    file = release.archive("linux_amd64")
    private_server.expect_request(f"/{file}").respond_with_data(
        (archive_server.folder / file).read_bytes()
    )
    lock = release.lock.read_text().replace(
        archive_server.url, private_server.url_for("").rstrip("/")
    )
    made = workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": lock,
        },
        module=MODULE,
        environment={"CGO_PREBUILT_CACHE": str(tmp_path / "store")},
    )
    # This build fetches the fetcher's packages, too, in this machine's usual way.
    distrusting = made.bazel("build", "//:main_cc")
    assert distrusting.code != 0
    assert "next: for a private authority set REQUESTS_CA_BUNDLE" in distrusting.stderr

    with running_squid() as squid:
        env = {**no_proxy(), "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
        refused = made.bazel(
            "build", "//:main_cc", env={**env, "HTTPS_PROXY": f"http://{squid.address}"}
        )
        assert refused.code != 0
        assert "HTTP 407 from the proxy" in refused.stderr
        assert "next: give the proxy's user and password in HTTPS_PROXY" in refused.stderr
        assert private_server.log == []

        built = made.bazel("run", "//:main_cc", env={**env, "HTTPS_PROXY": squid.url()})
        assert built.checked().stdout == "the answer is 42\n"
        target = f"localhost:{private_server.port}"
        assert any(line.split()[1:] == [USER, "CONNECT", target] for line in squid.tried())
    assert "secret" not in refused.stderr + built.stderr
