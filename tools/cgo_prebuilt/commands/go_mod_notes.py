"""Warnings if a program's go.mod, or a module that it requires, does not fit a library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.commands.verbs import print_prefixed
from cgo_prebuilt.linking.required_version import modules_of_releases, other_version

if TYPE_CHECKING:
    from cgo_prebuilt.locks.lock import Lock
    from cgo_prebuilt.storage.stored_library import StoredLibrary


def warn_of_other_version(folder: Path, modules: Iterable[str], library: str, version: str) -> None:
    """Warn if a go.mod requires a different version of a module than the library's.

    Args:
        folder: The folder of the go.mod; without that file, there is no warning.
        modules: The modules that may need the library.
        library: Its name.
        version: Its version.
    """
    try:
        text = text_of_file(folder / "go.mod", errors="replace")
    except OSError:
        return
    for module in modules:
        required = other_version(text, module, version)
        if required is not None:
            print_prefixed(
                f"go.mod requires {module} {required}, and {library} is {version}: a Go module works"
                " with the library that it was released with; lock that one"
            )


def warn_of_missing_source_file(path: Path, lock: Lock, library: StoredLibrary) -> None:
    """Warn about a Go module that needs a library file beside its sources.

    Args:
        path: The lock's file.
        lock: The lock.
        library: The library in the store.
    """
    here = Path.cwd()
    project = next((one for one in (here, *here.parents) if (one / "go.mod").is_file()), None)
    prebuilts = [one for _, _, one in lock.versions[library.version].prebuilts()]
    urls = [url for one in prebuilts for archive in one.archives for url in archive.urls]
    owners = {f"{module.rpartition('/')[0]}/" for module in modules_of_releases(urls)}
    if not owners or project is None:
        return
    from cgo_prebuilt.linking.go_target import go_defaults
    from cgo_prebuilt.linking.srcdir_paths import find_missing_source_file

    names = {file.path.rpartition("/")[2] for file in library.files}
    environ = {**go_defaults(os.environ, sys.platform), **os.environ}
    found = find_missing_source_file(project, owners, names, environ)
    if found is not None:
        vendor = "" if found.is_vendored else "go mod vendor && "
        target = project / "vendor" / found.module
        print_prefixed(
            f"{found.module} names {found.word}, which is missing,"
            " and no environment variable can redirect it\n"
            f"  at: {found.folder}\n"
            f"  next: {vendor}cgo-prebuilt fetch --lock {path} --output {target}"
        )
