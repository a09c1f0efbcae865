"""`cgo-prebuilt.pyz`: the command and all that it needs, in one file that any Python 3.10 or newer runs.

It holds no compiled code, so it is the same file for every system; the same bytes on every machine.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from release.commit import Commit
from release.wheels import ANY_MACHINE, LINUX, download, portable_files

_PACKAGE = PurePosixPath("tools/cgo_prebuilt")

# PyYAML has no wheel for any machine; what is compiled in that of one machine is optional, and left out.
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
    """Makes the program of a commit.

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
    """Packs files into a program.

    Args:
        files: Their contents, by path.

    Returns:
        A zip behind a `#!` line. It is not compressed: Python starts sooner, and no two versions of
        zlib need to agree.
    """
    buffer = io.BytesIO(b"#!/usr/bin/env python3\n")
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)  # of 1980, which is as far back as zip goes
            entry.create_system = 3  # Unix, on Windows too
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
