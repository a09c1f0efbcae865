"""Signatures of `SHA256SUMS`, by the real ssh-keygen; and what a fetch makes of them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.fetching.fetch import obtain
from cgo_prebuilt.fetching.plan import plan_fetch
from cgo_prebuilt.locks.lock import Lock, LockedVersion, Signature
from cgo_prebuilt.locks.lock_file import format_lock, parse_lock
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.releases.release_reader import read_signature
from cgo_prebuilt.releases.signing import check_signature, sign
from cgo_prebuilt.releases.sums import SIGNATURE, SUMS, write_sums
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.storage.store import Store
from cgo_prebuilt.url import Url
from tests.ssh_key import make_key
from tests.unit.library_case import locked_platform

A, B = "a" * 64, "b" * 64


@pytest.fixture
def signature(tmp_path: Path) -> Signature:
    public = make_key(tmp_path)
    write_sums(tmp_path / SUMS, {"a.zip": A})
    made = sign(tmp_path / SUMS, tmp_path / "key")
    assert made == tmp_path / SIGNATURE
    return Signature(public, (tmp_path / SUMS).read_text(), made.read_text())


def test_what_was_signed_is_accepted(signature: Signature) -> None:
    check_signature(signature, [("a.zip", A)])


def test_ssh_keygen_gets_the_bytes_that_were_signed_on_every_system(
    signature: Signature, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On Windows, a text that Python writes, into a pipe or a file, gets other line ends.
    real = subprocess.run

    def run(command: list[str], *, input: bytes, **options: object) -> object:
        assert isinstance(input, bytes)
        assert not {"encoding", "errors", "text", "universal_newlines"} & set(options)
        return real(command, input=input, **options)  # type: ignore[call-overload]

    def write_text(*arguments: object, **options: object) -> None:
        raise AssertionError("a text is written")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(Path, "write_text", write_text)
    check_signature(signature, [("a.zip", A)])


def test_what_ssh_keygen_says_may_be_in_any_encoding(
    signature: Signature, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **options: object) -> object:
        return subprocess.CompletedProcess(command, 255, b"", b"Sch\xfcssel\r\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(IntegrityError, match="public key: Sch\ufffdssel"):
        check_signature(signature, [("a.zip", A)])


def test_signing_again_replaces_the_signature(signature: Signature, tmp_path: Path) -> None:
    write_sums(tmp_path / SUMS, {"a.zip": B})
    sign(tmp_path / SUMS, tmp_path / "key")
    text = (tmp_path / SIGNATURE).read_text()
    changed = replace(signature, sums=(tmp_path / SUMS).read_text(), signature=text)
    check_signature(changed, [("a.zip", B)])


@pytest.mark.parametrize("archives", [[("a.zip", B)], [("b.zip", A)], [("a.zip", B), ("a.zip", A)]])
def test_an_archive_that_was_not_signed_is_refused(
    signature: Signature, archives: list[tuple[str, str]]
) -> None:
    with pytest.raises(IntegrityError, match=r"signature does not cover [ab]\.zip\n"):
        check_signature(signature, archives)


def test_changed_sums_are_refused(signature: Signature) -> None:
    changed = replace(signature, sums=signature.sums.replace(A, B))
    with pytest.raises(IntegrityError, match="is not that of the public key"):
        check_signature(changed, [("a.zip", B)])


def test_another_key_is_refused(signature: Signature, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    public = make_key(tmp_path / "other")
    with pytest.raises(IntegrityError) as caught:
        check_signature(replace(signature, public_key=public), [("a.zip", A)])
    assert caught.value.where == public
    assert caught.value.exit_code == 4


def test_a_signature_of_another_purpose_is_refused(signature: Signature, tmp_path: Path) -> None:
    (tmp_path / SIGNATURE).unlink()
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(tmp_path / "key"), "-n", "git"]
    subprocess.run([*command, str(tmp_path / SUMS)], check=True)
    changed = replace(signature, signature=(tmp_path / SIGNATURE).read_text())
    with pytest.raises(IntegrityError, match="is not that of the public key"):
        check_signature(changed, [("a.zip", A)])


def test_a_key_that_is_none_cannot_sign(tmp_path: Path) -> None:
    write_sums(tmp_path / SUMS, {"a.zip": A})
    (tmp_path / "key").write_text("no key")
    with pytest.raises(UsageError, match="ssh-keygen cannot sign"):
        sign(tmp_path / SUMS, tmp_path / "key")
    assert not (tmp_path / SIGNATURE).exists()


def test_a_signature_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    make_key(tmp_path)
    write_sums(tmp_path / SUMS, {"a.zip": A})
    (tmp_path / SIGNATURE).mkdir()
    with pytest.raises(UsageError, match="SHA256SUMS cannot be signed: ") as caught:
        sign(tmp_path / SUMS, tmp_path / "key")
    assert SIGNATURE in str(caught.value.where)
    (tmp_path / SUMS).unlink()
    with pytest.raises(UsageError, match="cannot be signed: No such file") as caught:
        sign(tmp_path / SUMS, tmp_path / "key")
    assert caught.value.where == str(tmp_path / SUMS)


def test_without_ssh_keygen_it_says_what_to_install(
    signature: Signature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="ssh-keygen cannot be run") as caught:
        check_signature(signature, [("a.zip", A)])
    assert "OpenSSH" in str(caught.value.remedy)


def test_a_release_without_a_signature_is_refused_where_the_manifest_has_a_key() -> None:
    texts = {"https://h/v1/SHA256SUMS": "sums", "https://m/SHA256SUMS": "sums2"}
    urls = [Url("https://h/v1/a.zip"), Url("https://m/a.zip")]

    def read(url: Url) -> str | None:
        return texts.get(url.raw)

    with pytest.raises(IntegrityError, match=r"no SHA256SUMS\.sig beside") as caught:
        read_signature("key", urls, read)
    assert caught.value.where == "https://h/v1/SHA256SUMS, https://m/SHA256SUMS"
    texts["https://m/SHA256SUMS.sig"] = "signature"
    assert read_signature("key", urls, read) == Signature("key", "sums2", "signature")


# Fetching.


def test_a_fetch_downloads_nothing_that_the_signature_does_not_cover(
    signature: Signature, tmp_path: Path
) -> None:
    platform = locked_platform((tmp_path / "vec.tar.gz").as_uri())
    version = LockedVersion({"": {"linux_amd64": platform}}, signature=signature)
    lock = Lock("vec", "v1.2.3", {"v1.2.3": version})
    assert parse_lock(format_lock(lock), where="a lock") == lock
    plan = plan_fetch(lock, parse_platform("linux_amd64"), Settings())

    def no_transport() -> None:
        raise AssertionError("nothing may be downloaded")

    with pytest.raises(IntegrityError, match="does not cover vec-v1"):
        obtain(plan, Store(tmp_path / "store"), no_transport)  # type: ignore[arg-type]
