"""Fuzzes the tar reader: it reads any bytes, or refuses them with an error of ours."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from tests.fuzz.fuzz import fuzz
from tests.unit.archive_builders import END_OF_TAR, pax, tar_member

SEEDS = (
    b"",
    END_OF_TAR,
    tar_member("lib/x.a", b"library") + END_OF_TAR,
    tar_member("lib/", kind=b"5") + tar_member("lib/x", kind=b"2", link="y") + END_OF_TAR,
    tar_member("x", b"n" * 200, kind=b"L") + tar_member("n", b"1" * 600) + END_OF_TAR,
    pax({"path": "größe.h", "size": "3"}) + tar_member("x", b"abc") + END_OF_TAR,
    pax({"comment": "c"}, kind=b"g") + pax({"path": "y"}) + tar_member("x") + END_OF_TAR,
    pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "7"})
    + tar_member("x", b"1\n0\n7\n".ljust(512, b"\0") + b"library"),
    pax({"GNU.sparse.map": "0,7", "GNU.sparse.size": "7"}) + tar_member("x", b"library"),
    tar_member("x", b"library", kind=b"S") + END_OF_TAR,
    tar_member("x", size=b"\x80" + bytes(10) + b"\5") + END_OF_TAR,
)


def read(data: bytes) -> None:
    from cgo_prebuilt.archives.tar_reader import read_tar
    from cgo_prebuilt.archives.work import Work
    from cgo_prebuilt.errors import CgoPrebuiltError

    with contextlib.suppress(CgoPrebuiltError):
        for member in read_tar(_pieces(data), Work("fuzz")):
            found = sum(len(chunk) for chunk in member.chunks())
            assert found == member.size
            assert found <= len(data)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


if __name__ == "__main__":
    fuzz(read, modules=["cgo_prebuilt.archives.tar_reader"], seeds=SEEDS)
