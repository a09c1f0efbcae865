"""The verb `mirror` of the command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.commands.context import open_store, open_transport
from cgo_prebuilt.commands.verbs import (
    LOCK,
    add_json,
    add_network_options,
    add_trust_options,
    add_verb,
    path_argument,
    print_json,
    print_message,
)

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.settings import Settings


def add_mirror(verbs: Verbs) -> None:
    """Add `mirror`."""
    verb = add_verb(
        verbs,
        "mirror",
        _mirror,
        "fill a folder with every archive that locks name, and the crates of their sources",
        "mirror --lock a.lock.json --lock b.lock.json --to /srv/mirror",
    )
    verb.add_argument(
        "--lock",
        type=path_argument,
        metavar="LOCK",
        nargs="+",
        action="extend",
        dest="locks",
        help=f"the lock files; {LOCK} if not given",
    )
    verb.add_argument(
        "--to",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="the mirror's folder; CGO_PREBUILT_MIRROR=DIR uses it",
    )
    verb.add_argument(
        "--platform",
        metavar="PLATFORM",
        nargs="+",
        action="extend",
        default=[],
        dest="platforms",
        help="instead of all platforms",
    )
    verb.add_argument(
        "--layout",
        metavar="TEMPLATE",
        default="{file}",
        help="each archive's path below DIR, such as '{name}/{version}/{file}'",
    )
    verb.add_argument(
        "--prune", action="store_true", help="remove files that none of these locks names"
    )
    add_json(
        verb,
        "print what was done as JSON",
        dict.fromkeys(("fetched", "kept", "removed", "bytes_fetched", "bytes_downloaded"), ()),
    )
    add_trust_options(verb)
    add_network_options(verb)


def _mirror(options: argparse.Namespace) -> int:
    from cgo_prebuilt.fetching.mirror_crates import mirror_crates
    from cgo_prebuilt.fetching.mirror_folder import fill_mirror, mirror_files, prune_mirror
    from cgo_prebuilt.locks.lock_file import read_lock
    from cgo_prebuilt.settings import CommandLineSettings, read_settings
    from cgo_prebuilt.source.stored_archive import Downloads
    from cgo_prebuilt.trust import trust_of

    locks = {path: read_lock(path) for path in options.locks or [LOCK]}
    trust = trust_of(options.trust, options.public_key, options.identity)

    def settings(library: str) -> Settings:
        return read_settings(os.environ, library, CommandLineSettings(trust=trust))

    store = open_store()
    files = mirror_files(locks.values(), options.platforms, settings, options.layout)

    def transport() -> Transport:
        return open_transport(store.partials)

    done = fill_mirror(files, options.to, transport)
    # The crates are known only after their source is fetched.
    crates = mirror_crates(
        locks,
        options.platforms,
        lambda library: Downloads(settings(library), store, transport, os.environ),
        options.layout,
        files,
        options.to,
    )
    if crates:
        done.add(fill_mirror(crates, options.to, transport))
        files += crates
    if options.prune:
        done.removed = prune_mirror(files, options.to)
    if options.json:
        print_json(options, asdict(done))
        return 0
    for path in done.fetched:
        print(path)
    print_message(
        f"{len(done.fetched)} fetched, {format_size(done.bytes_fetched)};"
        f" {len(done.kept)} there already; {len(done.removed)} removed"
    )
    return 0
