"""Store shared libraries under their SONAMEs, which programs look for. Pure.

A program records the SONAME of a shared library, not the name of the file that it was linked with. So
the file must have that name. The file with the manifest's name stays beside it, for `-lNAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock import LockedArchive, LockedFile, LockedPlatform


def expose(platform: LockedPlatform, sonames: Mapping[str, str]) -> LockedPlatform:
    """Add a file under its SONAME for each shared library, and link that one.

    Args:
        platform: The platform, with its shared libraries at the manifest's paths.
        sonames: The SONAMEs by path.

    Raises:
        ManifestError: A different file has the name.
    """
    paths = {path: _sibling(path, sonames.get(path)) for path in platform.interface.shared_library}
    there = {file.path: file for file in platform.files()}
    for path, exposed in paths.items():
        other = there.get(exposed)
        if other is not None and other.sha256 != there[path].sha256:
            raise ManifestError(
                f"{path!r} has the SONAME {sonames[path]}, which is another file of the library",
                where=exposed,
                remedy=f"name {exposed} in 'shared_library', or leave it out",
            )
    shared = dict.fromkeys(paths.values())
    return LockedPlatform(
        tuple(_with_names(archive, paths, there) for archive in platform.archives),
        replace(platform.interface, shared_library=tuple(shared)),
    )


def without_link_names(platform: LockedPlatform) -> LockedPlatform:
    """Return a platform without second names of shared libraries, since each is a whole copy."""
    interface = platform.interface
    named = {*interface.required_files()}
    shared = {file.sha256 for file in platform.files() if file.path in interface.shared_library}
    return replace(
        platform,
        archives=tuple(
            replace(
                archive,
                files=tuple(
                    file
                    for file in archive.files
                    if file.path in named or file.sha256 not in shared
                ),
            )
            for archive in platform.archives
        ),
    )


def _sibling(path: str, name: str | None) -> str:
    return path[: path.rfind("/") + 1] + name if name else path


def _with_names(
    archive: LockedArchive, paths: Mapping[str, str], there: Mapping[str, LockedFile]
) -> LockedArchive:
    added = [
        replace(file, path=paths[file.path], member=archive.member_of(file))
        for file in archive.files
        if paths.get(file.path, file.path) not in there
    ]
    unique = {file.path: file for file in [*archive.files, *added]}
    return replace(archive, files=tuple(unique[path] for path in sorted(unique)))
