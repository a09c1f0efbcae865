"""The command line: parse, call and print."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from cgo_prebuilt import __version__
from cgo_prebuilt.commands.interrupts import Interrupts
from cgo_prebuilt.commands.verbs import print_prefixed
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.fields import nearest

_VERBS = {
    "commands.fetch_cli.add_fetching": ("fetch", "urls", "env"),
    "publisher_commands.rebuild_cli.add_rebuild": ("rebuild",),
    "commands.source_cli.add_sources": ("source", "crates"),
    "publisher_commands.publish_cli.add_publishing": ("pack", "publish"),
    "publisher_commands.withdraw_cli.add_withdraw": ("withdraw",),
    "publisher_commands.init_cli.add_init": ("init",),
    "publisher_commands.inspect_cli.add_inspect": ("inspect",),
    "publisher_commands.lock_cli.add_lock": ("lock",),
    "publisher_commands.goproxy_cli.add_goproxy": ("goproxy",),
    "publisher_commands.gazelle_cli.add_gazelle": ("gazelle",),
    "commands.mirror_cli.add_mirror": ("mirror",),
    "commands.cache_cli.add_cache": ("cache",),
    "commands.machine_cli.add_machine": ("platform", "doctor"),
    "publisher_commands.completion_cli.add_completion": ("completion",),
}
"""The modules and their verbs; a module is loaded only if one of its verbs may be called.

The copy that Bazel fetches with the module has no `publisher_commands`: see
docs/decisions/two-products.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The words after the program's name; None for those of this process.

    Returns:
        The exit code: 0 done, 1 stale (`--check`), 6 unfit (`doctor`), or that of an error.
    """
    _fill_standard_streams()
    Interrupts().watch()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = parser(words[0] if words else "").parse_args(words)
        with _helpers_named(getattr(options, "credential_helper", None) or []):
            code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        from cgo_prebuilt.commands.failures import print_and_flush

        print_and_flush("")  # the reader of the answer has closed the pipe
        return 0
    except (Exception, KeyboardInterrupt) as error:
        try:
            from cgo_prebuilt.commands.failures import report
        except (OSError, ImportError) as refused:
            # Not even a module can be loaded, for example because no file descriptor is left.
            print_prefixed(
                f"error: no more files can be opened: {getattr(refused, 'strerror', refused)}\n"
                "  next: end other programs, or raise the limits of this one (ulimit -a)"
            )
            return UsageError.exit_code
        return report(words, error)
    return code


# argparse's message about an invalid choice.
_CHOICE = re.compile(r"invalid choice: '([^']*)'")
_CHOICES = re.compile(r"[\w.-]+")


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports a wrong word as an error in our own form."""

    _words: Sequence[str] = ()

    def parse_args(self, words: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, but let the verb's parser report unknown words."""
        options, unknown = self.parse_known_args(words, namespace)
        if unknown:
            options.parser.error(f"unrecognized arguments: {' '.join(unknown)}", unknown[0])
        return options

    def parse_known_args(self, words: Any = None, namespace: Any = None) -> Any:
        """As in argparse; keep the words for error messages."""
        self._words = words
        return super().parse_known_args(words, namespace)

    def usage_line(self) -> str:
        """Return the usage on one line, without optional options."""
        groups = [group for group in self._mutually_exclusive_groups if group.required]
        one_of = [" | ".join(map(_usage_of, group._group_actions)) for group in groups]
        needed = [
            action for action in self._actions if action.required or not action.option_strings
        ]
        words = [*(f"({choice})" for choice in one_of), *map(_usage_of, needed)]
        return " ".join([self.prog, "[options]", *words])

    def error(self, message: str, wrong: str = "") -> NoReturn:
        print(f"usage: {self.usage_line()}", file=sys.stderr)
        options = self._option_string_actions
        given = (word.partition("=")[0] for word in self._words)
        unknown = next((word for word in given if word[:2] == "--" and word not in options), "")
        hint = ""
        # The options of an unknown verb are unknown, too.
        if unknown and len(unknown) > 2 and not message.startswith("argument VERB: invalid"):
            message, wrong = f"{self.prog} has no option {unknown}", unknown
            hint = nearest(unknown, options)
        elif choice := _CHOICE.search(message):
            wrong = choice[1]
            hint = nearest(wrong, _CHOICES.findall(message[choice.end() :]))
        raise UsageError(
            message, where=wrong or self.prog, remedy=f"{hint}see `{self.prog} --help`"
        )


def _usage_of(action: argparse.Action) -> str:
    """Return an argument as in a usage line: `--output DIR`, `[MANIFEST]`."""
    name = action.option_strings[-1] if action.option_strings else ""
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    if not name and action.nargs == "?":
        return f"[{value}]"
    return f"{name} {value}".strip()


@contextmanager
def _helpers_named(helpers: Sequence[str]) -> Iterator[None]:
    """Append the command line's credential helpers to those of the environment variable.

    The last helper for a host wins. The connections of all threads read the environment.

    Raises:
        UsageError: A helper is malformed, or its program does not exist.
    """
    name = "CGO_PREBUILT_CREDENTIAL_HELPER"
    before = os.environ.get(name)
    if helpers:
        from cgo_prebuilt.network.credential_helper import parse_helpers

        for helper in helpers:
            parse_helpers(helper, os.environ, "--credential-helper")
        os.environ[name] = ",".join(filter(None, (before, *helpers)))
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def _fill_standard_streams() -> None:
    """Open the null device for each standard stream that the caller closed.

    Otherwise the next file to be opened gets its descriptor, and a child's output ends up in that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def parser(verb: str = "") -> argparse.ArgumentParser:
    """Return the command's parser: its verbs, their options and examples.

    Args:
        verb: The only verb to add, to save time; any other word adds all verbs.

    Raises:
        UsageError: This copy of the command lacks the verb.
    """
    command: argparse.ArgumentParser = _Parser(
        prog="cgo-prebuilt",
        description="Fetch, verify, publish and link prebuilt native libraries for cgo.",
        epilog="exit codes: 0 done; 1 stale (--check); 2 bad usage, manifest or lock; 3 unavailable;"
        " 4 integrity; 5 the source build failed; 6 `doctor` found something; 70 a bug; 130 interrupted",
        allow_abbrev=False,
    )
    command.add_argument("--version", action="version", version=f"cgo-prebuilt {__version__}")
    verbs = command.add_subparsers(metavar="VERB", required=True)

    wanted = [adder for adder, added in _VERBS.items() if verb in added] or _VERBS
    for adder in wanted:
        module, _, function = adder.rpartition(".")
        try:
            add = getattr(importlib.import_module(f"cgo_prebuilt.{module}"), function)
        except ModuleNotFoundError as error:
            if error.name != "cgo_prebuilt.publisher_commands":
                raise
            if wanted is not _VERBS:
                raise UsageError(
                    f"this copy of cgo-prebuilt, which came with the Bazel module, lacks `{verb}`",
                    where=os.path.dirname(__file__),  # noqa: PTH120 (a path as Python has it)
                    remedy="install the whole command, such as with `pipx install cgo-prebuilt`",
                ) from None
        else:
            add(verbs)
    return command
