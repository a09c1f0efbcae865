"""The `goproxy` verbs on made-up archives, without Go: what they publish, find and refuse."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.host import Host
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.vouching.signing import check_signature
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS, parse_sums, write_sums
from tests.ssh_key import make_key
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import FILES, archive_of, files_below, write_files, write_manifest

MODULE = "go.acme.test/Vec"
PLATFORMS: Mapping[str, Mapping[str, str]] = {"linux_amd64": {}, "darwin_arm64": {}}
SITE = "site/go.acme.test"
VERSION = f"{SITE}/!vec/@v/v1.2.3"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


class Release:
    """A maintainer's folder, in which the commands run."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self._run = run

    def manifest(self, **changes: Any) -> None:
        usual = {"platforms": PLATFORMS, "go": {"module": MODULE}}
        write_manifest(self.folder / "prebuilt.yaml", **{**usual, **changes})

    def pack(self, version: str = "v1.2.3", **files: Mapping[str, bytes]) -> None:
        """Packs the library; `files` has what another platform than usual gets."""
        sums = {}
        for platform in PLATFORMS:
            data = archive_of(files.get(platform, FILES))
            name = f"vec-{version}-{platform}.tar.gz"
            write_files(self.folder / "dist", {name: data})
            sums[name] = hashlib.sha256(data).hexdigest()
        write_sums(self.folder / "dist" / SUMS, sums)

    def build(self, *options: object) -> Answer:
        arguments = ("prebuilt.yaml", "--dist", "dist", "--output", "site")
        return self._run("goproxy", "build", *arguments, *options)

    def require(self, *options: object) -> Answer:
        return self._run("goproxy", "require", "site", *options)


@pytest.fixture
def release(tmp_path: Path, run: Run) -> Release:
    made = Release(tmp_path, run)
    made.manifest()
    made.pack()
    return made


@pytest.fixture
def built(release: Release) -> Release:
    assert release.build().code == 0
    return release


def test_a_release_becomes_a_module_for_each_platform_and_one_that_chooses(
    release: Release, tmp_path: Path
) -> None:
    answer = release.build("--url", "https://files.acme.test")
    assert answer.code == 0
    assert answer.err.count(": published") == 3
    assert answer.err.count("without a LICENSE") == 3
    for module in ("!vec", "!vec-linux-amd64", "!vec-darwin-arm64"):
        assert (tmp_path / SITE / module / "@v/v1.2.3.zip").is_file()
        assert (tmp_path / SITE / module / "@v/list").read_text() == "v1.2.3\n"
    assert f"{MODULE} mod https://files.acme.test" in (tmp_path / "site/404.html").read_text()
    assert not [path for path in files_below(tmp_path / "site") if "tmp" in path]
    assert "was there already" in release.build().err


def test_a_release_of_others_becomes_the_same_modules_by_its_lock(
    release: Release, run: Run, tmp_path: Path
) -> None:
    packed = release.build()
    # A third party's: nothing of its archives is in a SHA256SUMS, and only the lock knows them.
    (tmp_path / "dist" / SUMS).unlink()
    assert release.build().code == 4
    release.manifest(urls=[(tmp_path / "dist").as_uri() + "/{file}"])
    assert run("lock", "prebuilt.yaml").code == 0
    shutil.rmtree(tmp_path / "site")
    by_lock = ("goproxy", "build", "prebuilt.yaml", "--lock", "prebuilt.lock.json")
    locked = run(*by_lock, "--output", "site")
    assert (locked.code, locked.out) == (0, packed.out)
    assert run(*by_lock, "--output", "site", "--check").code == 0
    run(*by_lock, "--output", "site", "--zip-url", "https://dl.acme.test").refused(
        2, "a lock's release has none"
    )
    release.manifest(name="other")
    run(*by_lock, "--output", "site").refused(2, "the lock is for vec, the manifest for other")


def test_require_gives_the_lines_that_build_printed(built: Release) -> None:
    sums = built.build().out
    both = json.loads(built.require("--json").out)
    assert sorted(both["go.sum"].splitlines()) == sorted(sums.splitlines())
    assert f"\t{MODULE}-linux-amd64 v1.2.3 // indirect\n" in both["go.mod"]
    assert built.require("--only", "go.sum").out == both["go.sum"]
    assert built.require("--only", "go.mod").out == both["go.mod"]
    assert built.require().out == f"{both['go.mod']}\n{both['go.sum']}"


@pytest.mark.parametrize(
    ("host", "module"), [("linux_amd64", "linux-amd64"), ("linux_386", "darwin-arm64")]
)
def test_the_example_takes_this_hosts_platform(
    built: Release, monkeypatch: pytest.MonkeyPatch, host: str, module: str
) -> None:
    found = Host(parse_platform(host), None, "a test")
    monkeypatch.setattr("cgo_prebuilt.publisher_commands.goproxy_cli.this_host", lambda: found)
    assert f"RUN go mod download {MODULE} {MODULE}-{module}\n" in built.require().err


def test_zips_elsewhere_go_beside_the_archives(release: Release, tmp_path: Path) -> None:
    assert release.build("--zip-url", "https://dl.acme.test/{version}/{file}").code == 0
    assert not list((tmp_path / "site").rglob("*.zip"))
    assert (tmp_path / "dist/vec-v1.2.3-go.zip").is_file()
    assert "vec-v1.2.3-go-linux_amd64.zip" in (tmp_path / "dist" / SUMS).read_text()
    to = "https://dl.acme.test/v1.2.3/vec-v1.2.3-go.zip"
    assert to in (tmp_path / "site/_redirects").read_text()
    assert release.build("--check").code == 0


def test_sums_that_zips_are_added_to_are_signed_again_or_not_signed(
    release: Release, tmp_path: Path
) -> None:
    signature = tmp_path / "dist" / SIGNATURE
    signature.write_text("of the archives")
    zips = ("--zip-url", "https://dl.acme.test/{file}")
    assert "SHA256SUMS.sig was removed, because the sums changed" in release.build(*zips).err
    assert not signature.exists()

    public_key = make_key(tmp_path)
    release.manifest(version="v1.3.0")
    release.pack("v1.3.0")
    signed = release.build(*zips, "--sign", "key")
    assert (signed.code, "removed" in signed.err) == (0, False)
    sums = (tmp_path / "dist" / SUMS).read_text()
    assert "vec-v1.3.0-go.zip" in sums
    check_signature(Signature(public_key, sums, signature.read_text()), parse_sums(sums).items())


def test_a_key_for_sums_that_stay_as_they_are_is_refused(release: Release) -> None:
    release.build("--sign", "key").refused(2, "--sign is for what --zip-url adds")


def test_check_passes_what_build_wrote_and_tells_what_it_lacks(built: Release) -> None:
    assert "3 module versions are sound" in built.build("--check").err
    built.manifest(version="v1.3.0")
    built.pack("v1.3.0")
    stale = built.build("--check")
    assert stale.code == 1
    assert f"not published: {MODULE}-" in stale.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (f"{VERSION}.info", b"[", ".info has another version"),
        (f"{VERSION}.mod", b"module example.com/other\n", ".mod is another module's"),
        (f"{VERSION}.mod", b"module go.acme.test/Vec\n", "the go.mod in the zip is not the .mod"),
        (f"{VERSION}.mod", None, "a published file cannot be read: No such file"),
        (f"{VERSION}.ziphash", b"h1:A", "and was published with h1:A"),
        (f"{VERSION}.zip", b"PK", "the zip is malformed"),
        (f"{VERSION}.zip", None, "a zip is neither there nor redirected"),
        (f"{SITE}/!vec/@v/list", b"main\nv1.2.3\n", "'main' in a list is not a canonical version"),
        (f"{SITE}/!vec/@latest", b'{"Version": "v9.0.0"}', "@latest names 'v9.0.0'"),
        ("site/Vec/index.html", None, "there is no go-import page"),
        ("site/404.html", None, "there is no page"),
    ],
)
def test_check_finds_errors(
    built: Release, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    built.build("--check").refused(4, words)


def test_a_site_without_modules_is_told(release: Release, tmp_path: Path) -> None:
    checked = release.build("--check")
    assert (checked.code, "not published: " in checked.err) == (1, True)
    (tmp_path / "site").mkdir()
    release.require().refused(2, "there are no modules", "goproxy build")


def test_require_lists_the_available_modules(built: Release) -> None:
    built.require("--version", "v9").refused(2, f"there is no version v9 of {MODULE}", "v1.2.3")
    built.require("--module", "x.test/y").refused(2, "there is no forwarding module x.test/y")
    built.manifest(go={"module": "go.acme.test/other"})
    built.build()
    built.require().refused(2, "there are 2 modules: ", "choose one with --module")


def test_a_module_whose_platforms_went_away_is_told(built: Release, tmp_path: Path) -> None:
    (tmp_path / SITE / "!vec-linux-amd64/@v/list").write_text("")
    built.require().refused(2, f"requires {MODULE}-linux-amd64@v1.2.3, which is missing")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"go": None}, "the manifest names no Go module"),
        ({"go": {"module": MODULE, "license": "NONE"}}, "'go.license' is not a file"),
        ({"go": {"module": "x"}}, "'x' is not a module path: the host 'x' has no dot"),
        ({"go": {"module": f"{MODULE}/v2"}}, "version v1.2.3 does not fit the module path"),
        ({"version": "1"}, "'1' is not a valid version of a Go module"),
        ({"alwayslink": ["lib/libvec.a"]}, "to link an archive as a whole"),
        ({"linkopts": ["-Wl,-z,now;id"]}, "refuses '-Wl,-z,now;id' in the source files"),
        ({"go": {"module": "go.acme.test/go"}}, "would have the name 'go'"),
        ({"go": {"module": "go.acme.test/internal"}}, "is not a module path: no other module may"),
    ],
)
def test_what_no_go_module_can_be_is_refused(
    release: Release, tmp_path: Path, changes: Any, words: str
) -> None:
    release.manifest(**changes)
    if "version" in changes:
        release.pack(changes["version"])
    release.build().refused(2, words)
    assert not (tmp_path / SITE).exists()


def test_a_file_that_a_module_cannot_hold_is_refused(release: Release) -> None:
    release.manifest(headers=["include/**", "vendor/*"])
    files = {**FILES, "vendor/x.h": b""}
    release.pack(linux_amd64=files, darwin_arm64=files)
    release.build().refused(4, "'vendor/x.h' cannot be in a Go module: ", "a folder 'vendor'")


def test_a_file_with_a_generated_files_name_is_refused(release: Release) -> None:
    release.manifest(headers=["include/**", "go.mod"])
    files = {**FILES, "go.mod": b""}
    release.pack(linux_amd64=files, darwin_arm64=files)
    release.build().refused(2, "the library's 'go.mod' has the name of a file that is generated")


def test_bindings_take_one_set_of_headers(release: Release, tmp_path: Path) -> None:
    write_files(tmp_path, {"bindings/vec.go": b"package vec\n", "go.mod": b"module x\n\ngo 1.23\n"})
    release.manifest(go={"module": MODULE, "package": "bindings"})
    assert release.build().code == 0
    assert "go 1.23\n" in (tmp_path / f"{VERSION}.mod").read_text()

    release.pack(linux_amd64={**FILES, "include/vec.h": b"another"})
    release.build().refused(2, "the headers or defines of ", " differ from those of ")


def test_a_define_that_go_code_cannot_have_is_refused_with_bindings(
    release: Release, tmp_path: Path
) -> None:
    write_files(tmp_path, {"bindings/vec.go": b"package vec\n"})
    release.manifest(defines=["VEC_LEVEL=-1"], go={"module": MODULE, "package": "bindings"})
    release.build().refused(2, "refuses '-DVEC_LEVEL=-1' in the source", "#define it in a header")
    assert not (tmp_path / SITE).exists()


def test_bindings_that_need_more_than_their_folder_are_refused(
    release: Release, tmp_path: Path
) -> None:
    write_files(tmp_path, {"bindings/vec.go": b'package vec\nimport "example.com/x"\n'})
    release.manifest(go={"module": MODULE, "package": "bindings"})
    release.build().refused(2, "the bindings import 'example.com/x'", "bindings/vec.go")
    assert not (tmp_path / SITE).exists()


def test_bindings_without_a_package_are_refused(release: Release, tmp_path: Path) -> None:
    (tmp_path / "bindings").mkdir()
    release.manifest(go={"module": MODULE, "package": "bindings"})
    release.build().refused(2, "'go.package' has no Go package")


@pytest.mark.parametrize("option", ["--url", "--zip-url"])
def test_an_address_that_servers_do_not_take_is_refused(release: Release, option: str) -> None:
    release.build(option, "file:///x").refused(2, "not a URL that the go command", option)


def test_a_time_that_is_none_is_refused(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    release.build().refused(2, "SOURCE_DATE_EPOCH is 'noon'")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert release.build().code == 0


def test_archives_that_are_not_those_of_the_sums_are_refused(
    release: Release, tmp_path: Path
) -> None:
    archive = tmp_path / "dist/vec-v1.2.3-linux_amd64.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"more")
    release.build().refused(4, f"{archive.name} has the SHA-256 ", "pack it again")
    archive.unlink()
    release.build().refused(3, f"{archive.name} is not in the folder")


@pytest.mark.parametrize("module", ["!vec", "!vec-linux-amd64"])
def test_what_is_published_does_not_change(built: Release, tmp_path: Path, module: str) -> None:
    what = {"!vec": "go.mod", "!vec-linux-amd64": "zip"}[module]
    if what == "zip":
        built.pack(linux_amd64={**FILES, "lib/libvec.a": b"!<arch>\nanother"})
    else:
        (tmp_path / SITE / module / "@v/v1.2.3.mod").write_text("module go.acme.test/Vec\n")
    before = files_below(tmp_path / "site")
    built.build().refused(4, f"@v1.2.3 is published with another {what}: it has h1:")
    assert files_below(tmp_path / "site") == before


def test_a_site_that_cannot_be_written_is_named(release: Release, tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    release.build().refused(2, "site is not a folder", "  at: site\n")


def test_a_site_whose_name_is_too_long_is_named(release: Release) -> None:
    name = "x" * 300
    release.build("--output", name).refused(2, "the site cannot be written: ", name)


def test_a_tree_that_cannot_be_written_is_named(release: Release, tmp_path: Path) -> None:
    write_files(tmp_path, {f"{SITE}/!vec-linux-amd64": b"a file where a module's folder must be"})
    release.build().refused(2, "the tree cannot be written: ", "!vec-linux-amd64")


def test_serve_refuses_what_is_no_site(run: Run, tmp_path: Path) -> None:
    run("goproxy", "serve", tmp_path).refused(2, "this is not a module site")
