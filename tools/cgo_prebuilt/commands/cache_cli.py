"""The `cache` verbs of the command line."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store
from cgo_prebuilt.commands.verbs import (
    add_group,
    add_json,
    add_verb,
    age_argument,
    print_json,
    print_message,
)
from cgo_prebuilt.errors import IntegrityError

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_TREE = ("key", "label", "size", "files", "last_used")


def add_cache(verbs: Verbs) -> None:
    """Add `cache` and its verbs."""
    own = add_group(verbs, "cache", "the store of fetched libraries", "cache list")

    verb = add_verb(own, "dir", _dir, "print the store's folder", "cache dir")

    verb = add_verb(own, "list", _list, "list what is in the store", "cache list --json")
    add_json(verb, "print it as JSON", {"trees": _TREE})

    verb = add_verb(
        own, "verify", _verify, "hash every file again; set damaged trees aside", "cache verify"
    )
    add_json(verb, "print the trees as JSON, if all are intact", {"trees": _TREE})

    verb = add_verb(
        own,
        "prune",
        _prune,
        "remove old trees, or all beyond a size, and what interrupted fetches left",
        "cache prune --older-than 30d",
    )
    verb.add_argument(
        "--older-than",
        type=age_argument,
        metavar="AGE",
        help="remove trees that were not used for this long: 12h, 30d, 8w; also unfinished downloads,"
        " which stay for a day at most (0d: all of them)",
    )
    verb.add_argument(
        "--max-size", type=_size, metavar="SIZE", help="keep at most this size: 500M, 20G"
    )
    add_json(
        verb,
        "print what was done as JSON",
        {"removed": _TREE, "kept": _TREE, "in_use": (), "leftovers": ()},
    )


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([kMGT]?)B?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 20G")
    return int(match[1]) * _UNITS[match[2]]


def _dir(options: argparse.Namespace) -> int:
    print(open_store().root)
    return 0


def _list(options: argparse.Namespace) -> int:
    from cgo_prebuilt.amounts import format_size

    store = open_store()
    trees = store.list() + store.packages.list()
    if options.json:
        print_json(options, {"trees": [asdict(tree) for tree in trees]})
        return 0
    for tree in trees:
        used = _day(tree.last_used)
        print(f"{tree.key[:16]}  {format_size(tree.size):>9}  {used}  {tree.label}")
    return 0


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "????-??-??"  # a file system may hold times outside of the calendar


def _verify(options: argparse.Namespace) -> int:
    store = open_store()
    damaged, trees = [], []
    for one in (store, store.packages):
        for tree in one.list():
            bad = one.verify(tree.key)
            damaged += [f"{tree.label or tree.key}: {path}" for path in bad]
            trees.append(asdict(tree))
            if not options.json:
                print(f"{tree.key[:16]}  {'damaged' if bad else 'ok':<7}  {tree.label}")
        damaged += one.verify_results()
    if damaged:
        raise IntegrityError(
            "the store was damaged: " + ", ".join(damaged),
            where=str(store.root),
            remedy="nothing: damaged trees are set aside, and the next fetch downloads them again",
        )
    if options.json:
        print_json(options, {"trees": trees})
    return 0


def _prune(options: argparse.Namespace) -> int:
    from cgo_prebuilt.amounts import format_size

    store, now = open_store(), time.time()
    done = store.prune(options.older_than, options.max_size, now=now)
    room = options.max_size
    if room is not None:
        room = max(0, room - sum(tree.size for tree in done.kept))
    done += store.packages.prune(options.older_than, room, now=now)
    if options.json:
        print_json(options, asdict(done))
        return 0
    for tree in done.removed:
        print(f"{tree.key[:16]}  {format_size(tree.size):>9}  removed  {tree.label}")
    kept = sum(tree.size for tree in done.kept)
    print_message(f"{len(done.kept)} kept, {format_size(kept)}")
    return 0
