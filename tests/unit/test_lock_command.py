"""`lock` on a release whose archives have one name, each in its platform's folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.ssh_key import make_key
from tests.unit.command_case import Run, runner
from tests.unit.library_case import write_files, write_manifest

PLATFORMS = ("linux_amd64", "linux_arm64")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest and what was published: loose libraries."""
    for platform in PLATFORMS:
        library = {"libvec.a": platform.encode()}
        folder = write_files(tmp_path / "dist" / platform, library)
        write_sums(folder, library["libvec.a"])
    loose_manifest(tmp_path)
    return runner(tmp_path, monkeypatch, capsys)


def loose_manifest(folder: Path, **changes: object) -> None:
    write_manifest(
        folder / "prebuilt.yaml",
        urls=[f"{(folder / 'dist').as_uri()}/{{platform}}/{{file}}"],
        archives=[{"file": "libvec.a"}],
        static_library="libvec.a",
        headers=None,
        include_dirs=None,
        platforms=dict.fromkeys(PLATFORMS),
        **changes,
    )


def write_sums(folder: Path, content: bytes) -> None:
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  libvec.a\n")


def test_each_archive_is_compared_with_the_sums_beside_it(run: Run, tmp_path: Path) -> None:
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert answer.err.count("/SHA256SUMS") == 2


@pytest.mark.parametrize("platform", PLATFORMS)
def test_sums_that_contradict_one_of_them_are_seen_whichever_it_is(
    run: Run, tmp_path: Path, platform: str
) -> None:
    write_sums(tmp_path / "dist" / platform, b"another")
    wrong = hashlib.sha256(platform.encode()).hexdigest()
    answer = run("lock", "prebuilt.yaml")
    answer.refused(4, f"libvec.a has the SHA-256 {wrong}, not ", f"{platform}/SHA256SUMS")


def test_one_signature_does_not_stand_for_archives_of_the_same_name(
    run: Run, tmp_path: Path
) -> None:
    loose_manifest(tmp_path, public_key=make_key(tmp_path))
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(tmp_path / "key"), "-n", "cgo-prebuilt"]
    subprocess.run([*sign, str(tmp_path / "dist/linux_arm64/SHA256SUMS")], check=True)
    words = "the publisher's signature does not cover libvec.a"
    run("lock", "prebuilt.yaml").refused(4, words)


def test_a_lock_is_not_written_without_what_a_newer_program_put_there(
    run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "prebuilt.lock.json"
    assert run("lock", "prebuilt.yaml").code == 0
    newer = {**json.loads(target.read_text()), "revision": 2, "aliases": {}}
    target.write_text(json.dumps(newer))
    answer = run("lock", "prebuilt.yaml")
    answer.refused(2, "would drop parts that this program does not know", ".aliases")
    assert "update cgo-prebuilt" in answer.err
    assert json.loads(target.read_text()) == newer


def test_a_withdrawn_version_is_fetched_with_a_warning_and_never_updated_to(
    run: Run, tmp_path: Path
) -> None:
    assert run("lock", "prebuilt.yaml", "--version", "v1.2.2", "--version", "v1.2.3").code == 0
    reason = "it crashes on arm64"
    loose_manifest(tmp_path, withdrawn={"v1.2.2": reason, "v1.2.4": "nobody built it", "v9": "?"})
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert f"~ v1.2.2:\n  ! withdrawn: {reason}\n" in answer.err
    assert "'withdrawn' names v9, which is not in the lock" in answer.err
    lock = json.loads((tmp_path / "prebuilt.lock.json").read_text())
    assert lock["versions"]["v1.2.2"]["withdrawn"] == reason
    assert "withdrawn" not in lock["versions"]["v1.2.3"]

    fetch = ("fetch", "--lock", "prebuilt.lock.json", "--platform", "linux_amd64", "--output", "o")
    answer = run(*fetch, "--version", "v1.2.2")
    assert answer.code == 0
    assert f"warning: vec v1.2.2 is withdrawn: {reason}\n  next: choose another" in answer.err
    assert "withdrawn" not in run(*fetch).err

    answer = run("lock", "prebuilt.yaml", "--update", "v1.2.4")
    answer.refused(2, "vec v1.2.4 is withdrawn: nobody built it", "update to another version")
    answer = run("lock", "prebuilt.yaml", "--version", "v1.2.2")
    assert f"the default version v1.2.2 is withdrawn: {reason}" in answer.err

    loose_manifest(tmp_path)
    assert "  no longer withdrawn\n" in run("lock", "prebuilt.yaml").err


@pytest.mark.parametrize("option", ["--update", "--version"])
def test_a_manifest_behind_an_option_is_no_version(run: Run, option: str) -> None:
    answer = run("lock", option, "prebuilt.yaml")
    answer.refused(2, "prebuilt.yaml is a manifest, not a version", option)
    assert "name it first: `cgo-prebuilt lock prebuilt.yaml --update`" in answer.err


def test_an_update_keeps_the_line_ends_of_windows(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "prebuilt.yaml"
    manifest = place.read_bytes().replace(b"\n", b"\r\n")
    place.write_bytes(manifest)
    assert run("lock", "prebuilt.yaml", "--update", "v9.9.9").code == 0
    assert place.read_bytes() == manifest.replace(b"v1.2.3", b"v9.9.9")
    assert manifest.count(b"v1.2.3") == 1


def test_a_version_is_taken_without_the_v_that_the_manifest_writes(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "dist").rename(tmp_path / "v9.9.9")
    write_manifest(
        tmp_path / "prebuilt.yaml",
        version="9.9.8",
        urls=[f"{tmp_path.as_uri()}/v{{version}}/{{platform}}/{{file}}"],
        archives=[{"file": "libvec.a"}],
        static_library="libvec.a",
        headers=None,
        include_dirs=None,
        platforms=dict.fromkeys(PLATFORMS),
    )
    for option in ("--update", "--version"):
        answer = run("lock", "prebuilt.yaml", option, "v9.9.9")
        assert answer.code == 0, answer.err
        assert "prebuilt.yaml writes v{version}, so v9.9.9 is its version 9.9.9" in answer.err
    assert 'version: "9.9.9"' in (tmp_path / "prebuilt.yaml").read_text()
    assert list(json.loads((tmp_path / "prebuilt.lock.json").read_text())["versions"]) == ["9.9.9"]


def test_an_option_that_every_consumer_must_allow_is_told(run: Run, tmp_path: Path) -> None:
    loose_manifest(tmp_path, linkopts=["-lm", "-Wl,--plugin=x.so"])
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert answer.err.count("the link option '-Wl,--plugin=x.so' could run a program") == 1
    loose_manifest(tmp_path, linkopts=[""])
    run("lock", "prebuilt.yaml").refused(2, "'linkopts' has an empty option")


def test_a_stale_lock_elsewhere_is_mended_by_the_command_that_is_named(run: Run) -> None:
    assert run("lock", "prebuilt.yaml", "--output", "other.json").code == 0
    lock = Path("other.json")
    lock.write_text(lock.read_text().replace('"size": 11', '"size": 12', 1))
    answer = run("lock", "prebuilt.yaml", "--check", "--output", "other.json")
    assert answer.code == 1
    assert "run `cgo-prebuilt lock prebuilt.yaml --output other.json`" in answer.err


def test_a_go_module_of_another_version_than_the_release_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", (tmp_path / "dist/linux_amd64").as_uri())
    write_manifest(
        tmp_path / "prebuilt.yaml",
        urls=["https://github.com/acme/vec-go/releases/download/{version}/{file}"],
        archives=[{"file": "libvec.a"}],
        static_library="libvec.a",
        headers=None,
        include_dirs=None,
    )
    words = "go.mod requires github.com/acme/vec-go v1.2.0, and vec is v1.2.3"
    assert words not in run("lock", "prebuilt.yaml").err
    (tmp_path / "go.mod").write_text("module a\n\nrequire github.com/acme/vec-go v1.2.0\n")
    told = run("lock", "prebuilt.yaml")
    assert (told.code, words in told.err) == (0, True)
    (tmp_path / "go.mod").write_text("module a\n\nrequire github.com/acme/vec-go v1.2.3\n")
    assert "go.mod requires" not in run("lock", "prebuilt.yaml").err


def test_what_the_system_must_have_is_told_before_a_link_lacks_it(run: Run, tmp_path: Path) -> None:
    loose_manifest(tmp_path, requires={"system": ["libhwloc-dev", "an OpenCL driver"]})
    assert run("lock", "prebuilt.yaml").code == 0
    which = ("--platform", "linux_amd64")
    words = "libhwloc-dev, an OpenCL driver"
    assert words in run("env", *which).err
    assert words in run("fetch", *which, "--output", "out").err
    assert f"the library links with {words}" in run("doctor", "--lock", "prebuilt.lock.json").out


@pytest.mark.parametrize(
    ("version", "folder", "words"),
    [
        ("latest", "dist", "the version latest does not name a fixed release"),
        ("v1.2.3", "releases/latest/download", "leads to the newest release"),
        ("v1.2.3", "dist", ""),
    ],
)
def test_what_names_another_release_tomorrow_is_warned_of(
    run: Run, tmp_path: Path, version: str, folder: str, words: str
) -> None:
    loose_manifest(tmp_path, version=version)
    if folder != "dist":
        (tmp_path / folder).parent.mkdir(parents=True)
        (tmp_path / "dist").rename(tmp_path / folder)
        text = (tmp_path / "prebuilt.yaml").read_text()
        (tmp_path / "prebuilt.yaml").write_text(text.replace("/dist/", f"/{folder}/"))
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0, answer.err
    assert words in answer.err
    assert ("prebuilt.yaml: " in answer.err) == bool(words)


def test_each_failure_is_printed_once(run: Run, tmp_path: Path) -> None:
    """Three platforms that a release does not have yet are three lines, and each is there once."""
    (tmp_path / "dist").rename(tmp_path / "gone")
    answer = run("lock", "prebuilt.yaml", "--update", "v1.2.4")
    answer.refused(3, "2 archives cannot be downloaded\n  at: file://", "next: check the path")
    assert answer.err.count("No such file or directory") == len(PLATFORMS)
    assert answer.err.count("libvec.a cannot be downloaded") == len(PLATFORMS)
