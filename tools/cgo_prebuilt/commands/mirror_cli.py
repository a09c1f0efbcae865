"""The verb `mirror` of the command line: it parses, calls, and prints."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.commands.surroundings import open_transport
from cgo_prebuilt.commands.verbs import add_trust_options, add_verb, path_argument, say

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.settings import Settings


def add_mirror(verbs: Verbs) -> None:
    """Adds `mirror`."""
    verb = add_verb(
        verbs,
        "mirror",
        _mirror,
        "fill a folder with every archive that locks name",
        "mirror --lock a.lock.json --lock b.lock.json --to /srv/mirror",
    )
    verb.add_argument(
        "--lock",
        required=True,
        type=path_argument,
        metavar="L",
        nargs="+",
        action="extend",
        dest="locks",
        help="the lock files",
    )
    verb.add_argument(
        "--to",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="the mirror's folder; CGO_PREBUILT_MIRROR=file://DIR uses it",
    )
    verb.add_argument(
        "--platform",
        metavar="P",
        nargs="+",
        action="extend",
        default=[],
        dest="platforms",
        help="instead of all platforms",
    )
    verb.add_argument(
        "--layout",
        metavar="T",
        default="{file}",
        help="where each archive is below DIR, such as '{name}/{version}/{file}'",
    )
    verb.add_argument(
        "--prune", action="store_true", help="remove what no lock of these names any more"
    )
    verb.add_argument("--json", action="store_true", help="print what was done as JSON")
    add_trust_options(verb)


def _mirror(options: argparse.Namespace) -> int:
    from cgo_prebuilt.fetching.mirror_folder import fill_mirror, mirror_files, prune_mirror
    from cgo_prebuilt.locks.lock_file import read_lock
    from cgo_prebuilt.settings import read_settings
    from cgo_prebuilt.trust import trust_of

    locks = [read_lock(path) for path in options.locks]
    trust = trust_of(options.trust, options.public_key, options.identity)

    def settings(library: str) -> Settings:
        return read_settings(os.environ, library, trust=trust)

    files = mirror_files(locks, options.platforms, settings, options.layout)
    done = fill_mirror(files, options.to, open_transport)
    if options.prune:
        done.removed = prune_mirror(files, options.to)
    if options.json:
        print(json.dumps(asdict(done), indent=2))
        return 0
    for path in done.fetched:
        print(path)
    say(
        f"{len(done.fetched)} fetched, {format_size(done.bytes_downloaded)};"
        f" {len(done.kept)} there already; {len(done.removed)} removed"
    )
    return 0
