"""A published library, used by the real go command from real servers."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.compilers import compiler
from tests.e2e.go_release import (
    HOST,
    LINKING_PROGRAM,
    LINKING_SECTION,
    MODULE,
    PLATFORMS,
    GoRelease,
    Program,
    compile_library,
    make_program,
    make_release,
    needs_linux_amd64,
)
from tests.e2e.servers import SERVERS, SiteServer, running

pytestmark = needs_linux_amd64()

BOTH = ["!tiny-linux-amd64/@v/v0.3.0.zip", "!tiny/@v/v0.3.0.zip"]
ALL = ["!tiny-linux-amd64/@v/v0.3.0.zip", "!tiny-linux-arm64/@v/v0.3.0.zip", "!tiny/@v/v0.3.0.zip"]
ELF_ARM64 = 183


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> GoRelease:
    """A library whose bindings are in the forwarding module, published."""
    release = make_release(tmp_path_factory.mktemp("release") / "tiny")
    release.build("--url", "http://nowhere.acme.test").checked()
    return release


@pytest.fixture
def server(release: GoRelease, tmp_path: Path) -> Iterator[SiteServer]:
    with running("serve", release.site, tmp_path / "server") as server:
        yield server


@pytest.fixture
def program(release: GoRelease, server: SiteServer, tmp_path: Path) -> Program:
    """A program with the lines of `require`, an empty module cache, and the server as its proxy."""
    return make_program(tmp_path / "program", release, server.url)


@pytest.fixture(scope="module")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go programs that use golang.org/x/mod itself."""
    folder = tmp_path_factory.mktemp("checkers")
    source = REPOSITORY / "tests" / "e2e" / "go"
    subprocess.run(["go", "build", "-o", folder, "./..."], cwd=source, check=True)
    return folder


def _answer(program: Program, *build: str) -> str:
    program.go("build", "-o", "answer", *build, ".").checked()
    done = subprocess.run([program.folder / "answer"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("kind", SERVERS)
def test_a_build_fetches_the_zips_of_the_forwarding_module_and_of_this_platform(
    release: GoRelease, kind: str, tmp_path: Path
) -> None:
    with running(kind, release.site, tmp_path / kind) as server:
        program = make_program(tmp_path / "program", release, server.url)
        assert _answer(program) == "the answer is 42\n"
        assert server.zips() == BOTH
    assert program.zips() == BOTH


def test_a_build_from_a_file_url_fetches_the_same(release: GoRelease, tmp_path: Path) -> None:
    program = make_program(tmp_path / "program", release, release.site.as_uri())
    assert _answer(program) == "the answer is 42\n"
    assert program.zips() == BOTH


def test_a_cross_build_with_zig_fetches_the_zip_of_the_other_platform(
    program: Program, server: SiteServer
) -> None:
    cross = {
        "GOOS": "linux",
        "GOARCH": "arm64",
        "CGO_ENABLED": "1",
        "CC": " ".join(compiler("linux_arm64")),
    }
    program.go("build", "-o", "answer", ".", env=cross).checked()
    header = (program.folder / "answer").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == ELF_ARM64
    assert server.zips() == [ALL[1], ALL[2]]


def test_the_library_for_musl_is_chosen_by_its_tag(tmp_path: Path) -> None:
    own = GoRelease(tmp_path)
    own.write_manifest(LINKING_SECTION)
    manifest = tmp_path / "prebuilt.yaml"
    manifest.write_text(manifest.read_text().replace("linux_arm64", "linux_amd64_musl"))
    # gcc replaces a compiler for musl, which would take minutes at its first run.
    for platform, answer in ("linux_amd64", 42), ("linux_amd64_musl", 9):
        compile_library(tmp_path / platform, "linux_amd64", answer)
        stage = ("--platform", platform, "--from", platform)
        own.run("pack", manifest, *stage, "--output", "dist")
    own.build().checked()
    program = make_program(tmp_path / "program", own, own.site.as_uri(), LINKING_PROGRAM)
    (program.folder / "tiny.h").write_text("int tiny_answer(void);\n")
    assert _answer(program, "-tags", "musl") == "the answer is 9\n"
    assert program.zips() == ["!tiny-linux-amd64-musl/@v/v0.3.0.zip", BOTH[1]]
    assert _answer(program) == "the answer is 42\n"


def test_with_the_source_tag_no_platforms_zip_is_fetched(
    release: GoRelease, program: Program, server: SiteServer
) -> None:
    own = release.folder / "stage-linux_amd64" / "lib"
    flags = {"CGO_LDFLAGS": f"{own}/libtiny.a {own}/libbase.a -lm"}
    program.go("build", "-tags", "tiny_source", "-o", "answer", ".", env=flags).checked()
    assert server.zips() == [BOTH[1]]


def test_it_builds_from_a_vendor_folder_without_a_proxy(program: Program) -> None:
    program.go("mod", "vendor").checked()
    offline = Program(program.folder.rename(program.folder.with_name("moved")), "off")
    offline.go("build", "-o", "answer", ".", env={"GOFLAGS": "-mod=vendor"}).checked()
    assert offline.zips() == []
    run = subprocess.run([offline.folder / "answer"], capture_output=True, text=True, check=True)
    assert run.stdout == "the answer is 42\n"


def test_vet_and_verify_pass(program: Program) -> None:
    program.go("vet", "./...").checked()
    program.go("vet", MODULE, f"{MODULE}-linux-amd64").checked()
    program.go("mod", "download").checked()
    assert program.go("mod", "verify").checked().stdout == "all modules verified\n"


def test_the_lines_of_require_are_those_that_tidy_writes(
    program: Program, server: SiteServer
) -> None:
    required = (program.folder / "go.sum").read_text()
    (program.folder / "go.sum").unlink()
    (program.folder / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    program.go("get", f"{MODULE}@latest").checked()
    program.go("mod", "tidy").checked()
    assert (program.folder / "go.sum").read_text() == required
    assert "v0.3.0 // indirect" in (program.folder / "go.mod").read_text()
    assert server.zips() == ALL  # get and tidy load every platform


def test_downloading_one_platform_for_a_container_fetches_two_zips(
    program: Program, server: SiteServer
) -> None:
    program.go("mod", "download", MODULE, f"{MODULE}-linux-amd64").checked()
    assert server.zips() == BOTH
    assert _answer(Program(program.folder, "off")) == "the answer is 42\n"


def test_gos_own_library_accepts_every_zip_with_our_hashes(
    release: GoRelease, checkers: Path
) -> None:
    names = {
        MODULE: "!tiny",
        **{f"{MODULE}-linux-{a}": f"!tiny-linux-{a}" for a in ("amd64", "arm64")},
    }
    arguments: list[str] = []
    for path, escaped in names.items():
        arguments += [path, "v0.3.0", str(release.file(".zip", escaped))]
    done = subprocess.run(
        [checkers / "checkzip", *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split() == [
        release.file(".ziphash", escaped).read_text() for escaped in names.values()
    ]


def test_a_checksum_database_that_knows_the_lines_is_satisfied(
    release: GoRelease, program: Program, checkers: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.sum"
    known.write_text(release.run("goproxy", "require", release.site, "--only", "go.sum"))
    (program.folder / "go.sum").unlink()
    with subprocess.Popen(
        [checkers / "sumdb", known], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as database:
        assert database.stdout is not None
        sumdb = {"GOSUMDB": database.stdout.readline().strip()}
        program.go("mod", "tidy", env=sumdb).checked()
        database.communicate()
    assert (program.folder / "go.sum").read_text() == known.read_text()


def test_a_checksum_database_with_another_hash_stops_the_build(
    release: GoRelease, program: Program, checkers: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.sum"
    lines = release.run("goproxy", "require", release.site, "--only", "go.sum")
    wrong = release.file(".ziphash", "!tiny-linux-arm64").read_text()
    known.write_text(lines.replace(release.file(".ziphash").read_text(), wrong))
    (program.folder / "go.sum").unlink()
    with subprocess.Popen(
        [checkers / "sumdb", known], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as database:
        assert database.stdout is not None
        sumdb = {"GOSUMDB": database.stdout.readline().strip()}
        refused = program.go("mod", "tidy", env=sumdb)
        database.communicate()
    assert "SECURITY ERROR" in refused.stderr


@pytest.mark.parametrize("kind", SERVERS)
def test_direct_mode_finds_the_modules_through_the_pages(
    release: GoRelease, kind: str, tmp_path: Path
) -> None:
    with running(kind, release.site, tmp_path / kind) as server:
        release.build("--url", server.url).checked()
        program = make_program(tmp_path / "program", release, "direct")
        # The server acts as an HTTP proxy for the host; GOPRIVATE disables the checksum database.
        direct = {
            "HTTP_PROXY": server.url,
            "NO_PROXY": "127.0.0.1",
            "GOINSECURE": HOST,
            "GOPRIVATE": HOST,
            "GOSUMDB": "",  # the default one
            "GOVCS": "*:off",
        }
        program.go("build", "-o", "answer", ".", env=direct).checked()
        requests = server.requests()
    paths = [path.removeprefix(f"http://{HOST}") for _, path in requests]
    assert "/Tiny?go-get=1" in paths
    assert "/Tiny-linux-amd64?go-get=1" in paths
    assert program.zips() == BOTH


@pytest.mark.parametrize("kind", SERVERS)
def test_the_page_of_an_unknown_path_names_the_modules(
    release: GoRelease, kind: str, tmp_path: Path
) -> None:
    with running(kind, release.site, tmp_path / kind) as server:
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"{server.url}/Tiny/elsewhere?go-get=1")
        page = missing.value.read().decode()
    assert missing.value.code == 404
    assert f'<meta name="go-import" content="{MODULE} mod ' in page


@pytest.mark.parametrize("kind", SERVERS)
def test_zips_may_be_on_another_server(kind: str, release: GoRelease, tmp_path: Path) -> None:
    assets = GoRelease(tmp_path / "elsewhere")
    assets.folder.mkdir()
    for name in ("dist", "bindings"):
        subprocess.run(["cp", "-R", release.folder / name, assets.folder], check=True)
    (assets.folder / "NOTICE").write_text("Do what you like.\n")
    assets.write_manifest()
    (assets.dist / "404.html").touch()  # so that `serve` takes it for a site
    with running("serve", assets.dist, tmp_path / "assets") as releases:
        assets.build("--zip-url", f"{releases.url}/{{file}}?{{version}}").checked()
        assert not list(assets.site.rglob("*.zip"))
        assert "tiny-v0.3.0-go-linux_amd64.zip" in (assets.dist / "SHA256SUMS").read_text()
        assets.build("--check").checked()
        with running(kind, assets.site, tmp_path / kind) as server:
            program = make_program(tmp_path / "program", assets, server.url)
            assert _answer(program) == "the answer is 42\n"
            assert server.zips() == []
        sent = [path for status, path in releases.requests() if ".zip" in path]
    assert sorted(sent) == [
        "/tiny-v0.3.0-go-linux_amd64.zip?v0.3.0",
        "/tiny-v0.3.0-go.zip?v0.3.0",
    ]


def test_a_package_in_another_module_links_by_a_blank_import(
    release: GoRelease, tmp_path: Path
) -> None:
    own = GoRelease(tmp_path / "linking")
    own.folder.mkdir()
    subprocess.run(["cp", "-R", release.dist, own.dist], check=True)
    own.write_manifest(LINKING_SECTION)
    own.build().checked()
    program = make_program(tmp_path / "program", own, own.site.as_uri(), LINKING_PROGRAM)
    (program.folder / "tiny.h").write_text("int tiny_answer(void);\n")
    assert _answer(program) == "the answer is 42\n"
    assert program.zips() == BOTH


def test_a_platform_without_a_prebuilt_is_a_readable_compile_error(program: Program) -> None:
    failed = program.go("build", "-tags", "musl", ".")
    name = "tiny_has_no_prebuilt_for_this_platform__build_it_with_tags_tiny_source"
    assert f"undefined: {name}" in failed.stderr


def test_without_cgo_the_compile_error_says_so(program: Program, server: SiteServer) -> None:
    failed = program.go("build", ".", env={"CGO_ENABLED": "0"})
    assert "undefined: tiny_needs_cgo__set_CGO_ENABLED_to_1" in failed.stderr
    assert "-linux-arm64" not in str(server.zips())


def test_the_modules_have_the_license_and_no_tests(release: GoRelease) -> None:
    for module in ("!tiny", *(f"!tiny-{name.replace('_', '-')}" for name in PLATFORMS)):
        with zipfile.ZipFile(release.file(".zip", module)) as archive:
            names = {name.partition("@v0.3.0/")[2] for name in archive.namelist()}
        assert {"go.mod", "LICENSE"} <= names
        assert not {name for name in names if name.endswith("_test.go")}
