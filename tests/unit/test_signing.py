"""Signatures of `SHA256SUMS`, by the real ssh-keygen."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.releases.release_reader import read_signature
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.signing import check_signature, sign
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS, read_sums, write_sums
from tests.ssh_key import make_key

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


def test_without_a_folder_for_temporary_files_nothing_changes(
    signature: Signature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="SHA256SUMS cannot be signed: ") as caught:
        sign(tmp_path / SUMS, tmp_path / "key", {"b.zip": B})
    assert str(tmp_path / "gone") in str(caught.value.where)
    assert (tmp_path / SUMS).read_text() == signature.sums


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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the key file is empty"),
        (b"no key", "ssh-keygen finds no key in the file"),
        (bytes(range(256)), "ssh-keygen finds no key in the file"),
    ],
)
def test_a_key_that_is_none_cannot_sign(tmp_path: Path, content: bytes, problem: str) -> None:
    write_sums(tmp_path / SUMS, {"a.zip": A})
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        sign(tmp_path / SUMS, tmp_path / "key")
    assert (caught.value.what, caught.value.where) == (problem, str(tmp_path / "key"))
    with pytest.raises(UsageError, match="the key cannot be read: not a regular file") as folder:
        sign(tmp_path / SUMS, tmp_path)
    assert folder.value.where == str(tmp_path)
    assert not (tmp_path / SIGNATURE).exists()


def test_what_cannot_be_signed_stays_as_it_was(signature: Signature, tmp_path: Path) -> None:
    (tmp_path / "key").unlink()
    (tmp_path / "key.pub").rename(tmp_path / "public")
    with pytest.raises(UsageError, match="ssh-keygen cannot sign: it ended with status 255: "):
        sign(tmp_path / SUMS, tmp_path / "public", {"b.zip": B})
    found = Signature(
        signature.public_key, (tmp_path / SUMS).read_text(), (tmp_path / SIGNATURE).read_text()
    )
    assert found == signature


def test_a_signature_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    make_key(tmp_path)
    write_sums(tmp_path / SUMS, {"a.zip": A})
    (tmp_path / SIGNATURE).mkdir()
    with pytest.raises(UsageError, match="SHA256SUMS cannot be updated: ") as caught:
        sign(tmp_path / SUMS, tmp_path / "key", {"b.zip": B})
    assert caught.value.where == str(tmp_path / SIGNATURE)
    assert read_sums(tmp_path / SUMS) == {"a.zip": A}


def test_without_ssh_keygen_signing_says_what_to_install(
    signature: Signature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    check_signature(signature, [("a.zip", A)])  # which needs none
    with pytest.raises(UsageError, match="ssh-keygen cannot be run") as caught:
        sign(tmp_path / SUMS, tmp_path / "key")
    assert "OpenSSH" in str(caught.value.remedy)


def test_without_cryptography_verifying_says_what_to_install(
    signature: Signature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(UsageError, match="package cryptography is not installed") as caught:
        check_signature(signature, [("a.zip", A)])
    assert "cgo-prebuilt[signatures]" in str(caught.value.remedy)


def test_signed_sums_that_are_none_are_refused(tmp_path: Path) -> None:
    public = make_key(tmp_path)
    (tmp_path / SUMS).write_text("not sums\n")
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(tmp_path / "key"), "-n", "cgo-prebuilt"]
    subprocess.run([*command, str(tmp_path / SUMS)], check=True)
    made = tmp_path / SIGNATURE
    with pytest.raises(IntegrityError, match="the signed SHA256SUMS is malformed: 'not sums'"):
        check_signature(Signature(public, "not sums\n", made.read_text()), [])


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
