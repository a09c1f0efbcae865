"""A limit on the work that an archive may cause, in proportion to its own bytes.

An archive is read before its hash is known, so a hostile one must not consume unbounded time or memory.
Everything that costs work without being contents is counted against the archive's bytes: the headers of a
tar, the streams in a compressed file, bytes that decode to nothing. So the time to read any archive is
linear in its size. The allowances are far above the needs of real packers.
"""

from __future__ import annotations

from cgo_prebuilt.errors import IntegrityError

RATIO = 100
ALLOWANCE = 256 << 20
"""An archive that decodes to more than `ALLOWANCE` bytes and `RATIO` times its size is a bomb.

Libraries compress three to five times; a bomb of gzip reaches 1000, one of zstd far more.
"""

HEADERS = 50_000
BYTES_PER_HEADER = 64
"""A tar may have `HEADERS` headers, and one more for each `BYTES_PER_HEADER` of the archive.

A tar.xz of /usr/include has 550 bytes for each tar header, and two tar headers for each file.
"""

HEADERS_MAX = 1_000_000
"""No tar may have more headers than these, however large it is."""

RECORDS_PER_HEADER = 16
"""The number of records in extended headers that count as one header, since they cost as much."""

STREAMS = 10_000
BYTES_PER_STREAM = 1024
"""A compressed file may be made of `STREAMS` streams, and one more for each `BYTES_PER_STREAM` of it.

Parallel compressors make streams of at least about 10 kB.
"""

BORDER_GAP = 1 << 16
"""The least number of decoded bytes between recorded borders of streams."""

EMPTY_BYTES_MAX = 4 << 20
"""How many bytes an archive may have beyond twice the bytes that it decodes to.

Empty streams, empty blocks and padding decode to nothing. Contents hardly ever grow, since
compressors store what they cannot shrink.
"""

_REMEDY = "do not use this archive; if it comes from its publisher, it has to be packed again"


class Work:
    """The work that reading one archive has caused so far.

    Args:
        where: The name of the archive in errors.
        promised: The archive's size in the lock; 0 in `lock`, which uses the received bytes.
        expected: How many decoded bytes to allow on top of the ratio, such as those of the locked files.
        borders: Receives the start of each stream, in the archive and in the decoded bytes. Borders
            closer than `BORDER_GAP` may be left out.

    Every method raises an IntegrityError if a limit is exceeded.
    """

    def __init__(
        self,
        where: str,
        *,
        promised: int = 0,
        expected: int = 0,
        borders: list[tuple[int, int]] | None = None,
    ) -> None:
        self.where = where
        self._promised = promised
        self.expected = expected
        self._borders = borders
        self._encoded = self._decoded = self._streams = self._records = 0

    def inside(self) -> Work:
        """Return the limits for an archive inside this one, which equal its own."""
        return Work(self.where, promised=self._promised, expected=self.expected)

    def received(self, count: int) -> None:
        """Count bytes of the archive; a negative number takes some back."""
        self._encoded += count
        check_empty_bytes(self._decoded, self._encoded, where=self.where)

    def stream(self, held: int = 0) -> None:
        """Count the start of a compressed stream, such as a gzip member or zstd frame.

        Args:
            held: The number of received bytes from this start on.
        """
        self._streams += 1
        if self._streams > STREAMS + self._size() // BYTES_PER_STREAM:
            raise self._too_much(f"it is made of more than {self._streams - 1} compressed streams")
        borders = self._borders
        if borders is not None and (not borders or self._decoded >= borders[-1][1] + BORDER_GAP):
            borders.append((self._encoded - held, self._decoded))

    def decoded(self, count: int) -> None:
        """Count decoded bytes."""
        self._decoded += count
        check_ratio(self._decoded, self._encoded, expected=self.expected, where=self.where)

    def header(self, records: int = 0) -> None:
        """Count a tar header and the records of an extended one."""
        self._records += RECORDS_PER_HEADER + records
        headers = self._records // RECORDS_PER_HEADER
        if headers > min(HEADERS_MAX, HEADERS + self._size() // BYTES_PER_HEADER):
            raise self._too_much(f"it has more than {headers - 1} headers")

    def _size(self) -> int:
        return max(self._promised, self._encoded)

    def _too_much(self, what: str) -> IntegrityError:
        return IntegrityError(f"{what}, too many for its size", where=self.where, remedy=_REMEDY)


def check_empty_bytes(decoded: int, encoded: int, *, where: str) -> None:
    """Refuse data of which most bytes decode to nothing.

    Raises:
        IntegrityError: Too many of the bytes decode to nothing.
    """
    if encoded - 2 * decoded > EMPTY_BYTES_MAX:
        raise IntegrityError(
            f"{encoded} bytes decode to only {decoded}: no compressor writes data as empty as that",
            where=where,
            remedy=_REMEDY,
        )


def check_ratio(decoded: int, encoded: int, *, expected: int, where: str) -> None:
    """Refuse a decompression bomb.

    Args:
        decoded: The number of decoded bytes.
        encoded: The number of compressed bytes.
        expected: How many decoded bytes to allow on top of the ratio.
        where: The name of the archive in errors.

    Raises:
        IntegrityError: The ratio is too high for a library.
    """
    if decoded > ALLOWANCE + RATIO * encoded + expected:
        raise IntegrityError(
            f"{encoded} bytes decode to more than {decoded - 1}: this is a decompression bomb",
            where=where,
            remedy="do not use this archive",
        )
