"""SSH signatures: the real ssh-keygen signs, and verifies what only a security key could sign."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from cgo_prebuilt.vouching.sshsig import SshSignatureError, parse_signature, verify

MESSAGE = b"the sums\n"
NAMESPACE = "cgo-prebuilt"


def string(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def armored(blob: bytes) -> str:
    lines = base64.encodebytes(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n"


def blob_of(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


def signed_by(
    folder: Path, *kind: str, namespace: str = NAMESPACE, message: bytes = MESSAGE
) -> tuple[str, str]:
    """A public key that ssh-keygen made, and its signature."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", *kind, "-f", str(key)], check=True)
    (folder / "message").write_bytes(message)
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", namespace]
    subprocess.run([*sign, str(folder / "message")], check=True)
    public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    return public, (folder / "message.sig").read_text()


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ed25519"),
        ("-t", "ecdsa", "-b", "256"),
        ("-t", "ecdsa", "-b", "384"),
        ("-t", "ecdsa", "-b", "521"),
        ("-t", "rsa", "-b", "2048"),
    ],
    ids=" ".join,
)
def test_what_ssh_keygen_signs_is_verified(tmp_path: Path, kind: tuple[str, ...]) -> None:
    public, signature = signed_by(tmp_path, *kind)
    verify(signature, MESSAGE, public, NAMESPACE)
    verify(f"\r\n{signature}\r\n".replace("\n", "\r\n"), MESSAGE, public, NAMESPACE)
    with pytest.raises(SshSignatureError, match="it does not match the contents"):
        verify(signature, MESSAGE + b"x", public, NAMESPACE)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return signed_by(tmp_path_factory.mktemp("key"), "-t", "ed25519")


def test_a_signature_of_another_key_is_refused(tmp_path: Path, signed: tuple[str, str]) -> None:
    other, _ = signed_by(tmp_path, "-t", "ed25519")
    with pytest.raises(SshSignatureError, match="another key made it"):
        verify(signed[1], MESSAGE, other, NAMESPACE)


def test_a_signature_that_only_names_the_key_is_refused(
    tmp_path: Path, signed: tuple[str, str]
) -> None:
    other, forged = signed_by(tmp_path, "-t", "ed25519")
    made_with, wanted = (base64.b64decode(key.split()[1]) for key in (other, signed[0]))
    forged = armored(blob_of(forged).replace(made_with, wanted))
    with pytest.raises(SshSignatureError, match="it does not match the contents"):
        verify(forged, MESSAGE, signed[0], NAMESPACE)


def test_a_signature_of_another_purpose_is_refused(tmp_path: Path) -> None:
    public, signature = signed_by(tmp_path, "-t", "ed25519", namespace="git")
    with pytest.raises(SshSignatureError, match="it is for 'git'"):
        verify(signature, MESSAGE, public, NAMESPACE)


def _token(
    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
) -> tuple[bytes, bytes, Callable[[bytes], bytes]]:
    """A security key as PROTOCOL.u2f has it: its type, its blob, and what signs."""
    public = private.public_key()
    plain = base64.b64decode(
        public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ).split()[1]
    )
    size = struct.unpack(">I", plain[:4])[0]
    kind = b"sk-" + plain[4 : 4 + size] + b"@openssh.com"
    blob = string(kind) + plain[4 + size :] + string(b"ssh:")

    def sign(data: bytes) -> bytes:
        flags_and_counter = b"\x01" + struct.pack(">I", 7)
        data = hashlib.sha256(b"ssh:").digest() + flags_and_counter + hashlib.sha256(data).digest()
        if isinstance(private, ed25519.Ed25519PrivateKey):
            value = private.sign(data)
        else:
            der = private.sign(data, ec.ECDSA(hashes.SHA256()))
            numbers = utils.decode_dss_signature(der)
            value = string(*(n.to_bytes(n.bit_length() // 8 + 1, "big") for n in numbers))
        return string(kind, value) + flags_and_counter

    return kind, blob, sign


@pytest.mark.parametrize(
    "private",
    [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())],
    ids=["ed25519", "ecdsa"],
)
def test_what_a_security_key_signs_is_verified(
    tmp_path: Path, private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    kind, blob, sign = _token(private)
    digest = hashlib.sha512(MESSAGE).digest()
    fields = string(NAMESPACE.encode(), b"", b"sha512")
    signature = sign(b"SSHSIG" + fields + string(digest))
    text = armored(b"SSHSIG" + struct.pack(">I", 1) + string(blob) + fields + string(signature))
    public = f"{kind.decode()} {base64.b64encode(blob).decode()}"
    # The test's own signature is right: ssh-keygen says so.
    (tmp_path / "signers").write_text(f"me {public}\n")
    (tmp_path / "sig").write_text(text)
    command = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "me", "-n", NAMESPACE]
    subprocess.run([*command, "-s", "sig"], cwd=tmp_path, input=MESSAGE, check=True)
    verify(text, MESSAGE, public, NAMESPACE)
    with pytest.raises(SshSignatureError, match="it does not match the contents"):
        verify(text, MESSAGE + b"x", public, NAMESPACE)
    with pytest.raises(SshSignatureError, match="it is cut off"):
        verify(armored(blob_of(text)[:-5]), MESSAGE, public, NAMESPACE)


# What is malformed.


def test_a_signature_that_is_changed_anywhere_is_refused(signed: tuple[str, str]) -> None:
    public, signature = signed
    blob = blob_of(signature)
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 0x41]) + blob[at + 1 :]
        for text in (armored(changed), armored(blob[:at])):
            with pytest.raises(SshSignatureError):
                verify(text, MESSAGE, public, NAMESPACE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an armored SSH signature"),
        ("-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----", "not an armored"),
        (armored(b"").replace("SIGNATURE-----\n-", "SIGNATURE-----\n%é\n-"), "its base64 is mal"),
        (armored(b"PGPSIG"), "it is not a version 1 SSH signature|it is cut off"),
        (armored(b"SSHSIG\0\0\0\2"), "it is not a version 1 SSH signature"),
        (
            armored(b"SSHSIG\0\0\0\1" + string(b"k", b"n", b"", b"md5", b"s")),
            "its hash algorithm is 'md5'",
        ),
        (
            armored(b"SSHSIG\0\0\0\1" + string(b"k", b"n", b"", b"sha256", b"s") + b"x"),
            "something follows its last field",
        ),
        (armored(b"SSHSIG\0\0\0\1\xff\xff\xff\xff"), "it is cut off"),
    ],
)
def test_a_malformed_signature_is_refused(text: str, words: str) -> None:
    with pytest.raises(SshSignatureError, match=words):
        parse_signature(text)


def _claiming(kind: str, blob: bytes, algorithm: bytes, value: bytes = b"") -> tuple[str, str]:
    """A key and a signature that says to be of it."""
    fields = string(blob, NAMESPACE.encode(), b"", b"sha512", string(algorithm, value))
    public = f"{kind} {base64.b64encode(blob).decode()}"
    return public, armored(b"SSHSIG" + struct.pack(">I", 1) + fields)


def _ed25519_blob() -> bytes:
    return string(
        b"ssh-ed25519", ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    )


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (_claiming("ssh-ed25519", _ed25519_blob(), b"ssh-rsa"), "its algorithm is b'ssh-rsa'"),
        (_claiming("ssh-ed25519", b"", b"ssh-ed25519"), "the public key cannot be used"),
        (_claiming("ssh-odd", string(b"ssh-odd"), b"ssh-odd"), "the public key cannot be used"),
        (
            _claiming("sk-ssh-ed25519@openssh.com", string(b"ssh-rsa", b"", b""), b"ssh-rsa"),
            "it is cut off",
        ),
    ],
)
def test_a_malformed_key_is_refused(claim: tuple[str, str], words: str) -> None:
    with pytest.raises(SshSignatureError, match=words):
        verify(claim[1], MESSAGE, claim[0], NAMESPACE)


def test_an_rsa_signature_with_sha1_is_refused(tmp_path: Path) -> None:
    public, signature = signed_by(tmp_path, "-t", "rsa", "-b", "2048")
    weak = blob_of(signature).replace(b"rsa-sha2-512", b"ssh-rsa-sha1")
    with pytest.raises(
        SshSignatureError, match="its algorithm is b'ssh-rsa-sha1', its key is an RSA key"
    ):
        verify(armored(weak), MESSAGE, public, NAMESPACE)


def test_a_key_that_is_not_base64_is_refused(signed: tuple[str, str]) -> None:
    with pytest.raises(SshSignatureError, match="the base64 of the public key is malformed"):
        verify(signed[1], MESSAGE, "ssh-ed25519 AAA", NAMESPACE)
