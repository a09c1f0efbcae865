"""GitHub's artifact attestations: that a workflow of a repository built the archives.

An attestation is a Sigstore bundle with an in-toto statement (SLSA provenance) in it. The package
`sigstore` verifies it, against the root of trust that it brings or has cached: nothing is asked
over the network. Attestations of private repositories have another root, which it does not know.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError, UsageError

_ISSUER = "https://token.actions.githubusercontent.com"
_IN_TOTO = "application/vnd.in-toto+json"


def verify_attestation(path: Path, repository: str, archives: Iterable[tuple[str, str]]) -> None:
    """Checks that workflows of a repository attest archives.

    Args:
        path: A bundle, or several with one on each line, as `gh attestation download` saves them.
        repository: `OWNER/NAME`.
        archives: File names, each with its SHA-256; several archives may have one name.

    Raises:
        UsageError: The file cannot be read, or the package `sigstore` is not installed.
        IntegrityError: A bundle is not genuine or another repository's, or an archive is in none.
    """
    if importlib.util.find_spec("sigstore") is None:
        raise UsageError(
            "the package sigstore is not installed, which verifies attestations",
            remedy="pip install 'cgo-prebuilt[sigstore]'",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the bundle cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="save it with `gh attestation download ARCHIVE --repo OWNER/NAME`",
        ) from None
    statements = [_verified(bundle, repository, path) for bundle in split_bundles(text)]
    missing = unattested(statements, archives)
    if missing:
        raise IntegrityError(
            f"no attestation is for {', '.join(missing)}",
            where=str(path),
            remedy=f"do not use it; ask {repository} which workflow built it",
        )


def split_bundles(text: str) -> list[str]:
    """The bundles in a file: one as pretty as it may be, or one on each line."""
    try:
        json.loads(text)
    except ValueError:
        return [line for line in text.split("\n") if line.strip()]
    return [text]


def unattested(statements: Iterable[bytes], archives: Iterable[tuple[str, str]]) -> list[str]:
    """The archives whose hash is no subject of an in-toto statement.

    Args:
        statements: Verified ones, as JSON.
        archives: File names, each with its SHA-256; several archives may have one name.
    """
    attested = set()
    for statement in statements:
        for subject in json.loads(statement)["subject"]:
            attested.add(subject["digest"].get("sha256"))
    return [file for file, digest in archives if digest not in attested]


def _verified(bundle: str, repository: str, path: Path) -> bytes:
    """The statement in a bundle."""
    from sigstore.errors import Error
    from sigstore.models import Bundle, InvalidBundle
    from sigstore.verify import Verifier, policy

    wanted = policy.AllOf([policy.OIDCIssuer(_ISSUER), policy.GitHubWorkflowRepository(repository)])
    try:
        kind, statement = Verifier.production(offline=True).verify_dsse(
            Bundle.from_json(bundle), wanted
        )
    except (Error, InvalidBundle, ValueError) as error:
        raise IntegrityError(
            f"the attestation is not one of {repository}: {' '.join(str(error).split())[:300]}",
            where=str(path),
            remedy="do not use the archives; download the attestation again",
        ) from None
    if kind != _IN_TOTO:
        raise IntegrityError(
            f"the attestation holds {kind!r}, no statement about archives",
            where=str(path),
            remedy="save it with `gh attestation download ARCHIVE --repo OWNER/NAME`",
        )
    return statement
