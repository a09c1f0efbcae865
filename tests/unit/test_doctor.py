"""The doctor: each thing that can be wrong is said in one line, with what to do about it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from cgo_prebuilt.archives.system_zstd import system_library
from cgo_prebuilt.commands import doctor
from cgo_prebuilt.commands.doctor import UNFIT, Check, Status, exit_code, run_checks
from cgo_prebuilt.commands.doctor_probe import (
    DoctorFacts,
    StoreFacts,
    Tool,
    file_system_of,
    probe_machine,
    probe_store,
    probe_tool,
)
from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.host import Host
from cgo_prebuilt.locks.lock import LockedArchive
from cgo_prebuilt.network.reach import status_of
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.storage.link_mode import Method
from cgo_prebuilt.url import Url
from tests.unit.trees import needs_mounts, read_only, tmpfs

STORE = StoreFacts(
    Path("/home/u/.cache/cgo-prebuilt"),
    None,
    "ext4",
    50_000_000_000,
    (Method.HARDLINK, Method.COPY),
)
WELL = DoctorFacts(
    python=(3, 11, 7),
    executable="/usr/bin/python3",
    packages={"requests": "2.34.2", "isal": "1.8.0", "backports.zstd": "1.0.0"},
    has_libzstd=False,
    host=Host(parse_platform("linux_amd64"), "2.36", "/bin/sh is loaded by ld-linux"),
    environ={},
    missing_files=frozenset(),
    store=STORE,
    workspace=Path("/work space"),
    tools={
        "go": Tool("/usr/bin/go", "go version go1.26.8 linux/amd64"),
        "cargo": Tool("/usr/bin/cargo", "cargo 1.95.0"),
        "cc": Tool("/usr/bin/cc", "cc (Debian 12.2.0-14) 12.2.0"),
        "bazel": Tool("/usr/bin/bazel", "bazel 8.1.0"),
    },
)
URL = Url("https://example.com/lib.tar.zst")
SOURCE = LockedArchive("lib.tar.zst", (URL,), "0" * 64, 1, "tar.zst", "", ())


def answer(status: int) -> doctor.SendHead:
    return lambda _: status


def one(machine: DoctorFacts, name: str) -> Check:
    found = [check for check in run_checks(machine, [], answer(200)) if check.name == name]
    assert len(found) == 1
    return found[0]


def with_store(**changes: object) -> DoctorFacts:
    return replace(WELL, store=replace(STORE, **changes))  # type: ignore[arg-type]


def with_environ(**environ: str) -> DoctorFacts:
    return replace(WELL, environ=environ)


def test_a_machine_that_is_well_has_one_line_for_each_check_and_no_remedy() -> None:
    checks = run_checks(WELL, [SOURCE], answer(200))
    assert exit_code(checks) == 0
    assert [check.line().split(":")[0] for check in checks] == [
        "ok    python",
        "ok    platform",
        "ok    requests",
        "ok    gzip decoder",
        "ok    zstd decoder",
        "ok    proxy",
        "ok    certificates",
        "ok    settings",
        "ok    url lib.tar.zst",
        "ok    store",
        "ok    sharing",
        "ok    go",
        "ok    cargo",
        "ok    cc",
        "ok    bazel",
    ]
    assert not any("\n" in check.line() for check in checks)


def test_a_remedy_is_a_line_of_its_own() -> None:
    check = Check("store", Status.FAIL, "cannot be written", "set CGO_PREBUILT_CACHE")
    assert check.line() == ("fail  store: cannot be written\n      next: set CGO_PREBUILT_CACHE")


def test_warnings_do_not_fail() -> None:
    checks = [Check("a", Status.OK, ""), Check("b", Status.WARN, "", "do")]
    assert exit_code(checks) == 0
    assert exit_code([*checks, Check("c", Status.FAIL, "", "do")]) == UNFIT == 6


@pytest.mark.parametrize(
    ("machine", "name", "status", "finding", "remedy"),
    [
        (
            replace(WELL, python=(3, 9, 2)),
            "python",
            Status.FAIL,
            "3.9.2 (/usr/bin/python3)",
            "use Python 3.10 or newer",
        ),
        (
            replace(
                WELL, host=UsageError("this host is not supported", where="here", remedy="name one")
            ),
            "platform",
            Status.FAIL,
            "this host is not supported",
            "name one",
        ),
        (
            replace(WELL, packages={**WELL.packages, "requests": None}),
            "requests",
            Status.FAIL,
            "not installed",
            "pip install requests",
        ),
        (
            replace(WELL, packages={**WELL.packages, "requests": "2.28.1"}),
            "requests",
            Status.WARN,
            "2.28.1",
            "pip install --upgrade requests",
        ),
        (
            replace(WELL, packages={**WELL.packages, "isal": None}),
            "gzip decoder",
            Status.WARN,
            "the standard library's, about a third as fast as isal",
            "pip install 'cgo-prebuilt[fast]'",
        ),
        (
            replace(WELL, packages={**WELL.packages, "backports.zstd": None}),
            "zstd decoder",
            Status.WARN,
            "none, so .zst, .tar.zst, .conda and many .deb files cannot be read",
            "pip install 'cgo-prebuilt[fast]'",
        ),
        (
            with_environ(https_proxy="http://host:port"),
            "proxy",
            Status.FAIL,
            "HTTPS_PROXY is malformed: http://host:***",
            "set HTTPS_PROXY to http://HOST:PORT; percent-encode a password in it",
        ),
        (
            with_environ(HTTP_PROXY="http://"),
            "proxy",
            Status.FAIL,
            "HTTP_PROXY is malformed: http://",
            "set HTTP_PROXY to http://HOST:PORT; percent-encode a password in it",
        ),
        (
            replace(
                WELL, environ={"SSL_CERT_FILE": "/no.pem"}, missing_files=frozenset({"/no.pem"})
            ),
            "certificates",
            Status.FAIL,
            "SSL_CERT_FILE names /no.pem, which does not exist",
            "unset SSL_CERT_FILE, or let it name a file of PEM certificates",
        ),
        (
            with_store(refusal="Permission denied"),
            "store",
            Status.FAIL,
            "/home/u/.cache/cgo-prebuilt on ext4 cannot be written: Permission denied",
            "set CGO_PREBUILT_CACHE to a folder that you can write",
        ),
        (
            with_store(free=500_000_000),
            "store",
            Status.WARN,
            "/home/u/.cache/cgo-prebuilt on ext4, 0.5 GB free",
            "run `cgo-prebuilt cache prune --older-than 30d`,"
            " or set CGO_PREBUILT_CACHE to a folder on another disk",
        ),
        (
            with_store(file_system="nfs4", free=None),
            "store",
            Status.WARN,
            "/home/u/.cache/cgo-prebuilt on nfs4; file locks may not work on a network file"
            " system, so work may be done twice",
            "set CGO_PREBUILT_CACHE to a folder on a local disk",
        ),
        (
            with_store(methods=(Method.COPY,)),
            "sharing",
            Status.WARN,
            "only copies from the store to /work space",
            "set CGO_PREBUILT_CACHE to a folder on the file system of your workspaces",
        ),
        (
            with_store(methods=None),
            "sharing",
            Status.WARN,
            "cannot be tried from the store to /work space",
            "run `cgo-prebuilt doctor` in a folder that you can write to",
        ),
        (
            replace(WELL, tools={**WELL.tools, "cargo": None}),
            "cargo",
            Status.WARN,
            "not found",
            "install it to build Rust libraries from source, or do without",
        ),
        (
            replace(WELL, tools={**WELL.tools, "bazel": Tool("/b", "bazel 6.5.0")}),
            "bazel",
            Status.WARN,
            "bazel 6.5.0 (/b)",
            "use Bazel 7.4 or newer",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(
    machine: DoctorFacts, name: str, status: Status, finding: str, remedy: str
) -> None:
    assert one(machine, name) == Check(name, status, finding, remedy)


@pytest.mark.parametrize(
    ("machine", "name", "finding"),
    [
        (with_store(methods=tuple(Method)), "sharing", "reflinks from the store to /work space"),
        (
            with_store(file_system=None),
            "store",
            "/home/u/.cache/cgo-prebuilt, 50.0 GB free",
        ),
        (
            replace(WELL, python=(3, 14, 0), packages={**WELL.packages, "backports.zstd": None}),
            "zstd decoder",
            "the standard library's",
        ),
        (
            replace(WELL, packages={**WELL.packages, "backports.zstd": None}, has_libzstd=True),
            "zstd decoder",
            "the system's libzstd",
        ),
        (
            with_environ(https_proxy="http://user:secret@proxy:3128", NO_PROXY="localhost"),
            "proxy",
            "HTTPS_PROXY http://***@proxy:3128, not for localhost",
        ),
        (with_environ(HTTPS_PROXY="proxy:3128"), "proxy", "HTTPS_PROXY http://proxy:3128"),
        (
            with_environ(REQUESTS_CA_BUNDLE="/etc/ca.pem"),
            "certificates",
            "REQUESTS_CA_BUNDLE /etc/ca.pem",
        ),
        (
            replace(WELL, tools={**WELL.tools, "bazel": Tool("/b", "")}),
            "bazel",
            "it does not tell its version (/b)",
        ),
    ],
)
def test_what_is_well_is_said_in_full(machine: DoctorFacts, name: str, finding: str) -> None:
    assert one(machine, name) == Check(name, Status.OK, finding)


@pytest.mark.parametrize(
    ("format", "failed"),
    [
        ("tar.zst", ["zstd decoder"]),
        ("zst", ["zstd decoder"]),
        ("conda", ["zstd decoder"]),
        ("deb", []),
    ],
)
def test_a_lock_with_zstd_archives_needs_a_decoder(format: str, failed: list[str]) -> None:
    machine = replace(WELL, packages={**WELL.packages, "backports.zstd": None})
    checks = run_checks(machine, [replace(SOURCE, format=format)], answer(200))
    assert [check.name for check in checks if check.status is Status.FAIL] == failed


class TestUrls:
    @pytest.mark.parametrize(
        ("status", "remedy"),
        [
            (404, "check the version and the URL in the manifest"),
            (
                403,
                "set GITHUB_TOKEN, name a credential helper (CGO_PREBUILT_CREDENTIAL_HELPER), or add the"
                " host to the file that NETRC names",
            ),
            (500, "try again later, or add a mirror"),
        ],
    )
    def test_a_refusal_fails(self, status: int, remedy: str) -> None:
        check = doctor.check_url(SOURCE, URL, answer(status))
        assert check == Check("url lib.tar.zst", Status.FAIL, f"{URL}: HTTP {status}", remedy)

    def test_of_several_urls_each_is_only_a_warning(self) -> None:
        source = replace(SOURCE, urls=(URL, Url(f"{URL}2")))
        assert doctor.check_url(source, URL, answer(404)).status is Status.WARN

    def test_a_server_that_refuses_the_question_is_a_warning(self) -> None:
        assert doctor.check_url(SOURCE, URL, answer(405)).status is Status.WARN

    def test_no_answer_says_why(self) -> None:
        def head(_: Url) -> int:
            raise UnavailableError(
                "the connection was refused", where=URL, remedy="start the server"
            )

        assert doctor.check_url(SOURCE, URL, head) == Check(
            "url lib.tar.zst",
            Status.FAIL,
            f"{URL}: the connection was refused",
            "start the server",
        )

    def test_a_password_in_a_url_is_not_shown(self) -> None:
        url = Url("https://user:secret@example.com/lib")
        assert "secret" not in doctor.check_url(SOURCE, url, answer(200)).line()


class TestReach:
    """The real session against a real server."""

    def test_the_status_is_what_the_server_says(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/lib").respond_with_data(b"x" * 1_000_000)
        httpserver.expect_request("/private").respond_with_data(status=403)
        assert status_of(Url(httpserver.url_for("/lib")), {}) == 200
        assert status_of(Url(httpserver.url_for("/private")), {}) == 403

    def test_a_redirect_is_followed(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/old").respond_with_data(
            status=302, headers={"Location": httpserver.url_for("/new")}
        )
        httpserver.expect_request("/new").respond_with_data(status=404)
        assert status_of(Url(httpserver.url_for("/old")), {}) == 404

    def test_nobody_there_is_unavailable(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(UnavailableError, match="the connection was refused"):
                status_of(Url(f"http://127.0.0.1:{unused.getsockname()[1]}/"), {})

    def test_a_file_url_is_looked_for(self, tmp_path: Path) -> None:
        (tmp_path / "lib").write_text("")
        assert status_of(Url((tmp_path / "lib").as_uri()), {}) == 200
        assert status_of(Url((tmp_path / "no").as_uri()), {}) == 404


class TestProbes:
    def test_the_real_machine_is_probed_and_nothing_is_left(self, tmp_path: Path) -> None:
        machine = probe_machine(os.environ, tmp_path / "store", tmp_path)
        assert machine.python == sys.version_info[:3]
        assert machine.packages["requests"] is not None
        assert machine.has_libzstd == (system_library() is not None)
        assert machine.tools["go"] is not None
        assert machine.tools["go"].version.startswith("go version go")
        assert isinstance(machine.store, StoreFacts)
        assert machine.store.refusal is None
        assert machine.store.methods is not None
        assert Method.COPY in machine.store.methods
        assert list(tmp_path.iterdir()) == []
        assert not [c for c in run_checks(machine, [], answer(200)) if c.name == "unknown"]

    @needs_mounts
    def test_a_store_on_another_file_system_gives_copies_only(self, tmp_path: Path) -> None:
        with tmpfs(tmp_path / "ein Spëicher") as mounted:
            facts = probe_store(mounted / "v" / "w", tmp_path)
            assert (facts.file_system, facts.methods) == ("tmpfs", (Method.COPY,))
            assert list(mounted.iterdir()) == []
            with read_only(mounted):
                assert probe_store(mounted / "v", tmp_path).refusal == "Read-only file system"

    @pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
    def test_a_store_that_others_can_write_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        (tmp_path / "store").chmod(0o777)
        refusal = probe_store(tmp_path / "store", tmp_path).refusal
        assert refusal == "others can write a folder of the store, and could change what you link"

    def test_a_missing_certificate_is_noticed(self, tmp_path: Path) -> None:
        environ = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "no.pem")}
        machine = probe_machine(environ, tmp_path, tmp_path)
        assert machine.missing_files == {str(tmp_path / "no.pem")}

    @pytest.mark.skipif(sys.platform == "win32", reason="a script is the tool")
    @pytest.mark.parametrize(
        ("script", "version"), [("echo bazel 7.4.0; echo more", "bazel 7.4.0"), ("exit 1", "")]
    )
    def test_a_tool_is_asked_for_its_version(
        self, tmp_path: Path, script: str, version: str
    ) -> None:
        tool = tmp_path / "bazel"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        environ: Mapping[str, str] = {"PATH": str(tmp_path)}
        assert probe_tool("bazel", ("--version",), environ) == Tool(str(tool), version)
        assert probe_tool("go", ("version",), environ) is None
        environ = {"PATH": "", "BAZEL": str(tool)}
        assert probe_tool("bazel", ("--version",), environ) == Tool(str(tool), version)

    def test_the_deepest_and_latest_mount_is_the_file_system(self, tmp_path: Path) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(
            f"/dev/a / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\nhost:/x {tmp_path} nfs4 rw 0 0\n"
            f"none {tmp_path}/with\\040space xfs rw 0 0\n"
        )
        (tmp_path / "with space").mkdir()
        assert file_system_of(tmp_path, mounts) == "nfs4"
        assert file_system_of(tmp_path / "with space", mounts) == "xfs"
        assert file_system_of(Path("/"), mounts) == "ext4"
        assert file_system_of(Path("/"), tmp_path / "missing") is None
