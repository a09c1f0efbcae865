"""Signatures of `SHA256SUMS` with SSH keys: made by `pack`, pinned by `lock`, enforced by `fetch`.

OpenSSH 8.1 and later makes and verifies them (`ssh-keygen -Y`, PROTOCOL.sshsig), which is on nearly
every machine. What is signed are the sums, so that a fetch, which hashes each archive anyway, needs
no second hash of it, and no request for the signature: the lock holds both texts.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.files.renames import write_whole
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.releases.sums import SIGNATURE, SUMS, parse_sums, sums_held

# What PROTOCOL.sshsig calls a namespace: a signature for something else is none for a release.
_NAMESPACE = "cgo-prebuilt"
_SIGNER = "publisher"


def sign(sums: Path, key: Path) -> Path:
    """Signs a `SHA256SUMS`, which no other process changes meanwhile.

    Args:
        sums: The file.
        key: A private key, or a public one whose private half an ssh-agent has.

    Returns:
        The signature's path. One that is there is replaced.

    Raises:
        UsageError: ssh-keygen is not there, or refuses; or the signature cannot be written.
    """
    target = sums.with_name(SIGNATURE)
    with sums_held(sums), tempfile.TemporaryDirectory() as folder:
        try:
            # A copy: ssh-keygen would ask whether to overwrite the signature beside the original.
            copy = Path(folder) / SUMS
            copy.write_bytes(sums.read_bytes())
            command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", _NAMESPACE]
            done = _run([*command, str(copy)])
            if done.returncode:
                raise UsageError(
                    f"ssh-keygen cannot sign: {_said(done)}",
                    where=str(key),
                    remedy="name a private key that ssh-keygen may read, or whose public half is in"
                    " ssh-agent",
                )
            write_whole(target, copy.with_name(SIGNATURE).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{SUMS} cannot be signed: {error.strerror}",
                where=str(error.filename2 or error.filename or target),
                remedy="check the folder's permissions and the space that is left",
            ) from None
    return target


def check_signature(signature: Signature, archives: Iterable[tuple[str, str]]) -> None:
    """Checks that a key's owner vouches for archives.

    Args:
        signature: What the lock holds.
        archives: File names, each with its SHA-256; several archives may have one name.

    Raises:
        IntegrityError: The signature is not of these sums by this key, or lacks an archive.
        UsageError: ssh-keygen is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        signers, text = Path(folder) / "signers", Path(folder) / SIGNATURE
        signer = f'{_SIGNER} namespaces="{_NAMESPACE}" {signature.public_key}\n'
        # Bytes all the way: what is written as text gets other line ends on Windows.
        signers.write_bytes(signer.encode())
        text.write_bytes(signature.signature.encode())
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", _SIGNER]
        done = _run([*command, "-n", _NAMESPACE, "-s", str(text)], signature.sums.encode())
    if done.returncode:
        raise IntegrityError(
            f"the signature of {SUMS} is not that of the public key: {_said(done)}",
            where=signature.public_key,
            remedy="do not use it; ask the publisher whether the key changed",
        )
    try:
        sums = parse_sums(signature.sums)
    except ValueError as error:
        raise IntegrityError(
            f"the signed {SUMS} is malformed: {error}", remedy="ask the publisher to pack it again"
        ) from None
    strange = [file for file, digest in archives if sums.get(file) != digest]
    if strange:
        raise IntegrityError(
            f"the publisher's signature does not cover {', '.join(strange)}",
            where=signature.public_key,
            remedy="do not use it; restore the lock, or make it anew with `cgo-prebuilt lock`",
        )


def _run(command: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=stdin, capture_output=True, check=False)
    except OSError as error:
        raise UsageError(
            f"ssh-keygen cannot be run: {error.strerror}",
            remedy="install OpenSSH 8.1 or later",
        ) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())[:300]
