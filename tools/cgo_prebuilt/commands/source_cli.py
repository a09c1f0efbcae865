"""The verbs `source` and `crates` of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store
from cgo_prebuilt.commands.fetch_cli import (
    add_mirror_option,
    add_selection,
    downloads_for,
    lock_and_platform,
    settings_of,
)
from cgo_prebuilt.commands.verbs import add_json, add_verb, path_argument, print_json

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs


def add_sources(verbs: Verbs) -> None:
    """Add `source` and `crates`."""
    verb = add_verb(
        verbs,
        "source",
        _source,
        "put a library's source into a folder, verified",
        "source --lock vecsearch.lock.json --output vecsearch-source",
    )
    _add_options(verb)
    verb = add_verb(
        verbs,
        "crates",
        _crates,
        "put the crates that a source's Cargo.lock names into a folder, verified",
        "crates --lock vecsearch.lock.json --source vecsearch-source --output crates",
    )
    verb.add_argument(
        "--source",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="the folder with the source, as `source` writes it",
    )
    _add_options(verb)


def _add_options(verb: argparse.ArgumentParser) -> None:
    add_selection(verb)
    add_mirror_option(verb)
    verb.set_defaults(origin=None)
    verb.add_argument(
        "--output", required=True, type=path_argument, metavar="DIR", help="the folder to write to"
    )
    add_json(verb, "print what was written as JSON", {"output": (), "files": ()})


def _source(options: argparse.Namespace) -> int:
    from cgo_prebuilt.source.source_tree import open_source, source_of

    lock, platform = lock_and_platform(options)
    store, settings = open_store(), settings_of(options, lock)
    wanted = source_of(lock, options.lock.parent, platform, settings)
    source = open_source(wanted, downloads_for(settings, store))
    return _report(options, source.copy(options.output))


def _crates(options: argparse.Namespace) -> int:
    from cgo_prebuilt.source.crates import Crates
    from cgo_prebuilt.source.source_tree import source_of

    lock, platform = lock_and_platform(options)
    store, settings = open_store(), settings_of(options, lock)
    wanted = source_of(lock, options.lock.parent, platform, settings)
    crates = Crates(wanted, downloads_for(settings, store))
    return _report(options, crates.put(options.source, options.output))


def _report(options: argparse.Namespace, files: list[str]) -> int:
    if options.json:
        print_json(options, {"output": str(options.output), "files": sorted(files)})
    else:
        print(options.output)
    return 0
