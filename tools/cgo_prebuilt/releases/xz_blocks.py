"""Find the blocks of an xz file, by the index at the end of each stream.

Reference: the .xz file format 1.2, sections 2 (streams), 3 (blocks) and 4 (the index).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

_HEADER = 12
"""The size of a stream's header, and of its footer, in bytes."""
_FOOTER_MAGIC = b"YZ"
_LONGEST_INDEX = 64 << 20
_ALIGNMENT = 4


@dataclass(frozen=True, slots=True)
class Block:
    """A block of an xz file, which can be decoded after the header of its stream.

    Attributes:
        start: The offset of its start in the file.
        decoded: The offset of its start in the decoded bytes.
        header: The header of its stream.
        end: The offset of its end in the file.
        decoded_end: The offset of its end in the decoded bytes.
        is_first: Whether it is the first of its stream.
        is_last: Whether it is the last. The index follows it, which a decoder compares with the decoded
            blocks.
    """

    start: int
    decoded: int
    header: bytes
    end: int
    decoded_end: int
    is_first: bool
    is_last: bool


def read_blocks(file: BinaryIO) -> list[Block]:
    """Return the blocks of a file that is known to be sound.

    Args:
        file: The file, seekable.

    Returns:
        The blocks in order.

    Raises:
        ValueError: It is not an xz file, or its index is too large.
    """
    streams: list[tuple[bytes, int, list[tuple[int, int]]]] = []
    end = file.seek(0, os.SEEK_END)
    while end:
        footer = _bytes_before(file, end, _HEADER)
        if footer == bytes(_HEADER) or not footer.endswith(_FOOTER_MAGIC):
            if footer[-_ALIGNMENT:] != bytes(_ALIGNMENT):
                raise ValueError("it does not end as an xz stream does")
            end -= _ALIGNMENT  # padding between streams
            continue
        size = (int.from_bytes(footer[4:8], "little") + 1) * _ALIGNMENT
        records = _records(_bytes_before(file, end - _HEADER, size))
        start = end - 2 * _HEADER - size - sum(_aligned(unpadded) for unpadded, _ in records)
        streams.append((_bytes_before(file, start + _HEADER, _HEADER), start, records))
        end = start
    blocks = []
    decoded = 0
    for header, start, records in reversed(streams):
        place = start + _HEADER
        for number, (unpadded, size) in enumerate(records):
            end, decoded_end = place + _aligned(unpadded), decoded + size
            is_last = number == len(records) - 1
            blocks.append(Block(place, decoded, header, end, decoded_end, number == 0, is_last))
            place, decoded = end, decoded_end
    return blocks


def _records(index: bytes) -> list[tuple[int, int]]:
    """Read the records of an index: each block's unpadded size, and its decoded size."""
    position = 1
    numbers: list[int] = []
    count, position = _number(index, position)
    for _ in range(2 * count):
        number, position = _number(index, position)
        numbers.append(number)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(data: bytes, position: int) -> tuple[int, int]:
    """Return an integer with seven bits in each byte (section 1.2), and the offset of its end."""
    value = shift = 0
    while True:
        if position >= len(data):
            raise ValueError("the index is cut off")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        shift += 7
        position += 1
        if byte < 0x80:
            return value, position


def _bytes_before(file: BinaryIO, end: int, count: int) -> bytes:
    if not 0 <= count <= min(end, _LONGEST_INDEX):
        raise ValueError("a size in it is too large")
    file.seek(end - count)
    return file.read(count)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
