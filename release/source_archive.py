"""The source archive, whose bytes depend only on the commit, not on git, gzip, zlib or their settings."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Iterable

from release.commit import File

_GZIP_HEADER = bytes(
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
)  # RFC 1952: no time, no name, no system
_STORED_BLOCK = 65535  # RFC 1951, section 3.2.4: the largest block


def tar_gz(files: Iterable[File], prefix: str, time: int) -> bytes:
    """Pack files.

    Args:
        files: The files, in the order of the archive.
        prefix: The folder for them in the archive.
        time: The mtime for all files, in seconds since 1970.

    Returns:
        A `.tar.gz`.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in files:
            member = tarfile.TarInfo(f"{prefix}/{file.path}")
            member.size = len(file.content)
            member.mode = 0o755 if file.executable else 0o644
            member.mtime = time
            archive.addfile(member, io.BytesIO(file.content))
    return stored_gzip(buffer.getvalue())


def stored_gzip(data: bytes) -> bytes:
    """Wrap bytes as gzip without compressing them.

    The output of zlib and zlib-ng differs, also by version. Stored blocks are always the same, and the
    sources are only a few megabytes.

    Args:
        data: Any bytes.

    Returns:
        A gzip file of them.
    """
    out = bytearray(_GZIP_HEADER)
    for start in range(0, max(len(data), 1), _STORED_BLOCK):
        block = data[start : start + _STORED_BLOCK]
        final = start + _STORED_BLOCK >= len(data)
        out += struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block
    return bytes(out + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))


def integrity(data: bytes) -> str:
    """Return the hash of bytes in the form of Bazel's registries: `sha256-` and base64."""
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()
