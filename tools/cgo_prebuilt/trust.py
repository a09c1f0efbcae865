"""A consumer's requirements on a lock's signatures and attestations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cgo_prebuilt.errors import UsageError

LEVELS = ("none", "signed", "attested")
"""The levels of trust, in ascending order: nothing, a signature by a key, an attestation by a workflow."""

PUBLIC_KEY = r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}"
"""An SSH public key: its type and base64, without options before it or a comment after it."""

_IDENTITY = r"[\w.-]+/[\w.-]+(/\.github/workflows/[^@\s/]+\.ya?ml(@refs/\S+)?)?"
GITHUB = "https://github.com/"
"""The prefix of repository and workflow names in the certificates of attestations."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The requirements on a lock's version.

    Attributes:
        level: One of `LEVELS`, the minimum.
        public_key: The SSH key that must have signed the release, `ssh-ed25519 AAAA...`; or None.
        identity: Who must have attested the release: a GitHub repository, `OWNER/NAME`, or a workflow
            of one, `OWNER/NAME/.github/workflows/FILE.yml`, with `@REF` or at any ref; or None.
    """

    level: str = "none"
    public_key: str | None = None
    identity: str | None = None


NO_REQUIREMENTS = Trust()
"""No requirement: the lock alone decides."""


def trust_of(level: str | None, public_key: str | None, identity: str | None) -> Trust:
    """Return the requirements; a key or an identity implies its level.

    Args:
        level: The required level, or None.
        public_key: The text of the key's `.pub` file, or None.
        identity: See `Trust`; a URL on github.com is understood, too.

    Raises:
        UsageError: The key or the identity is malformed.
    """
    levels = [level or "none"]
    if public_key is not None:
        levels.append("signed")
    if identity is not None:
        levels.append("attested")
    return Trust(
        max(levels, key=LEVELS.index),
        None if public_key is None else _public_key(public_key),
        None if identity is None else parse_identity(identity),
    )


def parse_identity(text: str) -> str:
    """Parse an identity into the form of `Trust`.

    Raises:
        UsageError: It is malformed.
    """
    identity = text.strip().removeprefix(GITHUB)
    if not re.fullmatch(_IDENTITY, identity):
        raise UsageError(
            f"{text!r} is not a GitHub repository or a workflow of one",
            where="--identity",
            remedy="use OWNER/NAME, or OWNER/NAME/.github/workflows/FILE.yml",
        )
    return identity


def is_of_identity(repository: str, workflow: str, identity: str) -> bool:
    """Return whether an attestation matches an identity.

    Args:
        repository: The repository of the workflow, `OWNER/NAME`.
        workflow: The workflow, `OWNER/NAME/.github/workflows/FILE@REF`.
        identity: See `Trust`.
    """
    if "/.github/" not in identity:
        return repository == identity
    # A reusable workflow of another repository, called by this one, does not match.
    is_own = identity.startswith(f"{repository}/")
    return is_own and (workflow == identity or workflow.startswith(f"{identity}@"))


def find_public_key(text: str) -> str | None:
    """Return the key in a `.pub` file, without its comment; None without one."""
    key = " ".join(text.split()[:2])
    return key if re.fullmatch(PUBLIC_KEY, key) else None


def _public_key(text: str) -> str:
    key = find_public_key(text)
    if key is None:
        raise UsageError(
            f"the pinned key is not the text of a .pub file: {text[:80]!r}",
            where="--public-key",
            remedy="give the text itself, such as 'ssh-ed25519 AAAA...'",
        )
    return key
