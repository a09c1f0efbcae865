"""Verify a consumer's required signatures and attestations, offline and before downloads.

A lock's own claim that it is signed proves nothing. So a consumer's requirements are verified here
against the key or the identity that the consumer pins outside the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cgo_prebuilt.errors import IntegrityError, TrustError
from cgo_prebuilt.locks.lock import Attestation, LockedVersion
from cgo_prebuilt.trust import Trust, is_of_identity

_RESTORE = "do not use it: restore the lock from version control, or ask the publisher"


@dataclass(frozen=True, slots=True)
class Voucher:
    """A verified signature or attestation of files.

    Attributes:
        description: Its kind, for people.
        who: The signer.
        digests: The SHA-256 of each file.
    """

    description: str
    who: str
    digests: frozenset[str]

    def check(self, files: Iterable[tuple[str, str]]) -> None:
        """Refuse files that this voucher does not cover.

        Args:
            files: Names, each with its SHA-256.

        Raises:
            TrustError: It does not cover a file.
        """
        uncovered = [name for name, digest in files if digest not in self.digests]
        if uncovered:
            raise TrustError(
                f"{self.description} does not cover {', '.join(uncovered)}",
                where=self.who,
                remedy=_RESTORE,
            )


def vouchers(trust: Trust, what: str, locked: LockedVersion) -> tuple[Voucher, ...]:
    """Verify a consumer's requirements on a version.

    Args:
        trust: The requirements.
        what: The library and its version, for errors.
        locked: The version.

    Returns:
        The vouchers, each of which must cover every file that is used; none if nothing is required.

    Raises:
        TrustError: The lock does not meet the requirements, or a signature or attestation is not genuine.
        UsageError: The package that verifies them is not installed.
    """
    try:
        return tuple(_vouchers(trust, what, locked))
    except TrustError:
        raise
    except IntegrityError as error:
        raise TrustError(
            error.what, where=f"{error.where} of {what}", remedy=error.remedy
        ) from None


def _vouchers(trust: Trust, what: str, locked: LockedVersion) -> Iterator[Voucher]:
    is_attested = trust.level == "attested"
    if trust.public_key is not None:
        yield _signer(trust.public_key, what, locked)
    elif trust.level == "signed" and locked.signature is not None:
        yield _signer(locked.signature.public_key, what, locked)
    elif trust.level == "signed":
        is_attested = True  # an attestation is enough, too: it is a higher level
    if is_attested:
        yield _attester(trust, what, locked)


def _signer(public_key: str, what: str, locked: LockedVersion) -> Voucher:
    from cgo_prebuilt.vouching.signing import signed_sums

    signature = locked.signature
    if signature is None:
        raise TrustError(
            f"{what} is not signed, and a public key is pinned for it",
            where=public_key,
            remedy=f"{_RESTORE}; unpin the key only if releases are not signed any more",
        )
    if signature.public_key != public_key:
        raise TrustError(
            f"{what} is signed by a key other than the pinned one",
            where=f"pinned: {public_key}\n      signed by: {signature.public_key}",
            remedy=f"{_RESTORE} whether its key changed, and pin the new one",
        )
    digests = frozenset(signed_sums(signature).values())
    return Voucher("the publisher's signature", public_key, digests)


def _attester(trust: Trust, what: str, locked: LockedVersion) -> Voucher:
    from cgo_prebuilt.vouching.attestation import verify_recorded

    if not locked.attestations:
        least = "attested" if trust.level == "attested" else "signed"
        raise TrustError(
            f"{what} is not {least}, the required minimum",
            where=trust.identity or f"trust: {trust.level}",
            remedy=f"{_RESTORE}; `cgo-prebuilt lock` records signatures (a manifest's 'public_key')"
            " and attestations (--verify-attestation)",
        )
    attestations = [one for one in locked.attestations if _is_wanted(one, trust.identity)]
    if not attestations:
        others = ", ".join(dict.fromkeys(one.workflow for one in locked.attestations))
        raise TrustError(
            f"{what} is attested by an identity other than the pinned one",
            where=f"pinned: {trust.identity}\n      attested by: {others}",
            remedy=f"{_RESTORE} whether its workflow changed, and pin the new one",
        )
    digests = frozenset[str]().union(*map(verify_recorded, attestations))
    who = ", ".join(dict.fromkeys(one.workflow for one in attestations))
    return Voucher("the attestation", who, digests)


def _is_wanted(attestation: Attestation, identity: str | None) -> bool:
    return identity is None or is_of_identity(
        attestation.repository, attestation.workflow, identity
    )
