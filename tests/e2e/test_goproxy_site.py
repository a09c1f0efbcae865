"""A site over time: versions are added, never changed, and everything in it is checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.bazel.debian_root import cache_folder
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.go_release import (
    HOST,
    LINKING_SECTION,
    GoRelease,
    make_program,
    make_release,
    needs_linux_amd64,
)
from tests.e2e.release import cgo_prebuilt

pytestmark = needs_linux_amd64()

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> GoRelease:
    """The library, packed."""
    return make_release(tmp_path_factory.mktemp("release") / "tiny")


@pytest.fixture
def release(packed: GoRelease, tmp_path: Path) -> GoRelease:
    """A packed library, nothing of it published yet."""
    shutil.copytree(packed.folder, tmp_path / "tiny", ignore=shutil.ignore_patterns("site"))
    return GoRelease(tmp_path / "tiny")


@pytest.fixture(scope="module")
def built(packed: GoRelease) -> GoRelease:
    """The packed library, published."""
    packed.build().checked()
    return packed


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_release_gives_the_same_bytes(release: GoRelease) -> None:
    release.build().checked()
    first = _tree(release.site)
    os.utime(release.folder / "NOTICE", (1, 1))
    release.site.rename(release.folder / "first")
    release.build().checked()
    assert _tree(release.site) == first


def test_publishing_again_changes_nothing(release: GoRelease) -> None:
    release.build().checked()
    files = [path for path in release.site.rglob("*") if path.is_file() and path.suffix != ".lock"]
    before = {path: path.stat().st_mtime_ns for path in files}
    again = release.build(env={"SOURCE_DATE_EPOCH": "1700000000"}).checked()
    assert "was there already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_new_version_is_added_and_the_old_one_stays(release: GoRelease, tmp_path: Path) -> None:
    release.build().checked()
    old = _tree(release.site / HOST)
    release.write_manifest(version="v0.10.0")
    release.pack(answer=100)
    release.build().checked()
    new = _tree(release.site / HOST)
    changed = {name for name in old if new[name] != old[name]}
    assert {name.rsplit("/", 1)[-1] for name in changed} == {"list", "@latest"}
    assert new["!tiny/@v/list"] == b"v0.3.0\nv0.10.0\n"
    assert json.loads(new["!tiny/@latest"])["Version"] == "v0.10.0"

    program = make_program(tmp_path / "program", release, release.site.as_uri())
    assert program.go("run", ".").checked().stdout == "the answer is 100\n"
    # The platforms' modules are downgraded with the forwarding module, which has the bindings.
    program.go("get", f"{HOST}/Tiny@v0.3.0").checked()
    assert "v0.10.0" not in (program.folder / "go.mod").read_text()
    assert program.go("run", ".").checked().stdout == "the answer is 42\n"


def test_changing_a_published_version_is_refused(release: GoRelease) -> None:
    release.build().checked()
    before = _tree(release.site)
    release.pack(answer=7)
    refused = release.build()
    assert refused.code == 4
    assert (
        f"{HOST}/Tiny-linux-amd64@v0.3.0 is published with another zip: it has h1:"
        in refused.stderr
    )
    assert "next: publish a new version" in refused.stderr
    assert _tree(release.site) == before


def test_the_time_of_a_version_is_that_of_the_source(release: GoRelease) -> None:
    release.build(env={"SOURCE_DATE_EPOCH": "1700000000"}).checked()
    info = json.loads(release.file(".info").read_bytes())
    assert info == {"Version": "v0.3.0", "Time": "2023-11-14T22:13:20Z"}


def test_an_archive_that_does_not_match_the_sums_is_refused(release: GoRelease) -> None:
    archive = release.dist / "tiny-v0.3.0-linux_arm64.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"more")
    refused = release.build()
    assert refused.code == 4
    assert "tiny-v0.3.0-linux_arm64.tar.gz has the SHA-256" in refused.stderr
    assert "pack it again" in refused.stderr


def test_a_platform_that_was_not_packed_is_refused(release: GoRelease) -> None:
    (release.dist / "tiny-v0.3.0-linux_arm64.tar.gz").unlink()
    refused = release.build()
    assert refused.code == 3
    assert "pack it, or take its platform out of the manifest" in refused.stderr
    assert not (release.site / HOST).exists()


def test_check_accepts_a_published_site(built: GoRelease) -> None:
    before = _tree(built.site)
    assert "3 module versions are sound" in built.build("--check").checked().stderr
    assert _tree(built.site) == before


def test_check_reports_unpublished_versions(release: GoRelease) -> None:
    release.build().checked()
    release.write_manifest(version="v0.4.0")
    release.pack()
    stale = release.build("--check")
    assert stale.code == 1
    assert f"not published: {HOST}/Tiny-linux-amd64@v0.4.0" in stale.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("!tiny/@v/v0.3.0.info", b'{"Version":"v0.3.1"}', ".info has another version"),
        ("!tiny/@v/v0.3.0.info", b"[", ".info has another version"),
        ("!tiny/@v/v0.3.0.mod", b"module example.com/other\n", ".mod is another module's"),
        ("!tiny/@v/v0.3.0.mod", b"module go.acme.test/Tiny\n", "is not the .mod beside it"),
        ("!tiny/@v/v0.3.0.ziphash", b"h1:AAAA", "was published with h1:AAAA"),
        ("!tiny/@v/v0.3.0.zip", b"PK", "the zip is malformed"),
        ("!tiny/@v/v0.3.0.zip", None, "a zip is neither there nor redirected"),
        ("!tiny/@v/v0.3.0.mod", None, "a published file cannot be read"),
        ("!tiny/@v/list", b"v0.3.0\nmain\n", "'main' in a list is not a canonical version"),
        ("!tiny/@latest", b'{"Version":"v9.0.0"}', "@latest names 'v9.0.0'"),
        ("../Tiny/index.html", None, "there is no go-import page"),
        ("../404.html", None, "there is no page"),
    ],
)
def test_check_finds_errors(
    built: GoRelease, name: str, content: bytes | None, message: str
) -> None:
    file = built.site / HOST / name
    right = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    try:
        wrong = built.build("--check")
    finally:
        file.write_bytes(right)
    assert wrong.code == 4
    assert message in wrong.stderr


def test_a_library_over_the_limit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    size = (500 << 20) + 1
    dist = tmp_path / "dist"
    dist.mkdir()
    with (dist / "libbig.a").open("wb") as file:
        file.truncate(size)
    digest = subprocess.run(
        ["sha256sum", "libbig.a"], cwd=dist, capture_output=True, text=True, check=True
    ).stdout
    (dist / "SHA256SUMS").write_text(digest)
    (tmp_path / "prebuilt.yaml").write_text(
        "name: big\nversion: v1.0.0\narchives: [{file: libbig.a, path: lib/libbig.a}]\n"
        "static_library: lib/libbig.a\nplatforms: {linux_amd64: {}}\n"
        f"go: {{module: {HOST}/big}}\n"
    )
    refused = GoRelease(tmp_path).build()
    assert refused.code == 2
    assert f"its files have {size} bytes, lib/libbig.a 500.0 MiB" in refused.stderr
    assert "at most 524288000 bytes (500 MiB)" in refused.stderr
    assert not (tmp_path / "site" / HOST).exists()


def test_duckdb_is_published_and_used_as_a_module(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    subprocess.run([EXAMPLES / "duckdb" / "stage.sh", stage], check=True, capture_output=True)
    manifest = yaml.safe_load((EXAMPLES / "duckdb" / "prebuilt.yaml").read_text())
    manifest["archives"] = [{"file": "duckdb-{version}-{platform}.zip"}]
    manifest["go"] = {"module": f"{HOST}/duckdb-prebuilt"}
    (tmp_path / "prebuilt.yaml").write_text(yaml.safe_dump(manifest))
    release = GoRelease(tmp_path)
    platform = ("--platform", "linux_amd64")
    release.run("pack", "prebuilt.yaml", *platform, "--from", stage, "--output", "dist")
    release.build().checked()

    source = (EXAMPLES / "duckdb" / "cmd" / "select" / "main.go").read_text()
    program = make_program(
        tmp_path / "program",
        release,
        release.site.as_uri(),
        source.replace('import "C"\n', f'import "C"\n\nimport _ "{HOST}/duckdb-prebuilt"\n', 1),
    )
    header = (stage / "include" / "duckdb.h").read_bytes()
    (program.folder / "duckdb.h").write_bytes(header)
    assert program.go("run", ".").checked().stdout == "v1.4.3 | 500000500000 | yes\n"
    assert len(program.zips()) == 2


def test_the_example_goes_from_a_crate_to_a_program(tmp_path: Path) -> None:
    target = cache_folder(os.environ) / "cargo-target"
    done = subprocess.run(
        [sys.executable, "-B", EXAMPLES / "gomodule" / "demo.py"],
        env={**os.environ, "TMPDIR": str(tmp_path), "CARGO_TARGET_DIR": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = "vecsearch 0.3.0\nvector 2 at distance 1\nvector 1 at distance 5\n"
    assert done.stdout.endswith(answer)
    zips = [line.split()[1] for line in done.stderr.splitlines() if ".zip HTTP" in line]
    assert zips == [
        "/go.acme.dev/vecsearch-prebuilt/@v/v0.3.0.zip",
        "/go.acme.dev/vecsearch-prebuilt-linux-amd64/@v/v0.3.0.zip",
    ]


def test_a_second_library_joins_the_site(release: GoRelease) -> None:
    release.build().checked()
    text = (release.folder / "prebuilt.yaml").read_text()
    (release.folder / "prebuilt.yaml").write_text(
        text.replace(f"module: {HOST}/Tiny", f"module: {HOST}/other")
    )
    release.build().checked()
    page = (release.site / "404.html").read_text()
    assert f"{HOST}/Tiny mod https://{HOST}" in page
    assert f"{HOST}/other mod https://{HOST}" in page

    ambiguous = cgo_prebuilt("goproxy", "require", release.site, cwd=release.folder)
    assert ambiguous.code == 2
    assert "choose one with --module" in ambiguous.stderr
    lines = release.run("goproxy", "require", release.site, "--module", f"{HOST}/other")
    assert f"\t{HOST}/other-linux-arm64 v0.3.0 // indirect\n" in lines


def test_major_version_two_has_its_own_modules(release: GoRelease, tmp_path: Path) -> None:
    release.write_manifest(LINKING_SECTION.replace("/Tiny", "/tiny/v2"), version="v2.1.0")
    release.pack()
    release.build().checked()
    source = f'package main\n\nimport _ "{HOST}/tiny/v2"\n\nfunc main() {{ println("linked") }}\n'
    program = make_program(tmp_path / "program", release, release.site.as_uri(), source)
    assert program.go("run", ".").checked().stderr.endswith("linked\n")
    assert program.zips() == ["tiny-linux-amd64/v2/@v/v2.1.0.zip", "tiny/v2/@v/v2.1.0.zip"]


def test_serving_a_folder_that_is_not_a_site_is_refused(tmp_path: Path) -> None:
    refused = cgo_prebuilt("goproxy", "serve", tmp_path, cwd=tmp_path)
    assert refused.code == 2
    assert "this is not a module site" in refused.stderr


def test_require_names_the_existing_versions(release: GoRelease) -> None:
    release.build().checked()
    refused = cgo_prebuilt(
        "goproxy", "require", release.site, "--version", "v9.0.0", cwd=release.folder
    )
    assert refused.code == 2
    assert "choose one of v0.3.0" in refused.stderr
    unknown = cgo_prebuilt(
        "goproxy", "require", release.site, "--module", "x.test/y", cwd=release.folder
    )
    assert "there is no forwarding module x.test/y" in unknown.stderr


def test_leftovers_of_a_killed_build_are_removed(release: GoRelease) -> None:
    release.site.mkdir()
    code = (
        "import os; from cgo_prebuilt.files.temporary_names import temporary_name;"
        "os.mkdir(temporary_name())"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tools")}
    subprocess.run([sys.executable, "-c", code], cwd=release.site, env=environment, check=True)
    assert len(list(release.site.iterdir())) == 1
    release.build().checked()
    assert not list(release.site.glob(".cgo-prebuilt-*"))


def test_loose_files_make_a_module_too(release: GoRelease, tmp_path: Path) -> None:
    manifest = yaml.safe_load((release.folder / "prebuilt.yaml").read_text())
    manifest["archives"] = [
        {"file": "libtiny-{platform}.a", "path": "lib/libtiny.a"},
        {"file": "libbase-{platform}.a", "path": "lib/libbase.a"},
        {"file": "tiny.h", "path": "include/tiny/tiny.h"},
    ]
    manifest["headers"] = ["include/tiny/tiny.h"]
    (release.folder / "prebuilt.yaml").write_text(yaml.safe_dump(manifest))
    for platform in ("linux_amd64", "linux_arm64"):
        stage = f"stage-{platform}"
        release.run(
            "pack", "prebuilt.yaml", "--platform", platform, "--from", stage, "--output", "dist"
        )
    release.build().checked()
    program = make_program(tmp_path / "program", release, release.site.as_uri())
    assert program.go("run", ".").checked().stdout == "the answer is 42\n"


def test_a_shared_library_is_found_when_the_program_runs(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    (stage / "lib").mkdir(parents=True)
    (stage / "x.c").write_text("int x(void) { return 7; }\n")
    library = stage / "lib" / "libx.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libx.so.1", stage / "x.c", "-o", library],
        check=True,
    )
    (tmp_path / "prebuilt.yaml").write_text(
        "name: x\nversion: v1.0.0\narchives: [{file: x.zip}]\nshared_library: lib/libx.so.1\n"
        f"platforms: {{linux_amd64: {{}}}}\ngo: {{module: {HOST}/x}}\n"
    )
    release = GoRelease(tmp_path)
    release.run(
        "pack", "prebuilt.yaml", "--platform", "linux_amd64", "--from", stage, "--output", "dist"
    )
    release.build().checked()
    source = (
        "package main\n\n// int x(void);\n"
        f'import "C"\n\nimport _ "{HOST}/x"\n\nfunc main() {{ print(C.x()) }}\n'
    )
    program = make_program(tmp_path / "program", release, release.site.as_uri(), source)
    assert program.go("run", ".").checked().stderr.endswith("7")
