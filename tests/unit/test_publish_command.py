"""The verb `publish`, and what `pack` leaves for it: what must not be published is refused in time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt.releases.sums import SIGNATURE, SUMS
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import files_below, write_files, write_manifest

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


# Signatures.


def make_key(folder: Path, name: str = "key") -> str:
    """Makes a key, and gives its public half."""
    keygen = ["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", str(folder / name)]
    subprocess.run(keygen, check=True)
    return (folder / f"{name}.pub").read_text()


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


def test_a_signature_that_nobody_looks_at_is_told(run: Run, tmp_path: Path) -> None:
    make_key(tmp_path)
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    answer = publish(run)
    assert answer.code == 0
    assert "the manifest has no 'public_key', so nobody's `lock` looks at" in answer.err


def test_a_pack_that_takes_the_signature_away_says_so(run: Run, tmp_path: Path) -> None:
    make_key(tmp_path)
    write_manifest(tmp_path / "prebuilt.yaml", platforms={"linux_amd64": None, "linux_arm64": None})
    pack(run, "--platform", "linux_amd64", "--sign", "key")
    assert "was removed" not in pack(run, "--platform", "linux_amd64").err  # the same sums
    assert (tmp_path / "dist" / SIGNATURE).exists()
    answer = pack(run, "--platform", "linux_arm64")
    assert "SHA256SUMS.sig was removed, being of other sums: pack the last platform" in answer.err
    assert not (tmp_path / "dist" / SIGNATURE).exists()
    assert "was removed" not in pack(run, "--platform", "linux_amd64", "--sign", "key").err
