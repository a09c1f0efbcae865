"""SSH signatures of `SHA256SUMS`: made by `pack`, verified by `lock` and by fetches that pin a key.

`ssh-keygen` makes them, the package `cryptography` verifies them (`sshsig`). Only the sums are signed, so
verification needs neither the archives nor the network: the lock holds the sums and the signature.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from cgo_prebuilt.bounded_read import bytes_of_file, open_file
from cgo_prebuilt.bounded_run import Completed
from cgo_prebuilt.errors import SCARCE, IntegrityError, PackageError, UsageError, reporting
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.vouching.sshsig import SshSignatureError, verify
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS, parse_sums, update_sums

# The namespace of PROTOCOL.sshsig: a signature for another purpose is not valid for a release.
_NAMESPACE = "cgo-prebuilt"

_OTHER_KEY = "name a private key that ssh-keygen may read, or whose public half is in ssh-agent"


def check_key(key: Path) -> None:
    """Check that a file is a key, before anything is written; this asks for no passphrase.

    Args:
        key: See `sign`.

    Raises:
        UsageError: It is not a key, or ssh-keygen is missing.
    """
    with reporting("the key cannot be read", where=key, remedy=_OTHER_KEY), open_file(key) as file:
        is_empty = not file.read(1)  # ssh-keygen would wait for whoever writes into a pipe
    if is_empty:
        raise UsageError("the key file is empty", where=str(key), remedy=_OTHER_KEY)
    if _run(["ssh-keygen", "-l", "-f", str(key)]).code:
        raise UsageError("ssh-keygen finds no key in the file", where=str(key), remedy=_OTHER_KEY)


def update_signed(sums: Path, entries: Mapping[str, str], key: Path | None) -> None:
    """Add hashes to a `SHA256SUMS`, and sign it if there is a key; see `sign` and `update_sums`."""
    if key is None:
        update_sums(sums, entries)
    else:
        sign(sums, key, entries)


def sign(sums: Path, key: Path, entries: Mapping[str, str] | None = None) -> Path:
    """Add hashes to a `SHA256SUMS`, and sign it; if it cannot be signed, nothing changes.

    Args:
        sums: The file.
        key: A private key, or a public one whose private half is in an ssh-agent.
        entries: Hashes to add, by file.

    Returns:
        The signature's path. An existing signature is replaced.

    Raises:
        UsageError: The file is not a key, ssh-keygen is missing or fails, or the sums or the
            signature cannot be written.
    """
    check_key(key)
    update_sums(sums, entries or {}, lambda text: _signature(text, key))
    return sums.with_name(SIGNATURE)


def _signature(text: bytes, key: Path) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / SUMS
            copy.write_bytes(text)
            command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", _NAMESPACE]
            done = _run([*command, str(copy)])
            if done.code:
                raise UsageError(
                    f"ssh-keygen cannot sign: it {done.failure()}",
                    where=str(key),
                    remedy=_OTHER_KEY,
                )
            return bytes_of_file(copy.with_name(SIGNATURE))
    except OSError as error:
        raise UsageError(
            f"{SUMS} cannot be signed: {error.strerror}",
            where=str(error.filename or tempfile.gettempdir()),
            remedy="check the folder's permissions and the space that is left",
        ) from None


def check_signature(signature: Signature, archives: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Verify that a key signed the hashes of archives.

    Args:
        signature: The signature in the lock.
        archives: File names, each with its SHA-256; several archives may have one name.

    Returns:
        All hashes that the key signed, by file.

    Raises:
        IntegrityError: The key did not sign these sums, or they lack an archive.
        PackageError: The package `cryptography` is not installed.
    """
    sums = signed_sums(signature)
    strange = [file for file, digest in archives if sums.get(file) != digest]
    if strange:
        raise IntegrityError(
            f"the publisher's signature does not cover {', '.join(strange)}",
            where=signature.public_key,
            remedy="do not use it; restore the lock, or create it again with `cgo-prebuilt lock`",
        )
    return sums


def signed_sums(signature: Signature) -> dict[str, str]:
    """Verify a signature, and return the signed hashes by file.

    Raises:
        IntegrityError: The key did not sign these sums.
        PackageError: The package `cryptography` is not installed.
    """
    try:
        verify(signature.signature, signature.sums.encode(), signature.public_key, _NAMESPACE)
    except ImportError:
        raise PackageError(
            "the package cryptography is not installed, which verifies signatures",
            where=sys.executable,
            remedy="pip install 'cgo-prebuilt[signatures]'",
        ) from None
    except SshSignatureError as error:
        raise IntegrityError(
            f"the signature of {SUMS} is not that of the public key: {error}",
            where=signature.public_key,
            remedy="do not use it; ask the publisher whether the key changed",
        ) from None
    try:
        return parse_sums(signature.sums)
    except ValueError as error:
        raise IntegrityError(
            f"the signed {SUMS} is malformed: {error}",
            where=SUMS,
            remedy="ask the publisher to pack it again",
        ) from None


def _run(command: list[str]) -> Completed:
    try:
        # On this terminal: it may ask for a passphrase.
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        if error.errno in SCARCE:
            raise
        raise UsageError(
            f"ssh-keygen cannot be run: {error.strerror}",
            where=command[0],
            remedy="install OpenSSH 8.1 or later",
        ) from None
    return Completed(done.returncode, done.stdout, done.stderr)
