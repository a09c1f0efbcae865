"""Runs the extractor on made-up archives, and checks what must hold whatever comes of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cgo_prebuilt.archives.bytestream import ByteStream
from cgo_prebuilt.archives.extract import extract
from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.index import WantedFiles, index
from tests.unit.archive_builders import END_OF_TAR, MemoryStream, compress, locked_archive


def extract_into(tmp_path: Path, archive: LockedArchive, stream: ByteStream) -> dict[str, bytes]:
    """Extracts to a fresh folder below `tmp_path`, and gives what is there then, by path.

    Whether it works or not: nothing outside that folder changes, nothing in it but locked files is
    there, and neither a thread nor an open file is left.
    """
    outside = tmp_path / "outside"
    staging = outside / "staging"
    outside.mkdir()
    (outside / "precious").write_bytes(b"precious")
    staging.mkdir()
    try:
        extract(archive, stream, staging)
    finally:
        assert not [thread for thread in threading.enumerate() if thread.name == "sink"]
        assert not open_below(outside)
        found = {path: path.lstat() for path in outside.rglob("*")}
        (outside / "precious").read_bytes()
        allowed = {staging, *(staging / file.path for file in archive.files)}
        allowed |= {parent for path in allowed for parent in path.parents}
        assert set(found) - {outside / "precious"} <= allowed
        assert not [path for path in found if path.is_symlink()]
        assert (outside / "precious").read_bytes() == b"precious"
        assert {path.name for path in tmp_path.iterdir()} == {"outside"}
    return {
        path.relative_to(staging).as_posix(): path.read_bytes()
        for path in staging.rglob("*")
        if path.is_file()
    }


def open_below(folder: Path) -> list[str]:
    """The files below a folder that this process has open; Linux tells."""
    open_files = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the one that lists them is gone by now
            open_files.append(str(descriptor.readlink()))
    return [name for name in open_files if name.startswith(f"{folder}/")]


def extract_bytes(
    tmp_path: Path, data: bytes, format: str, files: Mapping[str, bytes], prefix: str = ""
) -> dict[str, bytes]:
    """Extracts an archive that is held in memory."""
    return extract_into(tmp_path, locked_archive(data, format, files, prefix), MemoryStream(data))


def extract_tar(
    tmp_path: Path, members: bytes, files: Mapping[str, bytes], prefix: str = ""
) -> dict[str, bytes]:
    """Extracts a tar.gz of these members."""
    return extract_bytes(
        tmp_path, compress(members + END_OF_TAR, "tar.gz"), "tar.gz", files, prefix
    )


def index_bytes(
    data: bytes, format: str, prefix: str = "", most: int = 1 << 20
) -> tuple[LockedFile, ...]:
    """Indexes all files of an archive that is held in memory."""
    spec = ArchiveSpec(f"lib.{format}", (), format, prefix, "lib/x.a")
    wanted = WantedFiles((), everything=True)
    return index(MemoryStream(data, most), spec, wanted, where=spec.file).files


def index_tar(members: bytes, prefix: str = "") -> tuple[LockedFile, ...]:
    """Indexes all files of a tar.gz of these members."""
    return index_bytes(compress(members + END_OF_TAR, "tar.gz"), "tar.gz", prefix)


def said(error: BaseException) -> str:
    """What an integrity error says, which always names the archive and what to do."""
    assert isinstance(error, IntegrityError)
    assert error.where is not None
    assert error.where.startswith("lib.")
    assert error.remedy
    return error.what
