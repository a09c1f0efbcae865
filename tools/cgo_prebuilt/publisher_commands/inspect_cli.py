"""The verb `inspect` of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import (
    add_json,
    add_verb,
    path_argument,
    print_json,
    print_prefixed,
)
from cgo_prebuilt.errors import reporting

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.drafting.contents_report import Symbols

_LARGEST_READ = 512 << 20
"""The largest size for LIEF, which holds several copies of a library in memory."""


def add_inspect(verbs: Verbs) -> None:
    """Add `inspect`."""
    verb = add_verb(
        verbs,
        "inspect",
        _inspect,
        "list the contents of an archive or a library",
        "inspect onnxruntime-linux-x64-1.23.2.tgz",
    )
    verb.add_argument("file", type=path_argument, metavar="FILE", help="an archive or a library")
    add_json(
        verb,
        "print it as JSON",
        {
            "file": (),
            "format": (),
            "size": (),
            "files": ("path", "size", "link"),
            "libraries": (
                *("path", "kind", "os", "arch", "libc", "soname", "needs", "glibc", "libstdcxx"),
                *("defined", "undefined"),
            ),
        },
    )


def _inspect(options: argparse.Namespace) -> int:
    from cgo_prebuilt.archives.bytestream import FileStream
    from cgo_prebuilt.drafting.contents_report import lines, report
    from cgo_prebuilt.drafting.survey import ListedAsset, inspect_asset
    from cgo_prebuilt.url import Url

    path: Path = options.file
    with reporting(
        "the file to inspect cannot be read",
        where=path,
        remedy="give the path of an archive or a library",
    ):
        stream = FileStream(path)
        size = path.stat().st_size
    try:
        asset = ListedAsset(path.name, Url(path.absolute().as_uri()), size)
        found = inspect_asset(stream, asset)
        symbols = _symbols(path, found.format, found.binaries)
    finally:
        stream.close()
    if options.json:
        print_json(options, report(found, size, symbols))
    else:
        print("\n".join(lines(found, size, symbols)))
    return 0


def _symbols(path: Path, format: str, libraries: Collection[str]) -> dict[str, Symbols]:
    """Return the symbols of a file's libraries, if the reader of symbols is installed."""
    from cgo_prebuilt.archives.archive import read_members
    from cgo_prebuilt.archives.bytestream import FileStream
    from cgo_prebuilt.archives.member import FILE
    from cgo_prebuilt.archives.work import Work
    from cgo_prebuilt.drafting.contents_report import Symbols
    from cgo_prebuilt.drafting.survey import loose_name
    from cgo_prebuilt.inspection.object_files import can_inspect, read_objects

    found: dict[str, Symbols] = {}
    if not libraries:
        return found
    if not can_inspect():
        print_prefixed(
            "symbols are not shown: `pip install 'cgo-prebuilt[inspect]'` installs what reads them"
        )
        return found
    import tempfile

    stream = FileStream(path)
    try:
        loose = loose_name(path.name, format)
        for member in read_members(stream, format, Work(path.name), loose):
            if member.kind != FILE or member.name not in libraries:
                continue
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder, "library")
                with copy.open("wb") as file:
                    for chunk in member.chunks():
                        file.write(chunk)
                if copy.stat().st_size > _LARGEST_READ:
                    print_prefixed(f"the symbols of {member.name} are not shown: it is too large")
                    continue
                objects = read_objects(copy)
            defined = {name for one in objects for name in one.defined}
            undefined = {name for one in objects for name in one.undefined} - defined
            found[member.name] = Symbols(frozenset(defined), frozenset(undefined))
    finally:
        stream.close()
    return found
