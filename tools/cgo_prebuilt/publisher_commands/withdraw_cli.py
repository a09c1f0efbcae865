"""The verb `withdraw` of the command line."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.bounded_read import bytes_of_file
from cgo_prebuilt.commands.verbs import (
    MANIFEST,
    add_lock_option,
    add_verb,
    path_argument,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import UsageError, reporting

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs


def add_withdraw(verbs: Verbs) -> None:
    """Add `withdraw`."""
    verb = add_verb(
        verbs,
        "withdraw",
        _withdraw,
        "mark a version as bad, in the manifest and the lock; its files stay",
        "withdraw v0.3.0 --why crashes",
    )
    verb.add_argument("version", metavar="VERSION", help="the version")
    verb.add_argument("--why", metavar="TEXT", required=True, help="the warning for its users")
    verb.add_argument(
        "--manifest", type=path_argument, metavar="MANIFEST", default=MANIFEST, help="the manifest"
    )
    add_lock_option(verb, "the lock")


def _withdraw(options: argparse.Namespace) -> int:
    from cgo_prebuilt.locks.lock_file import format_lock, read_lock
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.manifests.manifest_edit import version_as_written, with_withdrawn

    manifest: Path = options.manifest
    known = read_manifest(manifest)
    why = options.why.strip()
    if not why or not why.isprintable():
        raise UsageError(
            "the reason is not one line of text",
            where="--why",
            remedy="give the reason on one line",
        )
    # Bytes, since reading it as text would change Windows' line ends.
    text = bytes_of_file(manifest).decode()
    version = version_as_written(text, options.version)
    target: Path = options.lock
    lock = read_lock(target) if target.exists() else None
    if version != known.version and (lock is None or version not in lock.versions):
        raise UsageError(
            f"neither the manifest nor the lock has a version {version} of {known.name}",
            where=options.version,
            remedy="check the version, and name the lock with --lock",
        )
    _write(manifest, with_withdrawn(text, version, why, where=str(manifest)))
    if lock is None or version not in lock.versions:
        print_prefixed(f"{target} does not have {version}: no consumer of that lock is warned")
        return 0
    lock.check_complete(str(target))
    marked = replace(lock.versions[version], withdrawn=why)
    _write(target, format_lock(replace(lock, versions={**lock.versions, version: marked})))
    print_message(f"{lock.name} {version} is withdrawn: {why}")
    if version == lock.default_version:
        print_prefixed(f"{version} is still the default version: lock another one")
    return 0


def _write(path: Path, text: str) -> None:
    from cgo_prebuilt.files.renames import write_atomically

    with reporting("the file cannot be written", where=path, remedy="check its permissions"):
        write_atomically(path, text.encode())
