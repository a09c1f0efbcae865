"""Reproducible zips: the bytes depend on the members and the release of zlib."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20
_REGULAR_FILE = 0o100644
# The zip format has no time before this one (APPNOTE 4.4.6).
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(file: IO[bytes], members: Iterable[tuple[str, bytes | Path]]) -> None:
    """Write a zip.

    Args:
        file: The output.
        members: The names in order, each with its contents: bytes, or a file.

    Raises:
        OSError: A file cannot be read, or the zip cannot be written.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, on any machine
            info.external_attr = _REGULAR_FILE << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            if isinstance(content, bytes):
                archive.writestr(info, content)
                continue
            info.file_size = content.stat().st_size
            with content.open("rb") as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member, _CHUNK)
