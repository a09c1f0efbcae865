"""The verb `init` of the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_downloads, open_store
from cgo_prebuilt.commands.verbs import (
    MANIFEST,
    add_json,
    add_network_options,
    add_verb,
    path_argument,
    place_argument,
    print_json,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError, reporting

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.drafting.draft import Draft, ReleaseFacts
    from cgo_prebuilt.drafting.listing import Listing
    from cgo_prebuilt.drafting.survey import Asset, ListedAsset
    from cgo_prebuilt.network.transport import ByteStream

_PARALLEL_DOWNLOADS = 4


def add_init(verbs: Verbs) -> None:
    """Add `init`."""
    verb = add_verb(
        verbs,
        "init",
        _init,
        "draft prebuilt.yaml from somebody else's release, and lock it",
        "init microsoft/onnxruntime@v1.23.2 --platform linux_amd64",
    )
    verb.add_argument(
        "places",
        nargs="+",
        type=place_argument,
        metavar="WHERE",
        help="OWNER/NAME[@TAG] or a release's URL on GitHub, an index page, URLs of files, a folder, files",
    )
    verb.add_argument(
        "--output", type=path_argument, metavar="MANIFEST", default=MANIFEST, help="the manifest"
    )
    add_network_options(verb)
    verb.add_argument("--name", metavar="NAME", help="the library's name")
    verb.add_argument("--version", metavar="VERSION", help="the release's version")
    verb.add_argument(
        "--platform",
        metavar="PLATFORM",
        action="append",
        default=[],
        help="draft only this platform; may be given several times",
    )
    verb.add_argument("--yes", action="store_true", help="accept the suggestion at every choice")
    verb.add_argument("--force", action="store_true", help="overwrite an existing manifest")
    verb.add_argument("--no-lock", action="store_true", help="write the manifest alone")
    add_json(
        verb,
        "print what was drafted as JSON",
        {
            "manifest": (),
            "lock": (),
            "name": (),
            "version": (),
            "platforms": (),
            "choices": ("key", "question", "options", "taken"),
            "notes": (),
        },
    )


def _init(options: argparse.Namespace) -> int:
    from cgo_prebuilt.drafting.draft import ReleaseFacts, draft, draft_text
    from cgo_prebuilt.drafting.listing import Listing, is_unpacked
    from cgo_prebuilt.drafting.places import shown_place
    from cgo_prebuilt.drafting.selection import select_assets
    from cgo_prebuilt.drafting.survey import inspect_folder
    from cgo_prebuilt.files.renames import write_atomically
    from cgo_prebuilt.platforms import parse_platform

    target: Path = options.output
    if target.exists() and not options.force:
        raise UsageError(
            "the manifest exists, and init does not overwrite it",
            where=str(target),
            remedy="choose another place with --output, or overwrite it with --force",
        )
    if not target.parent.is_dir():
        raise UsageError("there is no such folder", where=str(target.parent), remedy="make it")
    platforms = tuple(parse_platform(name) for name in options.platform)
    unpacked = Path(options.places[0]) if len(options.places) == 1 else None
    if unpacked is not None and not is_unpacked(unpacked):
        unpacked = None
    listing = Listing(()) if unpacked is not None else _list(options.places)
    chosen, left_out = select_assets(listing.assets, platforms, options.version or "")
    release = ReleaseFacts(
        ", ".join(shown_place(place) for place in options.places),
        name=options.name or "",
        repository=listing.repository,
        tag=options.version or listing.tag,
        left_out=left_out,
        platforms=platforms,
    )
    assets = (
        [inspect_folder(unpacked)] if unpacked is not None else _inspect_assets(chosen, left_out)
    )
    answers: dict[str, int] = {}
    made = draft(release, assets, answers, may_guess=options.yes)
    if not options.yes and sys.stdin.isatty() and sys.stderr.isatty():
        made = _ask(release, assets, made, answers)
    is_open = not options.yes and any(one.key not in answers for one in made.questions)
    with reporting(
        "the manifest cannot be written", where=target, remedy="choose another place with --output"
    ):
        write_atomically(target, draft_text(made).encode())
    _say(made, answers, target)
    if is_open:
        count = sum(one.key not in answers for one in made.questions)
        raise UsageError(
            f"the draft leaves {count} {'choice' if count == 1 else 'choices'} to you",
            where=str(target),
            remedy=f"decide each `# choose:`, then run `cgo-prebuilt lock {target}`; or take the"
            " guesses with --yes --force",
        )
    if unpacked is not None:
        platform = made.platforms[0]
        print_message(
            f"next: cgo-prebuilt pack {target} --platform {platform} --from {unpacked} --output dist;"
            " publish dist, correct 'urls', and run `cgo-prebuilt lock`"
        )
    lock = None if options.no_lock or unpacked is not None else _lock(target, options.json)
    if options.json:
        _print(options, made, answers, target, lock)
    elif lock is None:
        print(target)
    return 0


def _list(places: Sequence[str]) -> Listing:
    from cgo_prebuilt.drafting.listing import Lister
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.github_asset import HEADERS
    from cgo_prebuilt.releases.github_api import GitHubSite
    from cgo_prebuilt.settings import read_settings

    settings = read_settings(os.environ, "")
    client = HttpClient(API_SETTINGS, os.environ)
    lister = Lister(
        GitHubSite.of(os.environ),
        Api(client, note=print_prefixed),
        Api(client, HEADERS, note=print_prefixed),
        is_offline=settings.offline or settings.mirror is not None,
    )
    return lister.list_all(places)


def _inspect_assets(assets: Sequence[ListedAsset], left_out: dict[str, str]) -> list[Asset]:
    """Download the files, several at a time, and inspect each."""
    from concurrent.futures import ThreadPoolExecutor

    from cgo_prebuilt.download import Download
    from cgo_prebuilt.drafting.survey import inspect_asset
    from cgo_prebuilt.errors import IntegrityError

    downloads = open_downloads(open_store())

    def look(asset: ListedAsset) -> Asset | None:
        found: list[Asset] = []

        def consume(stream: ByteStream) -> None:
            found[:] = [inspect_asset(stream, asset)]

        try:
            downloads.run(Download(asset.file, (asset.url,)), consume)
        except IntegrityError as error:
            left_out[asset.file] = f"not readable ({error.what})"
            return None
        return found[0]

    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        try:
            return [found for found in pool.map(look, assets) if found is not None]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _ask(
    release: ReleaseFacts, assets: Sequence[Asset], made: Draft, answers: dict[str, int]
) -> Draft:
    """Ask the person about undecided questions; an answer may lead to another question."""
    from cgo_prebuilt.drafting.draft import VERSION, draft

    if any(question.key == VERSION for question in made.questions):
        print_message("No file name has a version in it. Which version is it?")
        release = replace(release, tag=sys.stdin.readline().strip())
        made = draft(release, assets, answers, may_guess=False)
    while asked := [
        one for one in made.questions if one.key not in answers and len(one.options) > 1
    ]:
        question = asked[0]
        print_message(question.text)
        for number, option in enumerate(question.options, 1):
            print_message(f"  {number}. {option}")
        print_message(f"Number ({question.guess + 1}):")
        line = sys.stdin.readline()
        if not line:  # the end of the input
            break
        answer = line.strip()
        if answer and not (answer.isdecimal() and 1 <= int(answer) <= len(question.options)):
            print_message(f"Type a number from 1 to {len(question.options)}.")
            continue
        answers[question.key] = int(answer) - 1 if answer else question.guess
        made = draft(release, assets, answers, may_guess=False)
    return made


def _say(made: Draft, answers: dict[str, int], target: Path) -> None:
    for question in made.questions:
        if question.key not in answers:
            print_message(f"guess: {question.text} {question.options[question.guess]}")
    for text in made.notes:
        print_message(f"note: {text}")
    names = ", ".join(map(str, made.platforms))
    print_message(f"{target}: {made.name} {made.version} for {names}")


def _lock(manifest: Path, is_quiet: bool) -> Path:
    """Run `lock` on the manifest."""
    import contextlib
    import io

    from cgo_prebuilt.publisher_commands.lock_cli import add_lock

    parser = argparse.ArgumentParser()
    add_lock(parser.add_subparsers())
    options = parser.parse_args(["lock", str(manifest)])
    with contextlib.redirect_stdout(io.StringIO()) if is_quiet else contextlib.nullcontext():
        try:
            options.run(options)
        except CgoPrebuiltError:
            print_prefixed(f"the draft is {manifest}; it could not be locked as it is")
            raise
    return manifest.with_suffix(".lock.json")


def _print(
    options: argparse.Namespace,
    made: Draft,
    answers: dict[str, int],
    target: Path,
    lock: Path | None,
) -> None:
    print_json(
        options,
        {
            "manifest": str(target),
            "lock": None if lock is None else str(lock),
            "name": made.name,
            "version": made.version,
            "platforms": [str(platform) for platform in made.platforms],
            "choices": [
                {
                    "key": one.key,
                    "question": one.text,
                    "options": list(one.options),
                    "taken": answers.get(one.key, one.guess),
                }
                for one in made.questions
            ],
            "notes": list(made.notes),
        },
    )
