"""Decoders: one stream or several, each way that data can be wrong, each decoder that there is."""

from __future__ import annotations

import gzip
import lzma
import random
import struct
import sys
import zlib

import pytest

from cgo_prebuilt.archives import decode, work
from cgo_prebuilt.archives.decode import PIECE_SIZE, check_decoder, codec_of, deflate
from cgo_prebuilt.archives.system_zstd import system_library
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.errors import IntegrityError, PackageError
from tests.unit.archive_builders import TAR_FORMATS, MemoryStream, compress, zstd

TEXT = random.Random(1).randbytes(5000) * 300 + random.Random(2).randbytes(300_000)


def decoded(data: bytes, format: str, most: int = 1 << 20, expected: int = 0) -> bytes:
    pieces = list(
        decode.decode(
            MemoryStream(data, most).read, codec_of(format), Work("lib", expected=expected)
        )
    )
    assert all(0 < len(piece) <= PIECE_SIZE for piece in pieces)
    return b"".join(pieces)


def without_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(params=["installed", "of the system"])
def decoders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """isal and Python's own zstd; or zlib and the system's libzstd, where nothing is installed."""
    if request.param == "of the system":
        monkeypatch.setitem(sys.modules, "isal.igzip_lib", None)
        if system_library() is not None:
            without_zstd(monkeypatch)
    else:
        pytest.importorskip("isal.igzip_lib")


@pytest.mark.usefixtures("decoders")
@pytest.mark.parametrize("format", TAR_FORMATS)
class TestEveryFormat:
    @pytest.mark.parametrize("most", [1 << 20, 4097, 61])
    def test_gives_what_was_compressed_however_it_arrives(self, format: str, most: int) -> None:
        assert decoded(compress(TEXT, format), format, most) == TEXT

    def test_gives_nothing_for_nothing(self, format: str) -> None:
        assert decoded(compress(b"", format), format) == b""

    @pytest.mark.parametrize("most", [1 << 20, 1, 7])
    def test_concatenated_streams_are_one(self, format: str, most: int) -> None:
        streams = [compress(part, format) for part in (b"one", b"", b"two" * 1000, b"3")]
        assert decoded(b"".join(streams), format, most) == b"one" + b"two" * 1000 + b"3"

    @pytest.mark.parametrize("cut", [1, 3, 8, 100])
    def test_truncation_is_refused(self, format: str, cut: int) -> None:
        with pytest.raises(IntegrityError, match="data are truncated"):
            decoded(compress(TEXT, format)[:-cut], format)

    def test_truncation_of_a_second_stream_is_refused(self, format: str) -> None:
        with pytest.raises(IntegrityError, match="data are truncated"):
            decoded(compress(TEXT, format) + compress(TEXT, format)[:-9], format)

    @pytest.mark.parametrize("most", [1 << 20, 1])
    @pytest.mark.parametrize("garbage", [b"x", b"garbage", b"\0\0\0\0garbage", b"<html>" * 1000])
    def test_trailing_garbage_is_refused(self, format: str, garbage: bytes, most: int) -> None:
        with pytest.raises(IntegrityError, match="unexpected bytes follow the"):
            decoded(compress(b"text", format) + garbage, format, most)

    @pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
    def test_a_flipped_bit_is_refused(self, format: str, place: float) -> None:
        data = bytearray(compress(TEXT, format))
        data[int(len(data) * place)] ^= 0x10
        if format == "tar.zst":  # without a checksum, zstd does not always notice; a hash does
            data = bytearray(
                zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})
            )
            data[int(len(data) * place)] ^= 0x10
        with pytest.raises(IntegrityError, match="data are malformed"):
            decoded(bytes(data), format)

    def test_a_bomb_is_refused_in_mid_stream(
        self, format: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(work, "ALLOWANCE", 1 << 20)
        bomb = compress(bytes(16 << 20), format)
        with pytest.raises(IntegrityError, match="this is a decompression bomb"):
            decoded(bomb, format)

    def test_what_a_lock_explains_is_no_bomb(
        self, format: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(work, "ALLOWANCE", 0)
        zeros = bytes(8 << 20)
        assert decoded(compress(zeros, format), format, expected=len(zeros)) == zeros


@pytest.mark.usefixtures("decoders")
def test_gzip_padding_is_skipped() -> None:
    assert (
        decoded(gzip.compress(b"a") + bytes(5000) + gzip.compress(b"b") + bytes(9), "tar.gz")
        == b"ab"
    )


@pytest.mark.usefixtures("decoders")
@pytest.mark.parametrize("most", [1 << 20, 1])
def test_gzip_headers_with_every_optional_field_are_read(most: int) -> None:
    body = gzip.compress(b"text")[10:]
    head = struct.pack("<2sBBIBB", b"\x1f\x8b", 8, 4 | 8 | 16, 0, 0, 255)
    fields = struct.pack("<H", 3) + b"abc" + b"name\0" + b"comment\0"
    assert decoded(head + fields + body, "tar.gz", most) == b"text"


@pytest.mark.usefixtures("decoders")
@pytest.mark.parametrize("place", [-1, -5])
def test_gzip_with_a_wrong_crc_or_length_is_refused(place: int) -> None:
    data = bytearray(gzip.compress(TEXT))
    data[place] ^= 1
    with pytest.raises(IntegrityError, match="the gzip data are malformed"):
        decoded(bytes(data), "tar.gz")


def test_xz_padding_is_skipped() -> None:
    assert (
        decoded(lzma.compress(b"a") + bytes(4) + lzma.compress(b"b") + bytes(8), "tar.xz") == b"ab"
    )


def test_xz_that_takes_too_much_memory_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 << 20}]
    with pytest.raises(IntegrityError, match=r"malformed: Memory usage limit exceeded"):
        decoded(lzma.compress(b"text", filters=filters), "tar.xz")


def test_xz_of_the_highest_preset_is_read() -> None:
    assert decoded(lzma.compress(b"text", preset=9 | lzma.PRESET_EXTREME), "tar.xz") == b"text"


@pytest.mark.parametrize("most", [1 << 20, 1])
def test_zstd_skippable_frames_are_passed_over(most: int) -> None:
    skipped = b"\x5a\x2a\x4d\x18" + struct.pack("<L", 300) + bytes(300)
    data = skipped + zstd.compress(b"a") + skipped + zstd.compress(b"b") + skipped
    assert decoded(data, "tar.zst", most) == b"ab"


def zstd_with_window(log: int) -> bytes:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    data: bytes = compressor.compress(TEXT) + compressor.flush()
    return data


@pytest.mark.usefixtures("decoders")
def test_zstd_with_a_window_that_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(IntegrityError, match="the zstd data are malformed"):
        decoded(zstd_with_window(27), "tar.zst")


@pytest.mark.usefixtures("decoders")
def test_zstd_with_the_largest_window_that_fits_is_read() -> None:
    assert decoded(zstd_with_window(26), "tar.zst") == TEXT


@pytest.mark.parametrize("format", ["zst", "tar.zst", "conda"])
def test_zstd_without_a_decoder_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    without_zstd(monkeypatch)
    monkeypatch.setattr("cgo_prebuilt.archives.system_zstd.system_library", lambda: None)
    with pytest.raises(PackageError) as caught:
        check_decoder(format)
    check_decoder("tar.gz")
    assert caught.value.what == "this Python has no zstd"
    assert caught.value.remedy == "install cgo-prebuilt[fast], or use Python 3.14 or later"


@pytest.mark.usefixtures("decoders")
@pytest.mark.parametrize("most", [100, 1 << 20])
def test_deflate_stops_at_the_end_and_keeps_the_rest(most: int) -> None:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = compressor.compress(TEXT) + compressor.flush() + b"behind"
    inflate = deflate().open()
    found = bytearray()
    while not inflate.eof:
        piece, data = (data[:5000], data[5000:]) if inflate.needs_input else (b"", data)
        found += inflate.decompress(piece, most)
    assert found == TEXT
    assert inflate.unused_data + data == b"behind"
