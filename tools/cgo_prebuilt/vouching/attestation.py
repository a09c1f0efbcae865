"""GitHub's artifact attestations: a repository's workflow built the archives.

An attestation is a Sigstore bundle with an in-toto statement (SLSA provenance). The package `sigstore`
verifies it against its bundled root of trust, without a network. Attestations of private repositories
have a different root, which it does not know.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.errors import IntegrityError, PackageError, reporting
from cgo_prebuilt.locks.lock import Attestation
from cgo_prebuilt.trust import GITHUB, is_of_identity

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier

_ISSUER = "https://token.actions.githubusercontent.com"
_IN_TOTO = "application/vnd.in-toto+json"
_PROVENANCE = "https://slsa.dev/provenance/"

_WHERE = "the attestation"

# The numbers of certificate extensions: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_REPOSITORY = "1.3.6.1.4.1.57264.1.12"
_COMMIT = "1.3.6.1.4.1.57264.1.13"
_WORKFLOW = "1.3.6.1.4.1.57264.1.18"


@dataclass(frozen=True, slots=True)
class Attested:
    """A verified attestation, and the SHA-256 of its subjects."""

    attestation: Attestation
    digests: frozenset[str]


def verify_attestations(
    path: Path, identity: str, archives: Iterable[tuple[str, str]]
) -> tuple[Attestation, ...]:
    """Verify that an identity attests archives.

    Args:
        path: A bundle, or several, one on each line, as `gh attestation download` saves them. Bundles of
            other identities or about other files are ignored.
        identity: A repository or a workflow, see `Trust`.
        archives: File names, each with its SHA-256; several archives may have one name.

    Returns:
        The attestations of these archives.

    Raises:
        UsageError: The file cannot be read, or the package `sigstore` is not installed.
        IntegrityError: No genuine attestation of this identity covers an archive.
    """
    with reporting(
        "the bundle cannot be read",
        where=path,
        remedy="save it with `gh attestation download ARCHIVE --repo OWNER/NAME`",
    ):
        text = text_of_file(path)
    archives = list(archives)
    verified, refused = [], []
    for bundle in split_bundles(text):
        try:
            verified.append(_of_identity(verify_bundle(bundle), identity))
        except IntegrityError as error:
            refused.append(error.what)
    wanted = {digest for _, digest in archives}
    useful = [one for one in verified if one.digests & wanted]
    attested = frozenset[str]().union(*(one.digests for one in useful))
    missing = [file for file, digest in archives if digest not in attested]
    if missing:
        reasons = "".join(f"; {reason}" for reason in dict.fromkeys(refused))
        raise IntegrityError(
            f"no attestation of {identity} is for {', '.join(missing)}{reasons}"[:1000],
            where=str(path),
            remedy="do not use the archives; download the attestation again, or ask the publisher"
            " which workflow built them",
        )
    return tuple(one.attestation for one in useful)


def verify_recorded(attestation: Attestation) -> frozenset[str]:
    """Verify an attestation in a lock again.

    Returns:
        The SHA-256 of every attested file.

    Raises:
        PackageError: The package `sigstore` is not installed.
        IntegrityError: The bundle is not genuine, or contradicts the lock's record.
    """
    found = verify_bundle(attestation.bundle)
    if replace(found.attestation, bundle=attestation.bundle) != attestation:
        raise _refusal("the lock's record of the attestation contradicts its bundle")
    return found.digests


def split_bundles(text: str) -> list[str]:
    """Split a file into bundles: one, formatted in any way, or one a line."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return [line for line in text.split("\n") if line.strip()]
    return [text]


def verify_bundle(bundle: str) -> Attested:
    """Verify a bundle: a GitHub workflow states that it built something.

    Args:
        bundle: A Sigstore bundle, as JSON.

    Raises:
        PackageError: The package `sigstore` is not installed.
        IntegrityError: It is malformed, not genuine, or has a different statement.
    """
    try:
        from sigstore.models import Bundle
        from sigstore.verify.policy import OIDCIssuerV2
    except ImportError:
        raise PackageError(
            "the package sigstore is not installed, which verifies attestations",
            where=sys.executable,
            remedy="pip install 'cgo-prebuilt[attestations]'",
        ) from None
    verifier = _verifier()
    try:
        parsed = Bundle.from_json(bundle)
        kind, payload = verifier.verify_dsse(parsed, OIDCIssuerV2(_ISSUER))
        certificate = parsed.signing_certificate
        repository, commit, workflow = (
            _extension(certificate, oid) for oid in (_REPOSITORY, _COMMIT, _WORKFLOW)
        )
    except Exception as error:  # a hostile bundle can cause any exception; it is then not verified
        raise IntegrityError(
            f"the attestation is not genuine: {' '.join(str(error).split())[:300]}",
            where=_WHERE,
            remedy="do not use the archives; if they are newer than this program, update it: its"
            " root of trust may be too old",
        ) from None
    if kind != _IN_TOTO:
        raise _refusal(
            f"the attestation has the type {kind!r}, which is not a statement about archives"
        )
    predicate, digests = parse_statement(payload)
    return Attested(
        Attestation(
            _ISSUER,
            repository.removeprefix(GITHUB),
            workflow.removeprefix(GITHUB),
            commit,
            predicate,
            # In the form of the lock's JSON; the signed parts are in base64.
            json.dumps(json.loads(bundle), separators=(",", ":"), sort_keys=True),
        ),
        digests,
    )


def parse_statement(payload: bytes) -> tuple[str, frozenset[str]]:
    """Read an in-toto statement of SLSA provenance.

    Returns:
        The type of its predicate, and the SHA-256 of its subjects.

    Raises:
        IntegrityError: It is malformed, or is not a statement about a build.
    """
    try:
        statement = json.loads(payload)
        predicate = statement["predicateType"]
        digests = [subject["digest"].get("sha256") for subject in statement["subject"]]
        if not isinstance(predicate, str):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _refusal("the attestation's statement is malformed") from None
    if not predicate.startswith(_PROVENANCE):
        raise _refusal(f"the attestation states {predicate[:200]}, not how the archives were built")
    return predicate, frozenset(digest for digest in digests if isinstance(digest, str))


def _refusal(what: str) -> IntegrityError:
    return IntegrityError(
        what,
        where=_WHERE,
        remedy="do not use the archives; ask the publisher for the attestation of the workflow that"
        " built them",
    )


def _of_identity(attested: Attested, identity: str) -> Attested:
    found = attested.attestation
    if not is_of_identity(found.repository, found.workflow, identity):
        raise _refusal(f"one is by {found.workflow}")
    return attested


@functools.cache
def _verifier() -> Verifier:
    """Return a verifier with sigstore's bundled root of trust.

    The package's own offline mode is not used: it prefers an unverified copy in the user's cache.
    """
    from importlib.resources import as_file, files

    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    place = quote("https://tuf-repo-cdn.sigstore.dev", safe="")
    with as_file(files("sigstore") / "_store" / place / "trusted_root.json") as root:
        return Verifier(trusted_root=TrustedRoot.from_file(str(root)))


def _extension(certificate: Certificate, oid: str) -> str:
    """Return the text of a certificate's extension, a DER UTF8String (X.690, section 8.23)."""
    from cryptography.x509 import ObjectIdentifier, UnrecognizedExtension

    value = certificate.extensions.get_extension_for_oid(ObjectIdentifier(oid)).value
    assert isinstance(value, UnrecognizedExtension)
    data = value.value
    start, size = 2, data[1]
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    if data[0] != 0x0C or len(data) != start + size:
        raise ValueError(f"the certificate's extension {oid} is not a text")
    return data[start:].decode()
