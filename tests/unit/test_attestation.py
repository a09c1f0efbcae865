"""Attestations: by the real sigstore, but for a genuine one, which only GitHub's workflows can get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.releases.attestation import split_bundles, unattested, verify_attestation

pytest.importorskip("sigstore", reason="the extra `sigstore` is not installed")

A, B = "a" * 64, "b" * 64


def statement(*digests: str) -> bytes:
    subjects = [{"name": "x", "digest": {"sha256": digest}} for digest in digests]
    return json.dumps(
        {"subject": subjects, "predicateType": "https://slsa.dev/provenance/v1"}
    ).encode()


class Genuine:
    """In place of sigstore's verifier: takes every bundle, and says what is in it."""

    def __init__(self, kind: str, *payloads: bytes) -> None:
        self.answers = [(kind, payload) for payload in payloads]
        self.policies: list[Any] = []

    def verify_dsse(self, bundle: object, policy: object) -> tuple[str, bytes]:
        self.policies.append(policy)
        return self.answers.pop(0)


@pytest.fixture
def genuine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(kind: str, *payloads: bytes) -> Genuine:
        from sigstore.models import Bundle
        from sigstore.verify import Verifier

        verifier = Genuine(kind, *payloads)
        monkeypatch.setattr(Verifier, "production", lambda *, offline: verifier)
        monkeypatch.setattr(Bundle, "from_json", lambda text: text)
        return verifier

    return install


def test_archives_that_are_attested_are_accepted(genuine: Any, tmp_path: Path) -> None:
    verifier = genuine("application/vnd.in-toto+json", statement(A), statement(B))
    (tmp_path / "bundles.jsonl").write_text("{}\n{}\n")
    verify_attestation(tmp_path / "bundles.jsonl", "acme/vec", [("a.zip", A), ("b.zip", B)])
    assert len(verifier.policies) == 2


def test_an_archive_that_is_not_attested_is_refused(genuine: Any, tmp_path: Path) -> None:
    genuine("application/vnd.in-toto+json", statement(A))
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"no attestation is for b\.zip"):
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [("a.zip", A), ("b.zip", B)])


def test_a_bundle_of_something_else_is_refused(genuine: Any, tmp_path: Path) -> None:
    genuine("text/plain", b"hello")
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(IntegrityError, match="holds 'text/plain', no statement about archives"):
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [("a.zip", A)])


@pytest.mark.parametrize("text", ["{}", '{"mediaType": "x"}', "not json", '{"a": 1}\n{"b": 2}'])
def test_what_is_no_bundle_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(IntegrityError, match="the attestation is not one of acme/vec") as caught:
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [("a.zip", A)])
    assert caught.value.exit_code == 4


def test_an_empty_file_attests_nothing(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("\n")
    with pytest.raises(IntegrityError, match="no attestation is for"):
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [("a.zip", A)])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [])


def test_without_sigstore_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        verify_attestation(tmp_path / "bundle.json", "acme/vec", [])
    assert "cgo-prebuilt[sigstore]" in str(caught.value.remedy)


def test_a_file_holds_one_bundle_or_one_a_line() -> None:
    assert split_bundles('{\n "a": 1\n}\n') == ['{\n "a": 1\n}\n']
    assert split_bundles('{"a": 1}\n\n{"b": 2}\n') == ['{"a": 1}', '{"b": 2}']


def test_a_hash_counts_and_not_a_name() -> None:
    assert unattested([statement(B)], [("x", A), ("y", B), ("y", A)]) == ["x", "y"]
