"""Add the Python packages for downloads to a released module.

Git has only their hashes, so that every machine makes the same archive.
"""

from __future__ import annotations

from collections.abc import Mapping

from release.commit import Commit, File
from release.wheels import ANY_MACHINE, download, portable_files

_REQUIREMENTS = "rules/private/requirements/requests.txt"
_FOLDER = "tools/cgo_prebuilt/carried"

# OpenSSL opens certifi's certificates by path. Inside a zip, they would have to become a temporary file.
_UNPACKED = "certifi-"


def carried_packages(commit: Commit) -> list[File]:
    """Download the packages that a commit requires, by hash.

    Args:
        commit: The commit.

    Returns:
        The files, for the source archive.

    Raises:
        ReleaseError: The commit cannot be read, or pip could not download the packages.
    """
    return as_carried(download(commit.text(_REQUIREMENTS), ANY_MACHINE))


def as_carried(wheels: Mapping[str, bytes]) -> list[File]:
    """Return wheels as files from which Python can import without unpacking.

    Args:
        wheels: Pure wheels, by file name.
    """
    files: dict[str, bytes] = {}
    for name, wheel in wheels.items():
        files |= portable_files(wheel) if name.startswith(_UNPACKED) else {name: wheel}
    return [File(f"{_FOLDER}/{path}", content) for path, content in files.items()]
