"""Fuzzes the zip reader: it reads any bytes, or refuses them with an error of ours."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from tests.fuzz.fuzz import fuzz
from tests.unit.archive_builders import ZipEntry, zip_archive

X = ZipEntry("lib/x.a", b"library" * 20)
SEEDS = (
    b"",
    zip_archive(),
    zip_archive(X, ZipEntry("y.h", b"stored", method=0), comment=b"comment"),
    zip_archive(ZipEntry("x", b"descriptor", flags=8), X),
    zip_archive(ZipEntry("größe.h", b"64", zip64=True), end64={}),
    zip_archive(ZipEntry("link", b"x", attributes=0o120777 << 16), ZipEntry("folder/")),
    zip_archive(ZipEntry("x", b"secret", flags=1), X),
    zip_archive(X, before=b"junk", shift=True),
    zip_archive(X, ZipEntry("y", b"y", directory={"offset": 0})),
)


def read(data: bytes) -> None:
    from cgo_prebuilt.archives.zip_reader import read_zip
    from cgo_prebuilt.errors import CgoPrebuiltError

    with contextlib.suppress(CgoPrebuiltError):
        for member in read_zip(io.BytesIO(data), where="fuzz", expected=0):
            # One bad member must not hide the others from the fuzzer.
            with contextlib.suppress(CgoPrebuiltError):
                assert sum(len(chunk) for chunk in member.chunks()) == member.size


if __name__ == "__main__":
    fuzz(read, modules=["zipfile", "cgo_prebuilt.archives.zip_reader"], seeds=SEEDS)
