"""Decode compressed bytes in bounded pieces, with the fastest installed decoder.

gzip: `isal` if installed, else `zlib`. zstd: `compression.zstd` (Python 3.14), else
`backports.zstd`, else the system's libzstd. xz: `lzma`. bzip2: `bz2`. Consecutive gzip members, zstd
frames, xz or bzip2 streams in a file decode to one stream, as with gzip(1), zstd(1), xz(1) and bzip2(1).
References: RFC 1952 (gzip), RFC 8878 (zstd), the .xz file format 1.2.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from cgo_prebuilt.archives.frames_ahead import SMALL, FramesAhead, Steps, decoding_threads
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.archives.zstd import zstd_decoder
from cgo_prebuilt.errors import IntegrityError

READ_SIZE = 1 << 17
"""The number of compressed bytes to read at a time."""

_START_SIZE = 1 << 16

PIECE_SIZE = 1 << 18
"""The most bytes in one decoded piece."""

# Memory must stay under 150 MB, and a decoder holds a whole window. The 64 MiB of
# `zstd --ultra -21` and of `xz -9` still fit.
_ZSTD_WINDOW_LOG = 26
_XZ_MEMORY = 80 << 20

_REMEDY = "fetch it again; if that does not help, ask its publisher to pack it again"


class Decompressor(Protocol):
    """A decoder of one gzip member, zstd frame or xz stream, with `lzma.LZMADecompressor`'s API."""

    @property
    def eof(self) -> bool:
        """Whether the end has been decoded."""

    @property
    def needs_input(self) -> bool:
        """Whether the next call to `decompress` needs data."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decode data to at most `max_length` bytes; keep the rest for the next call."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A compression: the magic of its streams, and its decoder.

    Attributes:
        name: Its name, for people.
        magics: The possible first bytes of a stream; all of one length.
        padding: Meaningless bytes that may follow a stream.
        open: Creates a decompressor for one stream.
        errors: The exceptions that the decompressor raises on malformed data.
    """

    name: str
    magics: tuple[bytes, ...]
    padding: bytes
    open: Callable[[], Decompressor]
    errors: tuple[type[Exception], ...]


class _Zlib:
    """A `zlib.decompressobj` as a `Decompressor`."""

    def __init__(self, wbits: int, window: bytes = b"") -> None:
        self._inner = zlib.decompressobj(wbits, zdict=window)
        self._kept = b""
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._kept and not self._inner.eof and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        piece = self._inner.decompress(self._kept + data if self._kept else data, max_length)
        self._kept = self._inner.unconsumed_tail
        # After a full piece, more output may be pending although all input is used.
        self._full = len(piece) == max_length
        return piece


def codec_of(format: str) -> Codec:
    """Return a format's codec, by its last suffix: `gz` and `tar.gz` share one.

    Args:
        format: One of `lock_keys.FORMATS` that is compressed as a whole.

    Raises:
        PackageError: Neither this Python nor the system has a decoder for it.
    """
    return {"bz2": _bzip2, "gz": _gzip, "xz": _xz, "zst": _zstd}[format.rpartition(".")[2]]()


def check_decoder(format: str) -> None:
    """Check that an archive can be decoded, before it is downloaded.

    Args:
        format: One of `lock_keys.FORMATS`.

    Raises:
        PackageError: It needs zstd, and neither this Python nor the system has a decoder.
    """
    if needs_zstd(format):
        zstd_decoder()


def needs_zstd(format: str) -> bool:
    """Return whether all archives of a format need zstd; of `deb`, only some do."""
    return format == "conda" or format.endswith("zst")


def deflate(window: bytes = b"") -> Codec:
    """Return the codec of deflate data without a header (RFC 1951), as in a zip.

    Args:
        window: The decoded bytes before the data, as far as the data can refer to them.
    """
    igzip = _optional("isal.igzip_lib")
    if igzip is None:
        return Codec("deflate", (), b"", lambda: _Zlib(-zlib.MAX_WBITS, window), (zlib.error,))
    return Codec(
        "deflate",
        (),
        b"",
        lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_DEFLATE, zdict=window),
        (igzip.error,),
    )


def decode(read: Callable[[int], bytes], codec: Codec, work: Work) -> Iterator[bytes]:
    """Decode a whole file; small zstd frames on several cores.

    Args:
        read: Returns 1 to n bytes of the file, and `b""` at its end.
        codec: The compression.
        work: Limits the work.

    Yields:
        The decoded bytes in order, in pieces of 1 to `PIECE_SIZE` bytes.

    Raises:
        IntegrityError: The data are malformed, truncated or a bomb, or something else follows them.
    """
    threads = decoding_threads()
    if codec.name != "zstd" or threads < 2:
        yield from _decode(read, codec, work, None)
        return
    ahead = FramesAhead(read, partial(_decode_small, codec), work, threads)
    try:
        yield from _decode(ahead.read, codec, work, ahead)
    finally:
        ahead.close()


def _decode(
    read: Callable[[int], bytes], codec: Codec, work: Work, ahead: FramesAhead | None
) -> Iterator[bytes]:
    def receive() -> bytes:
        more = read(READ_SIZE)
        work.received(len(more))
        return more

    data, begun = b"", False
    while True:
        if ahead is not None:
            ahead.put_back(data)
            data = b""
            begun |= yield from ahead.decoded(READ_SIZE)
        data = _start(data, codec.padding if begun else b"", receive)
        if not data:
            return
        if begun and not data.startswith(codec.magics):
            raise IntegrityError(
                f"unexpected bytes follow the {codec.name} data",
                where=work.where,
                remedy=_REMEDY,
            )
        begun = True
        work.stream(held=len(data))
        data = yield from decode_stream(data, receive, codec, work)


def _decode_small(codec: Codec, chunks: list[bytes]) -> Steps | None:
    """Decode a complete frame; return None if it is malformed or not small."""
    decompressor = codec.open()
    left = iter(chunks)
    steps: Steps = []
    total = 0
    try:
        while not decompressor.eof:
            data = next(left, b"") if decompressor.needs_input else b""
            if decompressor.needs_input and not data:
                return None
            piece = decompressor.decompress(data, PIECE_SIZE)
            steps.append((len(data), piece))
            total += len(piece)
            if total > SMALL:
                return None
    except codec.errors:
        return None
    return None if decompressor.unused_data or next(left, b"") else steps


def decode_stream(
    data: bytes, receive: Callable[[], bytes], codec: Codec, work: Work
) -> Generator[bytes, None, bytes]:
    """Decode one stream.

    Args:
        data: Its first bytes.
        receive: Returns more of it, and `b""` at the end of the file.
        codec: The compression.
        work: Limits the work.

    Yields:
        The decoded bytes, as in `decode`.

    Returns:
        The received bytes that follow its end.

    Raises:
        IntegrityError: The data are malformed, truncated or a bomb.
    """
    decompressor = codec.open()
    while not decompressor.eof:
        if decompressor.needs_input and not data:
            data = receive()
            if not data:
                raise IntegrityError(
                    f"the {codec.name} data are truncated",
                    where=work.where,
                    remedy=_REMEDY,
                )
        try:
            piece = decompressor.decompress(data, PIECE_SIZE)
        except codec.errors as error:
            raise IntegrityError(
                f"the {codec.name} data are malformed: {error}",
                where=work.where,
                remedy=_REMEDY,
            ) from error
        data = b""
        if piece:
            work.decoded(len(piece))
            yield piece
    return decompressor.unused_data


def _start(data: bytes, padding: bytes, receive: Callable[[], bytes]) -> bytes:
    """Return the start of the next stream, without the padding before it.

    It is long enough for a header, since isal cannot take the optional fields of gzip in pieces.
    """
    while len(data := data.lstrip(padding)) < _START_SIZE:
        more = receive()
        if not more:
            break
        data += more
    return data


def _gzip() -> Codec:
    igzip = _optional("isal.igzip_lib")
    if igzip is None:
        return Codec(
            "gzip", (b"\x1f\x8b",), b"\0", lambda: _Zlib(zlib.MAX_WBITS | 16), (zlib.error,)
        )
    return Codec(
        "gzip",
        (b"\x1f\x8b",),
        b"\0",
        lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP),
        (igzip.error,),
    )


def _xz() -> Codec:
    return Codec(
        "xz",
        (b"\xfd7zXZ\0",),
        b"\0",
        lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
        (lzma.LZMAError,),
    )


def _bzip2() -> Codec:
    return Codec("bzip2", (b"BZh",), b"", bz2.BZ2Decompressor, (OSError, ValueError, EOFError))


def _zstd() -> Codec:
    zstd = zstd_decoder()
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    skippable = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
    return Codec(
        "zstd",
        (b"\x28\xb5\x2f\xfd", *skippable),
        b"",
        lambda: zstd.ZstdDecompressor(options=options),
        (zstd.ZstdError,),
    )


def _optional(module: str) -> Any:
    """Return a module if it is installed, else None; it has no types for every Python."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
