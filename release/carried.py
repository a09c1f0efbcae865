"""What a released module carries beside its sources: the packages that its fetcher downloads with.

Nothing of them is in git. Their hashes are, so that every machine makes the same archive.
"""

from __future__ import annotations

from collections.abc import Mapping

from release.commit import Commit, File
from release.wheels import ANY_MACHINE, download, portable_files

_REQUIREMENTS = "rules/private/requirements/requests.txt"
_FOLDER = "tools/cgo_prebuilt/carried"

# OpenSSL opens its certificates, which therefore are a file: out of a zip, it would be a temporary one.
_UNPACKED = "certifi-"


def carried_packages(commit: Commit) -> list[File]:
    """Downloads the packages that a commit requires, by hash.

    Args:
        commit: The commit.

    Returns:
        The files, for the source archive.

    Raises:
        ReleaseError: The commit cannot be read, or pip could not download the packages.
    """
    return as_carried(download(commit.text(_REQUIREMENTS), ANY_MACHINE))


def as_carried(wheels: Mapping[str, bytes]) -> list[File]:
    """Gives wheels as files that Python imports from, without unpacking anything.

    Args:
        wheels: Pure ones, by file name.
    """
    files: dict[str, bytes] = {}
    for name, wheel in wheels.items():
        files |= portable_files(wheel) if name.startswith(_UNPACKED) else {name: wheel}
    return [File(f"{_FOLDER}/{path}", content) for path, content in files.items()]
