"""The verb `withdraw`: a version that nobody should use is marked where its users look."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import Lock, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock, read_lock
from tests.unit.command_case import Run, runner
from tests.unit.library_case import locked_platform, write_manifest

WHY = "it crashes on arm64"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest, and a lock of two versions."""
    write_manifest(tmp_path / "prebuilt.yaml")
    version = LockedVersion({"": {"linux_amd64": locked_platform()}})
    lock = Lock("vec", "v1.2.3", {"v1.2.2": version, "v1.2.3": version})
    (tmp_path / "prebuilt.lock.json").write_text(format_lock(lock))
    return runner(tmp_path, monkeypatch, capsys)


def test_manifest_and_lock_say_why_and_a_fetch_warns(run: Run, tmp_path: Path) -> None:
    done = run("withdraw", "v1.2.2", "--why", WHY)
    assert done.code == 0, done.err
    assert f"vec v1.2.2 is withdrawn: {WHY}" in done.err
    assert f'withdrawn: {{"v1.2.2": "{WHY}"}}\n' in (tmp_path / "prebuilt.yaml").read_text()
    lock = read_lock(tmp_path / "prebuilt.lock.json")
    assert [one.withdrawn for one in lock.versions.values()] == [WHY, ""]
    texts = [(tmp_path / name).read_bytes() for name in ("prebuilt.yaml", "prebuilt.lock.json")]
    assert run("withdraw", "v1.2.2", "--why", WHY).code == 0
    assert [
        (tmp_path / name).read_bytes() for name in ("prebuilt.yaml", "prebuilt.lock.json")
    ] == texts
    for version, why in (("v1.2.3", "so does it"), ("v1.2.2", "another reason")):
        done = run("withdraw", version, "--why", why)
        assert done.code == 0, done.err
    reasons = '{"v1.2.2": "another reason", "v1.2.3": "so does it"}'
    assert f"withdrawn: {reasons}\n" in (tmp_path / "prebuilt.yaml").read_text()
    lock = read_lock(tmp_path / "prebuilt.lock.json")
    assert [one.withdrawn for one in lock.versions.values()] == ["another reason", "so does it"]


def test_a_default_version_and_an_unlocked_one_are_reported(run: Run, tmp_path: Path) -> None:
    default = run("withdraw", "v1.2.3", "--why", WHY)
    assert "v1.2.3 is still the default version: lock another one" in default.err
    (tmp_path / "prebuilt.lock.json").unlink()
    write_manifest(tmp_path / "prebuilt.yaml")
    done = run("withdraw", "v1.2.3", "--why", WHY)
    assert done.code == 0
    assert "does not have v1.2.3: no consumer of that lock is warned" in done.err


def test_a_failed_withdrawal_changes_nothing(run: Run, tmp_path: Path) -> None:
    before = (tmp_path / "prebuilt.yaml").read_text()
    strange = run("withdraw", "v9", "--why", WHY)
    strange.refused(2, "neither the manifest nor the lock has a version v9 of vec")
    for why in ("", " ", "two\nlines"):
        run("withdraw", "v1.2.3", "--why", why).refused(2, "the reason is not one line of text")
    assert (tmp_path / "prebuilt.yaml").read_text() == before


def test_a_manifest_that_cannot_be_written_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cgo_prebuilt.files.renames.write_atomically", full)
    done = run("withdraw", "v1.2.3", "--why", WHY)
    done.refused(2, "the file cannot be written: No space left on device", "at: prebuilt.yaml")
