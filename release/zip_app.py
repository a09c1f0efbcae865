"""`cgo-prebuilt.pyz`: the command with its packages in one file, for any Python 3.10 or newer.

It has no compiled code, so the same file runs on every system. Its bytes are equal on every build machine.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from release.commit import Commit
from release.wheels import ANY_MACHINE, LINUX, download, portable_files

_PACKAGE = PurePosixPath("tools/cgo_prebuilt")

# PyYAML has no pure wheel; the compiled parts of a platform's wheel are optional, and left out.
_REQUIREMENTS = {
    "rules/private/requirements/requests.txt": ANY_MACHINE,
    "release/pyyaml.txt": LINUX,
}

_MAIN = b"""\
import sys

if sys.version_info < (3, 10):
    sys.stderr.write("cgo-prebuilt needs Python 3.10 or newer, and this is %d.%d\\n" % sys.version_info[:2])
    sys.exit(2)

from cgo_prebuilt.__main__ import run

run()
"""


def zip_app(commit: Commit) -> bytes:
    """Build the program of a commit.

    Args:
        commit: The commit; it names the packages to download, by hash.

    Returns:
        The file's bytes.

    Raises:
        ReleaseError: The commit cannot be read, or pip could not download the packages.
    """
    files = {"__main__.py": _MAIN}
    for file in commit.files(str(_PACKAGE)):
        if file.path.endswith((".bzl", ".py", ".typed")):
            files[f"{_PACKAGE.name}/{file.path}"] = file.content
    for path, machine in _REQUIREMENTS.items():
        for wheel in download(commit.text(path), machine).values():
            files |= portable_files(wheel)
    return packed(files)


def packed(files: Mapping[str, bytes]) -> bytes:
    """Pack files into a program.

    Args:
        files: Their contents, by path.

    Returns:
        A zip after a `#!` line. It is not compressed, so that Python starts sooner, and the bytes do not
        depend on zlib.
    """
    buffer = io.BytesIO(b"#!/usr/bin/env python3\n")
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)  # in 1980, the earliest time in a zip
            entry.create_system = 3  # Unix, even on Windows
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
