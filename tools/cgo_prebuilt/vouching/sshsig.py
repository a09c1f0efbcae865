"""SSH signatures: the format of OpenSSH's PROTOCOL.sshsig, verified with the package `cryptography`."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = ("sha256", "sha512")  # the algorithms that PROTOCOL.sshsig allows

# By a security key's type: the type of the same key without a token, and the latter's field count.
_TOKENS = {
    b"sk-ssh-ed25519@openssh.com": (b"ssh-ed25519", 1),
    b"sk-ecdsa-sha2-nistp256@openssh.com": (b"ecdsa-sha2-nistp256", 2),
}


class SshSignatureError(ValueError):
    """A signature or key is malformed, for another purpose, or not the expected one."""


@dataclass(frozen=True, slots=True)
class SshSignature:
    """A parsed signature.

    Attributes:
        public_key: The key that made it, as the signature states.
        namespace: Its purpose.
        reserved: Unused as yet; signed, too.
        hash_algorithm: The hash of the message.
        signature: Its algorithm and its value.
    """

    public_key: bytes
    namespace: bytes
    reserved: bytes
    hash_algorithm: str
    signature: bytes

    def signed_data(self, message: bytes) -> bytes:
        """Return the bytes that a key signs for a message."""
        digest = hashlib.new(self.hash_algorithm, message).digest()
        parts = (self.namespace, self.reserved, self.hash_algorithm.encode(), digest)
        return _MAGIC + b"".join(map(_string, parts))


class _Reader:
    """Reads the fields of SSH's wire format (RFC 4251, section 5)."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def take(self, size: int) -> bytes:
        if size > len(self._rest):
            raise SshSignatureError("it is cut off")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        return self.take(self.number())

    def check_end(self) -> None:
        if self._rest:
            raise SshSignatureError("something follows its last field")


def parse_signature(armored: str) -> SshSignature:
    """Parse a signature from its armored text.

    Raises:
        SshSignatureError: It is malformed.
    """
    text = armored.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        raise SshSignatureError("it is not an armored SSH signature")
    try:
        body = text.removeprefix(_BEGIN).removesuffix(_END)
        data = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:  # also raised for text that is not ASCII
        raise SshSignatureError("its base64 is malformed") from None
    reader = _Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != 1:
        raise SshSignatureError("it is not a version 1 SSH signature")
    public_key, namespace, reserved = reader.string(), reader.string(), reader.string()
    algorithm = reader.string().decode("ascii", "replace")
    if algorithm not in _HASHES:
        raise SshSignatureError(f"its hash algorithm is {algorithm!r}")
    parsed = SshSignature(public_key, namespace, reserved, algorithm, reader.string())
    reader.check_end()
    return parsed


def verify(armored: str, message: bytes, public_key: str, namespace: str) -> None:
    """Verify that a key signed a message for a purpose.

    Args:
        armored: The signature, as `ssh-keygen -Y sign` writes it.
        message: The message.
        public_key: The key, `ssh-ed25519 AAAA...` without a comment.
        namespace: The purpose.

    Raises:
        SshSignatureError: The key did not, or the signature or the key is malformed.
        ImportError: The package `cryptography` is not installed.
    """
    parsed = parse_signature(armored)
    kind, _, encoded = public_key.partition(" ")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise SshSignatureError("the base64 of the public key is malformed") from None
    if parsed.public_key != key:
        raise SshSignatureError("another key made it")
    if parsed.namespace != namespace.encode():
        raise SshSignatureError(f"it is for {parsed.namespace.decode(errors='replace')!r}")
    _verify_data(kind.encode(), key, parsed.signature, parsed.signed_data(message))


def _verify_data(kind: bytes, key: bytes, signature: bytes, data: bytes) -> None:
    """Verify a signature in SSH's wire format (RFC 4253, section 6.6; PROTOCOL.u2f for tokens)."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

    reader = _Reader(signature)
    algorithm, value = reader.string(), reader.string()
    if kind in _TOKENS:
        flags_and_counter = reader.take(5)
        kind, key, application = _without_token(kind, key)
        algorithm = kind if algorithm in _TOKENS else algorithm
        hashed = (hashlib.sha256(part).digest() for part in (application, data))
        data = flags_and_counter.join(hashed)
    reader.check_end()
    try:
        loaded = serialization.load_ssh_public_key(kind + b" " + base64.b64encode(key))
        if isinstance(loaded, rsa.RSAPublicKey):
            _verify_rsa(loaded, algorithm, value, data)
        elif algorithm != kind:
            raise SshSignatureError(f"its algorithm is {algorithm!r}, its key is {kind!r}")
        elif isinstance(loaded, ed25519.Ed25519PublicKey):
            loaded.verify(value, data)
        elif isinstance(loaded, ec.EllipticCurvePublicKey):
            numbers = _Reader(value)
            r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
            numbers.check_end()
            size = loaded.curve.key_size  # the hash by RFC 5656, section 6.2.1
            sha2 = (
                hashes.SHA256()
                if size <= 256
                else hashes.SHA384()
                if size <= 384
                else hashes.SHA512()
            )
            loaded.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(sha2))
        else:
            raise SshSignatureError(f"keys of the kind {kind.decode()} are not supported")
    except InvalidSignature:
        raise SshSignatureError("it does not match the contents") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, SshSignatureError):
            raise
        raise SshSignatureError(f"the public key cannot be used: {error}") from None


def _verify_rsa(key: RSAPublicKey, algorithm: bytes, value: bytes, data: bytes) -> None:
    """Verify an RSA signature by the algorithms that PROTOCOL.sshsig allows, not SHA-1."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    allowed = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
    if algorithm not in allowed:
        raise SshSignatureError(f"its algorithm is {algorithm!r}, its key is an RSA key")
    key.verify(value, data, padding.PKCS1v15(), allowed[algorithm])


def _without_token(kind: bytes, key: bytes) -> tuple[bytes, bytes, bytes]:
    """Return a security key's type and data as those of a plain key, and its application."""
    plain, fields = _TOKENS[kind]
    reader = _Reader(key)
    if reader.string() != kind:
        raise SshSignatureError("the public key is not of the type that it states")
    parts = [reader.string() for _ in range(fields)]
    application = reader.string()
    reader.check_end()
    return plain, b"".join(map(_string, (plain, *parts))), application


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
