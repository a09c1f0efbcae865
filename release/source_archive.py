"""The source archive, whose bytes depend on the commit alone: not on git, gzip, zlib or their settings."""

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
_STORED_BLOCK = 65535  # RFC 1951, section 3.2.4: the most that a block can hold


def tar_gz(files: Iterable[File], prefix: str, time: int) -> bytes:
    """Packs files.

    Args:
        files: What to pack, in the archive's order.
        prefix: The folder that they are put in.
        time: When all of them were changed, in seconds since 1970.

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
    """Wraps bytes as gzip without compressing them.

    What a compressor makes differs from zlib to zlib-ng and from version to version; stored blocks
    leave nothing to choose, and the sources are a few megabytes.

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
    """Gives the hash of bytes as Bazel's registries write it: `sha256-` and base64."""
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()
