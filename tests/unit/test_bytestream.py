"""A stream that is saved as a file."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from cgo_prebuilt.archives.bytestream import FileStream, save
from cgo_prebuilt.errors import IntegrityError


def test_the_saved_bytes_are_the_hashed_ones(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 3_000_000)
    with closing(FileStream(source)) as stream:
        save(stream, target, hashlib.sha256(source.read_bytes()).hexdigest())
    assert target.read_bytes() == source.read_bytes()


def test_a_file_that_changed_since_it_was_hashed_is_not_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"before")
    sha256 = hashlib.sha256(b"before").hexdigest()
    source.write_bytes(b"after.")
    with closing(FileStream(source)) as stream, pytest.raises(IntegrityError) as caught:
        save(stream, target, sha256)
    assert "the saved file has the SHA-256" in caught.value.what
    assert f"the lock says {sha256}" in caught.value.what
