"""The verb `rebuild` of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store
from cgo_prebuilt.commands.fetch_cli import (
    add_mirror_option,
    add_selection,
    lock_and_platform,
    provide,
)
from cgo_prebuilt.commands.verbs import STALE, add_json, add_verb, print_json, print_message

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs


def add_rebuild(verbs: Verbs) -> None:
    """Add `rebuild`."""
    verb = add_verb(
        verbs,
        "rebuild",
        _rebuild,
        "build a lock's source, and compare it with the locked prebuilt",
        "rebuild --lock vecsearch.lock.json --check",
    )
    add_selection(verb)
    add_mirror_option(verb)
    verb.set_defaults(origin=None)
    verb.add_argument("--check", action="store_true", help="exit 1 if anything differs")
    add_json(
        verb,
        "print the differences as JSON",
        {"version": (), "platform": (), "differences": ("file", "what", "members")},
    )


def _rebuild(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from cgo_prebuilt.publishing.compare_builds import compare_builds

    lock, platform = lock_and_platform(options)
    store = open_store()
    options.origin = "prebuilt"
    prebuilt = provide(options, lock, platform, store)
    options.origin = "source"
    built = provide(options, lock, platform, store)
    found = compare_builds(
        prebuilt.tree.files, prebuilt.interface, built.tree.files, built.interface
    )
    if options.json:
        answer = [{**asdict(one), "members": list(one.members)} for one in found]
        print_json(
            options,
            {"version": prebuilt.version, "platform": str(platform), "differences": answer},
        )
    else:
        for difference in found:
            print(difference)
        files = f"{len(found)} files differ" if found else "the build has the same bytes"
        print_message(f"{lock.name} {prebuilt.version} for {platform}: {files}")
    if found and options.check:
        return STALE
    return 0
