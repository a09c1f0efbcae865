"""Fuzzes the lock reader: it reads any text, or refuses it with an error of ours."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from tests.fuzz.fuzz import fuzz

ARCHIVE = {
    "file": "x.tar.zst",
    "urls": ["https://example.com/x.tar.zst"],
    "sha256": "0" * 64,
    "size": 1,
    "format": "tar.zst",
    "strip_prefix": "",
    "files": [{"path": "lib/x.a", "sha256": "1" * 64, "size": 2}],
}
PLATFORM = {
    "archives": [ARCHIVE],
    "static_library": ["lib/x.a"],
    "linkopts": ["-lm"],
    "requires": {"glibc": "2.28"},
}
LOCK = {
    "schema": 1,
    "name": "x",
    "default_version": "1",
    "versions": {"1": {"platforms": {"linux_amd64": PLATFORM}}},
}
SEEDS = (b"", b"{}", b"[" * 2000, json.dumps(LOCK).encode())


def read(data: bytes) -> None:
    from cgo_prebuilt.errors import CgoPrebuiltError
    from cgo_prebuilt.locks.lock_file import format_lock, parse_lock

    with contextlib.suppress(CgoPrebuiltError):
        lock = parse_lock(data.decode("utf-8", "surrogateescape"), where="fuzz")
        if lock.revision == 1 and not lock.unread:
            assert parse_lock(format_lock(lock), where="fuzz") == lock


if __name__ == "__main__":
    fuzz(
        read,
        modules=["json.decoder", "cgo_prebuilt.locks.lock_file", "cgo_prebuilt.locks.lock_reader"],
        seeds=SEEDS,
    )
