"""The verb `publish`, and what `pack` leaves for it: what must not be published is refused in time."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS
from tests.e2e.credential_helper import write_helper
from tests.github_server import GitHubServer
from tests.ssh_key import make_key
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import LIBRARY, files_below, write_files, write_manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest and what was built."""
    write_manifest(tmp_path / "prebuilt.yaml")
    write_files(tmp_path / "out")
    return runner(tmp_path, monkeypatch, capsys)


def pack(run: Run, *options: str) -> Answer:
    packed = run("pack", "prebuilt.yaml", "--from", "out", "--output", "dist", *options)
    assert packed.code == 0, packed.err
    return packed


def publish(run: Run, *options: str) -> Answer:
    where = options or ("--to", "published")
    return run("publish", "prebuilt.yaml", "--dist", "dist", *where)


@pytest.mark.parametrize("inspecting", [True, False])
def test_an_archive_that_holds_only_the_paths_of_its_objects_is_not_packed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inspecting: bool
) -> None:
    if not inspecting:
        monkeypatch.setattr("cgo_prebuilt.publishing.packaging.can_inspect", lambda: False)
    (tmp_path / "out/lib/libvec.a").write_bytes(b"!<thin>\n//" + b" " * 60)
    packing = ("--platform", "linux_amd64", "--from", "out", "--output", "dist")
    answer = run("pack", "prebuilt.yaml", *packing)
    words = "lib/libvec.a is a thin archive: it has the paths of its objects, and not the objects"
    answer.refused(2, words, "at: out/lib/libvec.a", "run `ar` without T")
    assert "no library" not in answer.err
    assert not (tmp_path / "dist").exists()


def test_one_archive_for_all_names_the_platform_whose_library_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgo_prebuilt.publishing.packaging.can_inspect", lambda: False)
    write_manifest(
        tmp_path / "prebuilt.yaml",
        archives=[{"file": "vec-{version}.tar.gz"}],
        static_library="lib/{platform}/libvec.a",
        platforms={"linux_amd64": {}, "linux_arm64": {}, "windows_amd64": {}},
    )
    for platform in ("linux_amd64", "linux_arm64"):
        write_files(tmp_path / "out", {f"lib/{platform}/libvec.a": LIBRARY, "include/.vec.h": b""})
    packing = ("pack", "prebuilt.yaml", "--all-in-one", "--from", "out", "--output", "dist")
    missing = "the folder lacks 'lib/windows_amd64/libvec.a', which the manifest promises for windows_amd64"
    run(*packing).refused(2, missing)
    assert not (tmp_path / "dist").exists()
    write_files(tmp_path / "out", {"lib/windows_amd64/libvec.a": LIBRARY})
    answer = run(*packing)
    assert answer.code == 0
    assert answer.err.count("the libraries were not inspected") == 1
    assert answer.err.count("include/.vec.h: left out") == 1


def test_the_version_before_in_the_same_folder_is_refused_and_more_is_published_by_name(
    run: Run, tmp_path: Path
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", version="v1.2.2")
    pack(run, "--platform", "linux_amd64", "--sbom")
    write_manifest(tmp_path / "prebuilt.yaml")
    pack(run, "--platform", "linux_amd64", "--sbom")
    publish(run).refused(2, "SHA256SUMS lists files that are not part of vec v1.2.3: vec-v1.2.2-")
    assert not (tmp_path / "published").exists()
    assert publish(run, "--to", "published", "--also", "vec-v1.2.2-*").code == 0
    assert len(files_below(tmp_path / "published")) == 5


def test_the_go_modules_of_the_release_are_published_with_it(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", go={"module": "go.acme.test/vec"})
    pack(run, "--platform", "linux_amd64", "--sbom")
    zips = ("--output", "site", "--zip-url", "https://dl.acme.test/{file}")
    assert run("goproxy", "build", "prebuilt.yaml", "--dist", "dist", *zips).code == 0
    assert publish(run).code == 0
    published = files_below(tmp_path / "published")
    assert [name for name in published if name.endswith(".zip")] == [
        "vec-v1.2.3-go-linux_amd64.zip",
        "vec-v1.2.3-go.zip",
    ]


@pytest.mark.parametrize(
    ("verb", "step"),
    [
        ("pack", "run it again\n"),
        ("publish", "run it again: files that are already published are not sent again"),
    ],
)
def test_an_interrupt_promises_no_more_than_is_true(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: str, step: str
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    pack(run, "--platform", "linux_amd64")
    monkeypatch.setattr("cgo_prebuilt.manifests.manifest.read_manifest", interrupt)
    options = {
        "pack": ("--platform", "linux_amd64", "--from", "out", "--output", "dist"),
        "publish": ("--dist", "dist", "--to", "published"),
    }
    done = run(verb, "prebuilt.yaml", *options[verb])
    assert done.code == 130
    assert f"error: interrupted\n  at: cgo-prebuilt\n  next: {step}" in done.err


# Signatures.


def test_a_release_without_the_signature_that_its_lock_takes_is_refused(
    run: Run, tmp_path: Path
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", public_key=make_key(tmp_path))
    pack(run, "--platform", "linux_amd64")
    words = "the manifest has a public key, and SHA256SUMS is not signed"
    publish(run).refused(2, words, "--sign KEY")
    assert not (tmp_path / "published").exists()
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    assert publish(run).code == 0
    assert files_below(tmp_path / "published") == [SUMS, SIGNATURE, ARCHIVE]


@pytest.mark.parametrize("key", ["key.pub", "empty"])
def test_a_key_that_cannot_sign_leaves_no_unsigned_sums(
    run: Run, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    make_key(tmp_path)
    (tmp_path / "key").unlink()
    (tmp_path / "empty").touch()
    packing = ("--platform", "linux_amd64", "--from", "out", "--output", "dist", "--sbom")
    answer = run("pack", "prebuilt.yaml", *packing, "--sign", key)
    if key == "empty":
        answer.refused(2, "the key file is empty", "at: empty")
        assert not (tmp_path / "dist").exists()
    else:
        answer.refused(2, "ssh-keygen cannot sign: it ended with status 255", "at: key.pub")
        assert not (tmp_path / "dist" / SUMS).exists()


def test_a_signature_that_its_lock_would_refuse_is_not_published(run: Run, tmp_path: Path) -> None:
    make_key(tmp_path)
    write_manifest(tmp_path / "prebuilt.yaml", public_key=make_key(tmp_path, "other"))
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    words = "the signature of SHA256SUMS is not that of the public key"
    publish(run).refused(4, words, "by the key of the manifest", f"dist/{SIGNATURE}")
    assert not (tmp_path / "published").exists()


@pytest.mark.parametrize("content", [None, b"\xff"], ids=["a folder", "not UTF-8"])
def test_a_signature_that_cannot_be_read_is_named(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", public_key=make_key(tmp_path))
    pack(run, "--platform", "linux_amd64")
    if content is None:
        (tmp_path / "dist" / SIGNATURE).mkdir()
    else:
        (tmp_path / "dist" / SIGNATURE).write_bytes(content)
    publish(run).refused(2, "the signature cannot be read: ", f"dist/{SIGNATURE}")


def test_an_unverified_signature_is_reported(run: Run, tmp_path: Path) -> None:
    make_key(tmp_path)
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    answer = publish(run)
    assert answer.code == 0
    assert "the manifest has no 'public_key', so no `lock` verifies" in answer.err


def test_a_pack_that_takes_the_signature_away_says_so(run: Run, tmp_path: Path) -> None:
    make_key(tmp_path)
    write_manifest(tmp_path / "prebuilt.yaml", platforms={"linux_amd64": None, "linux_arm64": None})
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    assert "was removed" not in pack(run, "--platform", "linux_amd64").err  # the same sums
    assert (tmp_path / "dist" / SIGNATURE).exists()
    answer = pack(run, "--platform", "linux_arm64")
    assert (
        "SHA256SUMS.sig was removed, because the sums changed: pack the last platform" in answer.err
    )
    assert not (tmp_path / "dist" / SIGNATURE).exists()
    assert "was removed" not in pack(run, "--platform", "linux_amd64", "--sign", "key").err


# Tags.


@pytest.fixture
def github(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> GitHubServer:
    server = GitHubServer(httpserver)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.mark.parametrize(
    ("version", "folder", "tag"),
    [
        ("0.3.0", "v{version}", "v0.3.0"),
        ("0.3.0", "native/v{version}", "native/v0.3.0"),
        ("v0.3.0+cuda12", "{version}", "v0.3.0+cuda12"),
    ],
)
def test_a_tag_need_not_be_the_version(
    run: Run, tmp_path: Path, github: GitHubServer, version: str, folder: str, tag: str
) -> None:
    url = f"{github.url}/Acme/vec/releases/download/{folder}/{{file}}"
    write_manifest(tmp_path / "prebuilt.yaml", version=version, urls=[url])
    pack(run, "--platform", "linux_amd64")
    answer = publish(run, "--repo", "acme/vec", "--tag", tag)
    assert answer.code == 0, answer.err
    assert "do not lead to" not in answer.err
    assert sorted(github.contents(tag)) == [SUMS, f"vec-{version}-linux_amd64.tar.gz"]


@pytest.mark.parametrize("options", [("--tag", "v1.2.4"), ()])
def test_a_tag_that_the_manifest_contradicts_is_refused_before_anything_is_asked(
    run: Run, tmp_path: Path, github: GitHubServer, options: tuple[str, ...]
) -> None:
    tag = "{version}" if options else "native/{version}"
    url = f"{github.url}/acme/vec/releases/download/{tag}/{{file}}"
    write_manifest(tmp_path / "prebuilt.yaml", urls=["https://mirror.test/{file}", url])
    pack(run, "--platform", "linux_amd64")
    answer = publish(run, "--repo", "acme/vec", *options)
    led, given = ("v1.2.3", "v1.2.4") if options else ("native/v1.2.3", "v1.2.3")
    answer.refused(
        2,
        f"'urls' lead to the release {led} of acme/vec, this is to be {given}\n",
        "  at: prebuilt.yaml: version v1.2.3, vec-v1.2.3-linux_amd64.tar.gz\n",
        "correct 'version' or 'urls' and pack again, or correct --tag",
    )
    assert github.requests == []


def test_a_platform_is_added_to_a_release_on_github(
    run: Run, tmp_path: Path, github: GitHubServer
) -> None:
    key = make_key(tmp_path)
    url = f"{github.url}/acme/vec/releases/download/{{version}}/{{file}}"
    write_manifest(tmp_path / "prebuilt.yaml", urls=[url], public_key=key)
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    assert publish(run, "--repo", "acme/vec").code == 0
    before = github.contents("v1.2.3")
    shutil.rmtree(tmp_path / "dist")
    both = {"linux_amd64": None, "linux_arm64": None}
    write_manifest(tmp_path / "prebuilt.yaml", urls=[url], public_key=key, platforms=both)
    pack(run, "--platform", "linux_arm64")
    growing = ("--repo", "acme/vec", "--add", "--sign", "key")
    github.requests.clear()
    told = publish(run, *growing, "--dry-run")
    assert told.code == 0, told.err
    assert {line.split()[0] for line in github.requests} == {"GET"}
    added = ["vec-v1.2.3-linux_arm64.tar.gz", SUMS, SIGNATURE]
    assert [line.split()[1].partition("name=")[2] for line in told.out.splitlines()] == added
    done = publish(run, *growing)
    assert done.code == 0, done.err
    after = github.contents("v1.2.3")
    assert after.keys() == before.keys() | {*added}
    assert after[ARCHIVE] == before[ARCHIVE]
    assert before[SUMS] in after[SUMS]
    assert run("lock", "prebuilt.yaml").code == 0


def test_a_trial_lists_the_requests_that_make_a_release(run: Run, github: GitHubServer) -> None:
    pack(run, "--platform", "linux_amd64")
    told = publish(run, "--repo", "acme/vec", "--dry-run")
    assert [line.split()[0] for line in told.out.splitlines()] == ["POST"] * 3 + ["PATCH"]
    assert {line.split()[0] for line in github.requests} == {"GET"}
    assert github.releases == []


def test_archives_with_urls_elsewhere_are_reported(
    run: Run, tmp_path: Path, github: GitHubServer
) -> None:
    other = f"{github.url}/acme/other/releases/download/v9/{{file}}"
    write_manifest(tmp_path / "prebuilt.yaml", urls=[other, "https://mirror.test/{file}"])
    pack(run, "--platform", "linux_amd64")
    answer = publish(run, "--repo", "acme/vec")
    assert answer.code == 0
    assert f"the manifest's 'urls' do not lead to {ARCHIVE} in this release" in answer.err


def test_a_tag_is_nothing_to_a_folder(run: Run) -> None:
    pack(run, "--platform", "linux_amd64")
    answer = publish(run, "--to", "published", "--tag", "v1.2.3")
    answer.refused(2, "--tag is for a GitHub release, and --to is not one", "leave it out")


@pytest.mark.parametrize(
    "place",
    ["s3://bucket/x", "gs://bucket", "ftp://me:canary@h/x", "file:///x", "file:/x", "S3://b"],
)
def test_a_place_that_publish_knows_no_way_to_is_no_folder(
    run: Run, tmp_path: Path, place: str
) -> None:
    pack(run, "--platform", "linux_amd64")
    before = files_below(tmp_path)
    done = publish(run, "--to", place)
    done.refused(2, "publish cannot upload to", "name a folder, an https or http URL", "oci:")
    assert files_below(tmp_path) == before
    assert "canary" not in done.err


def test_what_is_no_folder_is_said_before_anything_else(run: Run, tmp_path: Path) -> None:
    where = ("publish", "prebuilt.yaml", "--to", "published", "--dist")
    run(*where, "nowhere").refused(2, "--dist does not exist\n  at: nowhere\n", "pack --output")
    run(*where, "prebuilt.yaml").refused(2, "--dist is not a folder\n  at: prebuilt.yaml\n")
    pack(run, "--platform", "linux_amd64")
    for options in ((), ("--dry-run",)):
        done = publish(run, "--to", "prebuilt.yaml", *options)
        done.refused(2, "--to is a file, and not a folder or a URL\n  at: prebuilt.yaml\n")
    assert not (tmp_path / "published").exists()


def test_a_key_is_for_sums_that_are_extended(run: Run) -> None:
    done = publish(run, "--to", "published", "--sign", "key")
    done.refused(2, "--sign is for sums that --add extends", "cgo-prebuilt pack --sign KEY_FILE")


def test_published_sums_that_are_none_are_not_extended(run: Run, tmp_path: Path) -> None:
    pack(run, "--platform", "linux_amd64")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / SUMS).write_text("<html>")
    done = publish(run, "--to", "published", "--add")
    done.refused(
        4, "the published SHA256SUMS cannot be extended: '<html>' is not a hash and a file"
    )


def test_the_scheme_of_a_place_may_be_in_capitals(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.no_handler_status_code = 403
    pack(run, "--platform", "linux_amd64")
    url = httpserver.url_for("/x").replace("http", "HTTP", 1)
    assert publish(run, "--to", url).code != 0
    assert httpserver.log
    assert not [path for path in tmp_path.iterdir() if path.name.lower().startswith("http")]


def test_gitlabs_packages_take_files_with_the_header_that_a_helper_has(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """GitLab's documents: "GitLab generic packages repository", "Publish a single file"."""
    files: dict[str, bytes] = {}

    def answer(request: Request) -> Response:
        if request.headers.get("PRIVATE-TOKEN") != "cAnArY":
            return Response('{"message": "401 Unauthorized"}', 401)
        if request.method == "PUT":
            files[request.path] = request.get_data()
            return Response('{"message": "201 Created"}', 201)
        there = files.get(request.path)
        return Response('{"message": "404 Not Found"}', 404) if there is None else Response(there)

    httpserver.expect_request(re.compile("/api/v4/.*")).respond_with_handler(answer)
    packages = httpserver.url_for("/api/v4/projects/7/packages/generic/vec/v1.2.3")
    host = packages.split("/")[2]
    write_manifest(tmp_path / "prebuilt.yaml", urls=[packages + "/{file}"])
    pack(run, "--platform", "linux_amd64")
    helper = write_helper(tmp_path / "helper", {host: {"PRIVATE-TOKEN": "cAnArY"}}, sys.executable)
    refused = publish(run, "--to", packages)
    refused.refused(3, "HTTP 401", "CGO_PREBUILT_CREDENTIAL_HELPER")
    done = publish(run, "--to", packages, "--credential-helper", str(helper))
    assert done.code == 0, done.err
    assert [path.rpartition("/")[2] for path in files] == [ARCHIVE, SUMS]
    locked = run("lock", "prebuilt.yaml", "--credential-helper", helper)
    assert locked.code == 0, locked.err
    lock = (tmp_path / "prebuilt.lock.json").read_text()
    assert not [text for text in (lock, done.err, done.out, locked.err) if "cAnArY" in text]


@pytest.mark.parametrize(
    "arguments",
    [
        ("fetch", "--lock", "l", "--output", "https://u:canary@h/out"),
        ("mirror", "--lock", "l", "--to", "s3://bucket"),
        (
            "pack",
            "prebuilt.yaml",
            "--platform",
            "linux_amd64",
            "--from",
            "ssh://h",
            "--output",
            "d",
        ),
        ("lock", "https://h/prebuilt.yaml"),
    ],
)
def test_a_url_in_the_place_of_a_path_is_no_folder(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    before = files_below(tmp_path)
    done = run(*arguments)
    done.refused(2, "is a URL, and only a path is supported")
    assert "canary" not in done.err
    assert files_below(tmp_path) == before


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("options", [(), ("--strip",)])
@pytest.mark.parametrize("name", ["include/secret.h", "lib/libvec.a"])
def test_a_link_out_of_the_folder_is_not_followed(
    run: Run, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "out" / name).unlink(missing_ok=True)
    (tmp_path / "out" / name).symlink_to(tmp_path / "secret")
    packing = ("--platform", "linux_amd64", "--from", "out", "--output", "dist", *options)
    run("pack", "prebuilt.yaml", *packing).refused(
        2, f"{name} is a link out of the folder that is packed", f"-> {tmp_path / 'secret'}"
    )
    assert not (tmp_path / "dist").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_is_not_packed_and_one_inside_the_folder_are_no_matter(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "out/elsewhere").symlink_to(tmp_path)
    (tmp_path / "out/other.txt").symlink_to("/etc/hostname")
    (tmp_path / "out/include/again.h").symlink_to("vec.h")
    (tmp_path / "built").symlink_to("out")
    packing = ("--platform", "linux_amd64", "--from", "built", "--output", "dist")
    assert run("pack", "prebuilt.yaml", *packing).code == 0
    with tarfile.open(tmp_path / "dist" / ARCHIVE) as archive:
        assert "include/again.h" in archive.getnames()


def test_a_glob_takes_no_hidden_files_and_says_so(run: Run, tmp_path: Path) -> None:
    write_files(
        tmp_path / "out", {"include/.netrc": b"x", "include/.git/y.h": b"", "include/.ok.h": b""}
    )
    answer = pack(run, "--platform", "linux_amd64")
    assert (
        "include/.git/y.h, include/.netrc, include/.ok.h: left out, since globs do not match hidden files"
        in answer.err
    )
    write_manifest(tmp_path / "prebuilt.yaml", headers=["include/**", "include/.ok.h"])
    pack(run, "--platform", "linux_amd64")
    with tarfile.open(tmp_path / "dist" / ARCHIVE) as archive:
        hidden = [name for name in archive.getnames() if "/." in name]
    assert hidden == ["include/.ok.h"]
