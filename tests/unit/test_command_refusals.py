"""What the commands say of files and options of a publisher that they cannot take."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import FILES, archive_of, lock, write_files, write_manifest

ARCHIVE = "vec-v1.2.3-linux_amd64.tar.gz"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9nPRLv5yJQIDpLpuDrQ3aPSGbCBBJ3xWz2dM1vXgXn"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest, what was built, and what was published."""
    write_manifest(tmp_path / "prebuilt.yaml", urls=[f"{tmp_path.as_uri()}/dist/{{file}}"])
    write_files(tmp_path / "out")
    write_files(tmp_path / "dist", {ARCHIVE: archive_of(FILES)})
    return runner(tmp_path, monkeypatch, capsys)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inspect", "pipe"), "the file to inspect cannot be read: not a regular file"),
        (("pack", "--sign", "pipe"), "the key cannot be read: not a regular file"),
        (("pack", "--notice", "pipe"), "the notice cannot be read: not a regular file"),
        (("publish", "--to", "new"), "the file cannot be read: not a regular file"),
        (("publish", "--to", "there"), "the operation failed: not a regular file"),
        (("fetch", "--lock", "pipe", "--output", "x"), "the lock is not JSON"),
        (("lock", "pipe"), "expected a mapping, found nothing"),
    ],
    ids=["inspect", "sign", "notice", "publish", "replace", "fetch", "lock"],
)
def test_nobody_waits_for_who_writes_into_a_pipe(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    make_pipe(tmp_path / "pipe")
    if "--notice" in arguments:
        write_manifest(tmp_path / "prebuilt.yaml", licenses=["pipe"])
    if arguments[0] == "publish":
        assert pack(run).code == 0
        place = tmp_path / ("packed" if arguments[2] == "new" else "there")
        place.mkdir(exist_ok=True)
        (place / ARCHIVE).unlink(missing_ok=True)
        make_pipe(place / ARCHIVE)
        arguments = ("publish", "prebuilt.yaml", "--dist", "packed", *arguments[1:])
    answer = pack(run, *arguments[1:]) if arguments[0] == "pack" else run(*arguments)
    answer.refused(2, words)


# lock.


@pytest.mark.skipif(sys.platform != "linux", reason="in /proc not even root can write")
def test_a_lock_that_cannot_be_written_is_named(run: Run) -> None:
    target = "/proc/vec.lock.json"
    answer = run("lock", "prebuilt.yaml", "--output", target)
    answer.refused(2, "the lock cannot be written: ", f"  at: {target}\n", "--output")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("prebuilt.yaml", ("lock", "prebuilt.yaml"), "the manifest cannot be read: "),
        ("lock", ("fetch", "--lock", "lock", "--output", "x"), "the lock cannot be read: "),
    ],
)
@pytest.mark.parametrize("content", [None, b"\xff"], ids=["a folder", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_named(
    run: Run,
    tmp_path: Path,
    name: str,
    arguments: tuple[str, ...],
    words: str,
    content: bytes | None,
) -> None:
    (tmp_path / name).unlink(missing_ok=True)
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    run(*arguments).refused(2, words, f"  at: {name}\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"archives": []}, "'archives' is empty"),
        ({"urls": []}, "'urls' is empty"),
        ({"installed": []}, "'installed' has 0 names for 1 libraries"),
    ],
)
def test_a_lock_that_lacks_what_it_needs_is_refused(
    run: Run, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    document = json.loads(format_lock(lock()))
    version = document["versions"]["v1.2.3"]
    platform = version["platforms"]["linux_amd64"]
    for place in (platform, platform["archives"][0], version["source"]):
        place.update({key: value for key, value in change.items() if key in place})
    (tmp_path / "lock").write_text(json.dumps(document))
    run("fetch", "--lock", "lock", "--output", "x").refused(2, words, "  at: lock")


def test_a_bundle_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    attested = ("--verify-attestation", "absent.jsonl", "--identity", "acme/vec")
    run("lock", "prebuilt.yaml", *attested).refused(2, "the bundle cannot be read: No such file")


def make_pipe(path: Path) -> None:
    """Who opens it waits for somebody who writes into it."""
    if sys.platform == "win32":
        pytest.skip("Windows has no such files")
    else:
        os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "SHA256SUMS: it cannot be read: not a regular file"),
        (make_pipe, "SHA256SUMS: it cannot be read: not a regular file"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "SHA256SUMS: it is not a text in UTF-8"),
    ],
    ids=["folder", "pipe", "not UTF-8"],
)
def test_sums_that_cannot_be_read_are_passed_over_with_a_reason(
    run: Run, tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "dist/SHA256SUMS")
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert "not cross-checked with file://" in answer.err
    assert words in answer.err


def test_a_key_in_the_manifest_wants_a_signature(run: Run, tmp_path: Path) -> None:
    urls = [f"{tmp_path.as_uri()}/dist/{{file}}"]
    write_manifest(tmp_path / "prebuilt.yaml", urls=urls, public_key=KEY)
    words = "the manifest has a public key, but there is no SHA256SUMS.sig beside the archives"
    run("lock", "prebuilt.yaml").refused(4, words, "pack --sign KEY")


def test_a_lock_is_made_of_archives_offline_or_not(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path / "prebuilt.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGO_PREBUILT_OFFLINE", "1")
        answer = run("lock", "prebuilt.yaml")
    answer.refused(3, "offline, and a lock is made from the archives themselves", ARCHIVE)


def test_a_file_in_two_archives_is_refused(run: Run, tmp_path: Path) -> None:
    files = [{"file": ARCHIVE}, {"file": "more.tar.gz"}]
    urls = [f"{tmp_path.as_uri()}/dist/{{file}}"]
    write_manifest(tmp_path / "prebuilt.yaml", urls=urls, archives=files)
    write_files(tmp_path / "dist", {"more.tar.gz": archive_of(FILES)})
    words = " for linux_amd64 is in two archives"
    run("lock", "prebuilt.yaml").refused(4, words, f"{ARCHIVE}, more.tar.gz")


# pack.


def pack(run: Run, *options: object) -> Answer:
    built = ("--platform", "linux_amd64", "--from", "out", "--output", "packed")
    return run("pack", "prebuilt.yaml", *built, *options)


@pytest.mark.parametrize(
    ("licenses", "words"),
    [
        ([], "'licenses' in the manifest does not name NOTICE, so nobody would get it"),
        (["NOTICE"], "the notice cannot be read: No such file or directory"),
    ],
)
def test_a_notice_that_no_license_names_is_refused(
    run: Run, tmp_path: Path, licenses: list[str], words: str
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", licenses=licenses)
    pack(run, "--notice", "NOTICE").refused(2, words, "  at: NOTICE")


@pytest.mark.parametrize("level", ["0", "20", "-1", "high", ""])
def test_a_level_that_is_none_is_refused(run: Run, level: str) -> None:
    pack(run, f"--level={level}").refused(2, f"{level!r} is not a level from 1 to 19", "")


def test_a_level_is_taken_from_the_command_line(run: Run) -> None:
    answer = pack(run, "--format", "tar.zst", "--level", "19")
    assert answer.out.endswith(".tar.zst\n")
    assert "\npacking vec-v1.2.3-linux_amd64.tar.zst (" in answer.err
    words = "a level is for tar.zst, and this is a tar.gz"
    pack(run, "--level", "19").refused(2, words, ARCHIVE)


@pytest.mark.parametrize("output", ["prebuilt.yaml", "prebuilt.yaml/below"])
def test_an_output_that_is_a_file_is_refused_before_a_download(
    run: Run, tmp_path: Path, output: str
) -> None:
    text = format_lock(lock("http://127.0.0.1:1/never"))
    (tmp_path / "prebuilt.lock.json").write_text(text, encoding="utf-8")
    for arguments in (("fetch", "--platform", "linux_amd64", "--output"), ("mirror", "--to")):
        answer = run(*arguments, output)
        answer.refused(2, "prebuilt.yaml is not a folder", "  at: prebuilt.yaml\n")


def test_notices_pkg_config_and_a_bill_of_materials_go_along(run: Run, tmp_path: Path) -> None:
    write_files(tmp_path, {"NOTICE": b"of others"})
    write_manifest(tmp_path / "prebuilt.yaml", licenses=["NOTICE"])
    answer = pack(run, "--notice", "NOTICE", "--pkg-config", "--sbom")
    assert answer.out == f"packed/{ARCHIVE}\n"
    bill = json.loads((tmp_path / "packed" / f"{ARCHIVE}.cdx.json").read_text())
    files = {"NOTICE", "lib/pkgconfig/vec.pc", *FILES}
    assert {item["name"] for item in bill["components"]} == files
    sums = (tmp_path / "packed/SHA256SUMS").read_text()
    assert f"  {ARCHIVE}.cdx.json\n" in sums


def test_all_in_one_wants_one_archive_in_the_manifest(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path / "prebuilt.yaml", platforms={"linux_amd64": {}, "linux_arm64": {}})
    built = ("--all-in-one", "--from", "out", "--output", "packed")
    run("pack", "prebuilt.yaml", *built).refused(
        2, "the manifest gives each platform an archive of its own", "{os}_{arch}"
    )
    one = [{"file": "vec-{version}.tar.gz"}]
    platforms: dict[str, object] = {"linux_amd64": {}, "linux_arm64": {}}
    write_manifest(tmp_path / "prebuilt.yaml", archives=one, platforms=platforms)
    assert run("pack", "prebuilt.yaml", *built).out == "packed/vec-v1.2.3.tar.gz\n"


def test_without_a_strip_program_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STRIP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    pack(run, "--strip").refused(2, "there is no strip program", "install LLVM or binutils")


def test_a_strip_program_that_fails_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIP", "false")
    pack(run, "--strip").refused(
        2, "false fails: it ended with status 1 and no message", "set STRIP to one for the platform"
    )


def test_a_strip_program_that_is_not_there_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIP", "no-such-strip -q")
    pack(run, "--strip").refused(2, "no-such-strip cannot be run: ", "set STRIP to another program")


def test_a_strip_program_that_does_not_end_is_ended(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgo_prebuilt.publishing.binutils.TOOL_SECONDS", 0.2)
    monkeypatch.setattr("cgo_prebuilt.publishing.strip_library._VERSION_SECONDS", 0.2)
    monkeypatch.setenv("STRIP", f"{sys.executable} -c 'import time; time.sleep(60)'")
    pack(run, "--strip").refused(2, " did not end within 0.2 s", "set STRIP to another program")


# publish.


def publish(run: Run, *options: object) -> Answer:
    return run("publish", "prebuilt.yaml", "--dist", "packed", *options)


def test_publishing_to_a_folder_sends_once(run: Run, tmp_path: Path) -> None:
    pack(run)
    assert publish(run, "--to", "there").out == "there\n"
    again = publish(run, "--to", "there")
    assert f"{ARCHIVE}: there already" in again.err
    done = json.loads(publish(run, "--to", "there", "--json").out)
    unchanged = [ARCHIVE, "SHA256SUMS"]
    assert done == {"where": "there", "sent": [], "unchanged": unchanged, "requests": []}


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    pack(run)
    (tmp_path / "there").write_text("a file")
    publish(run, "--to", "there/v1").refused(2, "the file cannot be written: Not a directory")


def test_publishing_to_github_wants_a_repository_and_a_token(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    pack(run)
    publish(run, "--repo", "acme").refused(2, "--repo acme is not a repository", "OWNER/NAME")
    publish(run, "--repo", "acme/vec").refused(2, "there is no token to publish with")
