"""Attestations: genuine ones of GitHub's workflows, by the real sigstore, without a network."""

from __future__ import annotations

import copy
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.trust import is_of_identity, parse_identity
from cgo_prebuilt.vouching.attestation import (
    parse_statement,
    split_bundles,
    verify_attestations,
    verify_bundle,
    verify_recorded,
)
from tests.attestations import ARCHIVE, COMMIT, REPOSITORY, WORKFLOW, Genuine, unpack

pytest.importorskip("sigstore", reason="the extra `attestations` is not installed")

A, B = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    return unpack(tmp_path_factory.mktemp("genuine"))


def digest_of(genuine: Genuine) -> str:
    return hashlib.sha256(genuine.archive.read_bytes()).hexdigest()


def test_a_genuine_attestation_is_accepted(genuine: Genuine, tmp_path: Path) -> None:
    file, digest = tmp_path / "bundle.json", digest_of(genuine)
    # Beside others that are genuine, too, and say nothing of who built it; pretty or one a line.
    file.write_text("\n".join([genuine.gitlab(), genuine.bundle("publish"), genuine.bundle()]))
    for identity in (REPOSITORY, WORKFLOW, f"{WORKFLOW}@refs/tags/v0.0.19"):
        (found,) = verify_attestations(file, identity, [(ARCHIVE, digest)])
        file.write_text(json.dumps(json.loads(genuine.bundle()), indent=2))
    assert found.issuer == "https://token.actions.githubusercontent.com"
    assert found.repository == REPOSITORY
    assert found.workflow == f"{WORKFLOW}@refs/tags/v0.0.19"
    assert found.commit == COMMIT
    assert found.predicate == "https://slsa.dev/provenance/v1"
    assert "\n" not in found.bundle
    assert verify_recorded(found) == {digest}


@pytest.mark.parametrize("key", ["issuer", "repository", "workflow", "commit", "predicate"])
def test_a_record_that_its_bundle_does_not_prove_is_refused(genuine: Genuine, key: str) -> None:
    found = replace(verify_bundle(genuine.bundle()).attestation, **{key: "acme/vec"})
    with pytest.raises(IntegrityError, match="record of the attestation contradicts its bundle"):
        verify_recorded(found)


@pytest.mark.parametrize(
    "identity",
    [
        "acme/vec",
        "trailofbits/pypi",
        f"{REPOSITORY}/.github/workflows/other.yml",
        f"{WORKFLOW}@refs/tags/v0.0.18",
    ],
)
def test_an_attestation_of_another_identity_is_refused(
    genuine: Genuine, tmp_path: Path, identity: str
) -> None:
    (tmp_path / "bundle.json").write_text(genuine.bundle())
    with pytest.raises(IntegrityError) as caught:
        verify_attestations(tmp_path / "bundle.json", identity, [(ARCHIVE, digest_of(genuine))])
    assert f"no attestation of {identity} is for {ARCHIVE}; one is by {WORKFLOW}" in str(
        caught.value
    )
    assert caught.value.exit_code == 4


def test_an_archive_that_is_not_attested_is_refused(genuine: Genuine, tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text(genuine.bundle())
    archives = [(ARCHIVE, digest_of(genuine)), (ARCHIVE, B), ("b.zip", A)]
    with pytest.raises(IntegrityError, match=rf"no attestation of .* is for {ARCHIVE}, b\.zip\n"):
        verify_attestations(tmp_path / "bundle.json", REPOSITORY, archives)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("publish", "states https://docs.pypi.org/attestations/publish/v1, not how the archives"),
        ("gitlab", "the attestation is not genuine: .*OIDCIssuerV2 does not match"),
    ],
)
def test_an_attestation_of_the_upload_is_not_provenance(
    genuine: Genuine, kind: str, words: str
) -> None:
    with pytest.raises(IntegrityError, match=words):
        verify_bundle(genuine.gitlab() if kind == "gitlab" else genuine.bundle(kind))


# What is not genuine.


def changed(document: Any) -> Iterator[Any]:
    """A JSON document with each of its values in turn left out, replaced, or altered by a letter."""

    def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield (*path, key)
            if isinstance(value[key], dict | list):
                yield from places(value[key], (*path, key))

    for path in places(document, ()):
        values: tuple[Any, ...] = (None, [], {}, "", 7, "letter", "absent")
        for value in values:
            other = copy.deepcopy(document)
            *above, last = path
            parent = other
            for key in above:
                parent = parent[key]
            if value == "absent":
                del parent[last]
            elif value != "letter":
                parent[last] = value
            elif isinstance(parent[last], str) and len(parent[last]) > 8:
                text = parent[last]
                parent[last] = text[:6] + ("A" if text[6] != "A" else "B") + text[7:]
            else:
                continue
            yield other


def test_no_change_to_a_genuine_bundle_makes_it_say_something_else(genuine: Genuine) -> None:
    """Whatever is done to it, it is refused in words, or still says what it said."""
    said = verify_bundle(genuine.bundle())
    refused = 0
    for document in changed(json.loads(genuine.bundle())):
        try:
            found = verify_bundle(json.dumps(document))
        except IntegrityError as error:
            refused += "the attestation " in error.what
        else:
            same = replace(found.attestation, bundle=said.attestation.bundle)
            assert (same, found.digests) == (said.attestation, said.digests)
    assert refused > 100  # and a few changes are of no matter, such as an empty list for none


@pytest.mark.parametrize(
    "text", ["{}", '{"mediaType": "x"}', "not json", '{"a": 1}\n{"b": 2}', "[" * 100_000, "[]", "7"]
)
def test_a_malformed_bundle_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(
        IntegrityError, match=r"is for a\.zip; the attestation is not genuine"
    ) as one:
        verify_attestations(tmp_path / "bundle.json", "acme/vec", [("a.zip", A)])
    assert one.value.exit_code == 4


@pytest.mark.parametrize(
    "statement",
    [
        "not json",
        "[" * 100_000,
        "[]",
        "{}",
        '{"predicateType": "https://slsa.dev/provenance/v1"}',
        '{"predicateType": "https://slsa.dev/provenance/v1", "subject": {"a": 1}}',
        '{"predicateType": "https://slsa.dev/provenance/v1", "subject": [{}]}',
        '{"predicateType": "https://slsa.dev/provenance/v1", "subject": [{"digest": []}]}',
        '{"predicateType": 7, "subject": []}',
    ],
)
def test_a_statement_that_is_malformed_is_refused(statement: str) -> None:
    with pytest.raises(IntegrityError, match="the attestation's statement is malformed"):
        parse_statement(statement.encode())


def test_a_statement_may_be_about_what_has_no_sha256() -> None:
    subjects = [
        {"digest": {"sha512": "x"}},
        {"digest": {"sha256": ["x"]}},
        {"digest": {"sha256": A}},
    ]
    statement = {"predicateType": "https://slsa.dev/provenance/v0.2", "subject": subjects}
    assert parse_statement(json.dumps(statement).encode())[1] == {A}


def test_a_bundle_of_something_else_is_refused(
    genuine: Genuine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sigstore.verify import Verifier

    monkeypatch.setattr(Verifier, "verify_dsse", lambda *_: ("text/plain", b"hello"))
    with pytest.raises(IntegrityError, match="the type 'text/plain', which is not a statement"):
        verify_bundle(genuine.bundle())


def test_an_empty_file_attests_nothing(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("\n")
    with pytest.raises(IntegrityError, match=r"no attestation of acme/vec is for a\.zip\n"):
        verify_attestations(tmp_path / "bundle.json", "acme/vec", [("a.zip", A)])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the bundle cannot be read: No such file"):
        verify_attestations(tmp_path / "bundle.json", "acme/vec", [])


def test_without_sigstore_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    with pytest.raises(UsageError, match="the package sigstore is not installed") as caught:
        verify_bundle("{}")
    assert "cgo-prebuilt[attestations]" in str(caught.value.remedy)


def test_a_planted_root_of_trust_is_not_read(
    genuine: Genuine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What sigstore keeps in the user's cache is not verified when it is offline."""
    from cgo_prebuilt.vouching import attestation

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    attestation._verifier.cache_clear()
    verify_bundle(genuine.bundle())
    assert list(tmp_path.iterdir()) == []


def test_a_file_holds_one_bundle_or_one_a_line() -> None:
    assert split_bundles('{\n "a": 1\n}\n') == ['{\n "a": 1\n}\n']
    assert split_bundles('{"a": 1}\n\n{"b": 2}\n') == ['{"a": 1}', '{"b": 2}']


# Identities.


@pytest.mark.parametrize(
    ("identity", "is_it"),
    [
        ("acme/vec", True),
        ("acme/ve", False),
        ("acme", False),
        ("acme/vec/.github/workflows/release.yml", True),
        ("acme/vec/.github/workflows/release.yml@refs/tags/v1", True),
        ("acme/vec/.github/workflows/release.yml@refs/tags/v", False),
        ("acme/vec/.github/workflows/release.y", False),
        ("other/shared/.github/workflows/build.yml", False),
    ],
)
def test_whose_attestation_it_is(identity: str, is_it: bool) -> None:
    workflow = "acme/vec/.github/workflows/release.yml@refs/tags/v1"
    assert is_of_identity("acme/vec", workflow, identity) is is_it


def test_a_reusable_workflow_of_another_repository_is_not_an_identity() -> None:
    called = "other/shared/.github/workflows/build.yml"
    assert not is_of_identity("acme/vec", f"{called}@refs/heads/main", called)


def test_an_identity_may_be_pasted() -> None:
    assert parse_identity(" https://github.com/acme/vec\n") == "acme/vec"
    for text in ("acme", "acme/vec/x", "https://gitlab.com/acme/vec", "acme/vec@v1", ""):
        with pytest.raises(UsageError, match="is not a GitHub repository or a workflow of one"):
            parse_identity(text)
