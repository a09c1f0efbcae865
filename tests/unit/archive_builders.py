"""Archives for tests, good and hostile, built byte by byte where no writer would build them."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import io
import lzma
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
from cgo_prebuilt.locks.lock_keys import SINGLE

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

END_OF_TAR = bytes(1024)
TAR_FORMATS = ("tar.bz2", "tar.gz", "tar.xz", "tar.zst")
HOLDERS = (*TAR_FORMATS, "conda", "deb", "gem", "tar")
"""The formats that hold a tar."""


class MemoryStream:
    """Bytes as a `ByteStream` that gives at most `most` of them at a time."""

    def __init__(self, data: bytes, most: int = 1 << 20) -> None:
        self.file = io.BytesIO(data)
        self.most = most

    def read(self, size: int) -> bytes:
        return self.file.read(min(size, self.most))

    def whole(self) -> BinaryIO:
        return self.file


def locked_file(path: str, data: bytes) -> LockedFile:
    return LockedFile(path, hashlib.sha256(data).hexdigest(), len(data))


def locked_archive(
    data: bytes, format: str, files: Mapping[str, bytes], strip_prefix: str = ""
) -> LockedArchive:
    return LockedArchive(
        file=f"lib.{format}",
        urls=(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format=format,
        strip_prefix=strip_prefix,
        files=tuple(locked_file(path, content) for path, content in sorted(files.items())),
    )


@functools.lru_cache(maxsize=32)
def compress(data: bytes, format: str) -> bytes:
    """Compresses as the end of a format's name says; nothing for `tar`."""
    ending = format.rpartition(".")[2]
    if ending == "gz":
        return gzip.compress(data, 6, mtime=0)
    if ending == "xz":
        return lzma.compress(data)
    if ending == "bz2":
        return bz2.compress(data)
    if ending == "zst":
        compressed: bytes = zstd.compress(data)
        return compressed
    return data


def archive_of(files: Mapping[str, bytes], format: str = "tar.gz") -> bytes:
    """An archive of any format with these files; of one file where the format holds but one."""
    if format in SINGLE:
        (data,) = files.values()
        return data if format == "file" else compress(data, format)
    if format == "zip":
        return zip_archive(*(ZipEntry(name, data) for name, data in files.items()))
    tar = b"".join(tar_member(name, data) for name, data in files.items())
    return pack_tar(tar + END_OF_TAR, format)


def pack_tar(tar: bytes, format: str) -> bytes:
    """A tar as an archive of a format that holds one, compressed or in a package."""
    if format == "deb":
        return ar_archive(
            {
                "debian-binary": b"2.0\n",
                "control.tar.xz": lzma.compress(tar_member("./control") + END_OF_TAR),
                "data.tar.xz": lzma.compress(tar),
            }
        )
    if format == "gem":
        return (
            tar_member("metadata.gz", gzip.compress(b"--- !ruby/object:Gem::Specification\n"))
            + tar_member("data.tar.gz", gzip.compress(tar))
            + tar_member("checksums.yaml.gz", gzip.compress(b"--- {}\n"))
            + END_OF_TAR
        )
    if format == "conda":
        info: bytes = zstd.compress(tar_member("info/index.json", b"{}") + END_OF_TAR)
        return zip_archive(
            ZipEntry("metadata.json", b"{}", method=0),
            ZipEntry("pkg-x-1.0-0.tar.zst", zstd.compress(tar), method=0),
            ZipEntry("info-x-1.0-0.tar.zst", info, method=0),
        )
    return compress(tar, format)


def ar_archive(members: Mapping[str, bytes]) -> bytes:
    """An `ar` archive."""
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out


def tar_member(
    name: str | bytes,
    data: bytes = b"",
    *,
    kind: bytes = b"0",
    link: str = "",
    mode: int = 0o644,
    size: int | bytes | None = None,
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """A ustar header, whatever it says, and the data behind it."""
    if size is None:
        size = len(data)
    if isinstance(size, int):
        size = b"%011o\0" % size
    name = name if isinstance(name, bytes) else name.encode()
    header = struct.pack(
        "100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x",
        name,
        b"%07o\0" % mode,
        b"0000000\0",
        b"0000000\0",
        size,
        b"00000000000\0",
        b" " * 8,
        kind,
        link.encode(),
        magic,
        b"",
        b"",
        b"0000000\0",
        b"0000000\0",
        prefix,
    )
    checksum = b"%06o\0 " % sum(header)
    return header[:148] + checksum + header[156:] + data + bytes(-len(data) % 512)


def pax(records: bytes | Mapping[str, str | bytes], *, kind: bytes = b"x") -> bytes:
    """A pax header for the member behind it, or with kind `g` for all of them."""
    if not isinstance(records, bytes):
        records = b"".join(pax_record(key, value) for key, value in records.items())
    return tar_member("PaxHeaders/x", records, kind=kind)


def pax_record(key: str, value: str | bytes) -> bytes:
    value = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


@dataclass
class ZipEntry:
    """A zip entry whose header and directory entry can be made to disagree.

    `header` and `directory` replace fields by name: flags, method, crc, compressed, size, name,
    and, in the directory, offset and attributes. `raw` replaces the data after compression.
    """

    name: str | bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    attributes: int = 0
    raw: bytes | None = None
    zip64: bool = False
    descriptor: bytes | None = None
    header: Mapping[str, int | bytes] = field(default_factory=dict)
    directory: Mapping[str, int | bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.method != 8:
            return self.data
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(self.data) + deflate.flush()

    def fields(self) -> dict[str, int | bytes]:
        name = self.name if isinstance(self.name, bytes) else self.name.encode()
        flags = self.flags | (0 if name.isascii() or isinstance(self.name, bytes) else 1 << 11)
        return {
            "name": name,
            "flags": flags,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "compressed": len(self.encode()),
            "size": len(self.data),
            "extra": b"",
        }


def zip_archive(
    *entries: ZipEntry,
    before: bytes = b"",
    shift: bool = False,
    comment: bytes = b"",
    after: bytes = b"",
    end: Mapping[str, int] | None = None,
    end64: Mapping[str, int] | None = None,
) -> bytes:
    """A zip.

    Args:
        entries: Its entries, in order.
        before: Junk before it.
        shift: Whether the offsets count that junk.
        comment: Its comment.
        after: Junk behind it.
        end: Replaces fields of the end record: count, size, offset.
        end64: Makes a ZIP64 end record, with these fields replaced.
    """
    out = bytearray(before)
    base = 0 if shift else len(before)
    offsets = []
    for entry in entries:
        offsets.append(len(out) - base)
        values = entry.fields()
        if entry.flags & 8:
            values.update(crc=0, compressed=0, size=0)
        elif entry.zip64:
            sizes = struct.pack("<2Q", len(entry.data), len(entry.encode()))
            values.update(compressed=0xFFFFFFFF, size=0xFFFFFFFF)
            values["extra"] = struct.pack("<2H", 1, 16) + sizes
        values.update(entry.header)
        out += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *_header(values))
        out += bytes_of(values["name"]) + bytes_of(values["extra"]) + entry.encode()
        if entry.flags & 8:
            good = struct.pack(
                "<4s3L",
                b"PK\x07\x08",
                zlib.crc32(entry.data),
                len(entry.encode()),
                len(entry.data),
            )
            out += good if entry.descriptor is None else entry.descriptor
    start = len(out) - base
    for entry, offset in zip(entries, offsets, strict=True):
        values = entry.fields() | {"offset": offset, "attributes": entry.attributes}
        values.update(entry.directory)
        out += struct.pack("<4s6H3L2H", b"PK\x01\x02", 0x314, 20, *_header(values))
        out += struct.pack("<3H2L", 0, 0, 0, values["attributes"], values["offset"])
        out += bytes_of(values["name"])
    fields = {"count": len(entries), "size": len(out) - base - start, "offset": start}
    if end64 is not None:
        wide = {**fields, **end64}
        position = len(out) - base
        counts = (wide["count"], wide["count"], wide["size"], wide["offset"])
        out += struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *counts)
        out += struct.pack("<4sLQL", b"PK\x06\x07", 0, position, 1)
        fields = {"count": 0xFFFF, "size": 0xFFFFFFFF, "offset": 0xFFFFFFFF}
    fields.update(end or {})
    out += end_record(fields["count"], fields["size"], fields["offset"], comment)
    return bytes(out + after)


def end_record(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    counts = (0, 0, count, count, size, offset, len(comment))
    return struct.pack("<4s4H2LH", b"PK\x05\x06", *counts) + comment


def _header(values: Mapping[str, int | bytes]) -> tuple[int | bytes, ...]:
    lengths = (len(bytes_of(values["name"])), len(bytes_of(values["extra"])))
    numbers = tuple(values[key] for key in ("crc", "compressed", "size"))
    return (values["flags"], values["method"], 0, 33, *numbers, *lengths)


def bytes_of(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value
