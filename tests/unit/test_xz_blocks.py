"""The blocks of an xz file, as the program `xz` makes them with several threads."""

from __future__ import annotations

import io
import lzma
import random
import subprocess

import pytest

from cgo_prebuilt.releases.xz_blocks import read_blocks
from tests.programs import provide


def in_blocks(data: bytes, size: int) -> bytes:
    command = [provide("xz", "xz-utils"), "-1", "-T2", f"--block-size={size}", "-c"]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def test_each_block_decodes_behind_the_header_of_its_stream() -> None:
    parts = [random.Random(number).randbytes(250_000) for number in range(2)]
    padding = bytes(8)
    data = in_blocks(parts[0], 100_000) + padding + lzma.compress(b"") + in_blocks(parts[1], 70_000)
    blocks = read_blocks(io.BytesIO(data))
    assert [block.decoded for block in blocks] == [
        *(0, 100_000, 200_000),
        *(250_000, 320_000, 390_000, 460_000),
    ]
    whole = b"".join(parts)
    for block in blocks:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        found = decoder.decompress(block.header + data[block.start : block.end], 40_000)
        assert found == whole[block.decoded : block.decoded + 40_000]


@pytest.mark.parametrize("cut", [1, 4, 12, 20])
def test_a_malformed_xz_file_is_refused(cut: int) -> None:
    data = lzma.compress(bytes(1000))
    with pytest.raises(ValueError, match=r"\w"):
        read_blocks(io.BytesIO(data[:-cut]))
    with pytest.raises(ValueError, match=r"\w"):
        read_blocks(io.BytesIO(data[cut:]))
