"""The verb `gazelle` of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import add_lock_option, add_verb

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs


def add_gazelle(verbs: Verbs) -> None:
    """Add `gazelle`."""
    verb = add_verb(
        verbs,
        "gazelle",
        _gazelle,
        "print the MODULE.bazel lines that give a Go module its library, through gazelle",
        "gazelle --lock lancedb.lock.json --module github.com/lancedb/lancedb-go >> MODULE.bazel",
    )
    add_lock_option(verb, "the lock file, below the current folder")
    verb.add_argument("--module", required=True, metavar="PATH", help="the Go module's path")


def _gazelle(options: argparse.Namespace) -> int:
    from cgo_prebuilt.commands.go_mod_notes import warn_of_other_version
    from cgo_prebuilt.go_modules.gazelle_lines import gazelle_lines, lock_label
    from cgo_prebuilt.locks.lock_file import read_lock

    lock = read_lock(options.lock)
    label = lock_label(options.lock, Path.cwd())
    prebuilts = lock.versions[lock.default_version].prebuilts()
    interfaces = [prebuilt.interface for _, _, prebuilt in prebuilts]
    print(gazelle_lines(lock.name, label, options.module, interfaces), end="")
    warn_of_other_version(options.lock.parent, [options.module], lock.name, lock.default_version)
    return 0
