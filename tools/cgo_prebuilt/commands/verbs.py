"""Functions for every verb: its parser, its answer and its messages."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.printable import printable
from cgo_prebuilt.trust import LEVELS
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from datetime import timedelta

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

STALE = 1
"""The exit code of a `--check` that found something to do; not used otherwise."""

MANIFEST, LOCK = Path("prebuilt.yaml"), Path("prebuilt.lock.json")
"""The files that a verb uses by default."""

_SPANS = {"h": "hours", "d": "days", "w": "weeks"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

Keys = Mapping[str, Sequence[str]]
"""The keys of an answer; for a key with a list of objects, the keys of those."""


def add_verb(
    verbs: Verbs,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a verb.

    Args:
        verbs: The verbs of the command, or of a group.
        name: The verb.
        run: Runs it and returns the exit code.
        summary: What it does: a line that begins in lower case.
        example: A command line, without the program.

    Returns:
        Its parser, for its arguments.
    """
    verb = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example: cgo-prebuilt {example}",
        allow_abbrev=False,
    )
    verb.set_defaults(run=run, parser=verb)
    return verb


def add_manifest(verb: argparse.ArgumentParser) -> None:
    """Add the argument MANIFEST."""
    verb.add_argument(
        "manifest",
        nargs="?",
        type=path_argument,
        metavar="MANIFEST",
        default=MANIFEST,
        help="the manifest",
    )


def add_lock_option(verb: argparse.ArgumentParser, what: str = "the lock file") -> None:
    """Add the option `--lock` of a verb that takes one."""
    verb.add_argument("--lock", type=path_argument, metavar="LOCK", default=LOCK, help=what)


def add_json(
    verb: argparse.ArgumentParser,
    what: str,
    keys: Keys,
    group: argparse._ActionsContainer | None = None,
) -> None:
    """Add the option `--json`.

    Args:
        verb: The verb.
        what: Its help text.
        keys: The keys of the answer, which `print_json` checks and the reference lists.
        group: The options that exclude it, if any.
    """
    (group or verb).add_argument("--json", action="store_true", help=what)
    verb.set_defaults(json_keys=keys)


def print_json(options: argparse.Namespace, answer: Mapping[str, object]) -> None:
    """Print the answer of a verb: an object with the keys that `add_json` declared."""
    keys: Keys = options.json_keys
    assert set(answer) == set(keys), sorted(answer)
    for key, inner in keys.items():
        items = answer[key] if inner else ()
        assert isinstance(items, (list, tuple)), key
        assert all(set(item) == set(inner) for item in items), key
    print(json.dumps(answer, indent=2))


def add_renamed(verb: argparse.ArgumentParser, old: str, new: str) -> None:
    """Add an option's old name, whose error names the new one."""
    verb.add_argument(old, nargs="?", action=_Renamed, const=new, help=argparse.SUPPRESS)


class _Renamed(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        parser.error(f"{option_string} is called {self.const} now")


def add_group(verbs: Verbs, name: str, summary: str, example: str) -> Verbs:
    """Add a verb with subcommands, such as `cache`.

    Args:
        verbs: The command's verbs.
        name: The group.
        summary: Its help text.
        example: A command line, without the program.

    Returns:
        The object to add its verbs to.
    """
    group = verbs.add_parser(
        name, help=summary, epilog=f"example: cgo-prebuilt {example}", allow_abbrev=False
    )
    return group.add_subparsers(metavar="VERB", required=True)


def add_trust_options(verb: argparse.ArgumentParser) -> None:
    """Add the options about required signatures and attestations; see `Trust`."""
    verb.add_argument(
        "--public-key",
        metavar="KEY",
        help="the SSH public key that must have signed the release, such as 'ssh-ed25519 AAAA...'",
    )
    verb.add_argument(
        "--identity",
        metavar="WHO",
        help="the GitHub repository (OWNER/NAME) or workflow that must have attested the release",
    )
    verb.add_argument(
        "--trust",
        choices=LEVELS,
        help="the required minimum; a key or an identity implies it",
    )


def add_network_options(verb: argparse.ArgumentParser) -> None:
    """Add the options of a verb that uses the network."""
    verb.add_argument(
        "--credential-helper",
        metavar="[PATTERN=]PROGRAM",
        action="append",
        help="ask this program for credentials, as Bazel does, for hosts that match a pattern, such as"
        " *.example.com, or for all; may be given several times",
    )


def path_argument(text: str) -> Path:
    """Parse a path of the command line; the type of an argument.

    Raises:
        argparse.ArgumentTypeError: It is empty, which would mean the current folder; or it is a URL.
    """
    if _URL.match(text):
        raise argparse.ArgumentTypeError(f"'{Url(text)}' is a URL, and only a path is supported")
    return Path(_not_empty(text, "path"))


def place_argument(text: str) -> str:
    """Parse a folder or a URL of the command line; the type of an argument.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    return _not_empty(text, "place")


def age_argument(text: str) -> timedelta:
    """Parse an age on the command line; the type of an argument.

    Raises:
        argparse.ArgumentTypeError: It is not an age.
    """
    from datetime import timedelta

    match = re.fullmatch(r"(\d+)([hdw])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 12h, 30d or 8w")
    try:
        return timedelta(**{_SPANS[match[2]]: int(match[1])})
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is too long") from None


def _not_empty(text: str, what: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError(f"the {what} is empty; is a variable not set?")
    return text


def print_message(text: str) -> None:
    """Print a message for the person on standard error."""
    with suppress(OSError):  # its reader has gone; continue
        # In one piece, since threads report downloads.
        print(f"{printable(text)}\n", end="", file=sys.stderr, flush=True)


def print_prefixed(text: str) -> None:
    """Print a message for the person on standard error, after the command's name."""
    print_message(f"cgo-prebuilt: {text}")
