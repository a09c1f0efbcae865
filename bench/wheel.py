"""Write a wheel (PyPA's binary distribution format) whose data are libraries."""

from __future__ import annotations

import zipfile
from pathlib import Path

_INFO = "payload-1.0.dist-info"
_METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: payload\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def write_wheel(tree: Path, wheel: Path) -> None:
    """Writes a wheel of a tree's files, and its RECORD, which may leave out hashes.

    Args:
        tree: The folder of the files.
        wheel: The output file.
    """
    names = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
    listed = [*names, *(f"{_INFO}/{name}" for name in (*_METADATA, "RECORD"))]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(tree / name, name)
        for name, text in _METADATA.items():
            archive.writestr(f"{_INFO}/{name}", text)
        archive.writestr(f"{_INFO}/RECORD", "".join(f"{name},,\n" for name in listed))
