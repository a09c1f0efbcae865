"""docs/reference/command.md: the command, from its own parser and its types of errors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from operator import itemgetter

from cgo_prebuilt.commands.doctor import UNFIT
from cgo_prebuilt.commands.verbs import STALE
from cgo_prebuilt.errors import CgoPrebuiltError
from reference.environment import VARIABLES
from reference.markdown import banner, link, one_of, page, table


def command_page(command: argparse.ArgumentParser) -> str:
    """Return the page.

    Args:
        command: The command's parser.
    """
    verbs = list(leaves(command))
    return page(
        banner("the command's own parser"),
        "# Reference: `cgo-prebuilt`",
        command.description or "",
        table(
            ("verb", "what it does"),
            ((link(name_of(verb)), verb.description or "") for verb in verbs),
        ),
        "Output for programs goes to standard output, messages for people to standard error.",
        *(block for verb in verbs for block in _verb(verb)),
        "## Environment",
        table(("variable", "meaning"), ((one_of(names), meaning) for names, meaning in VARIABLES)),
        "`<NAME>` is the library's name in capitals, with `_` for all characters but letters and digits.",
        "## Exit codes",
        table(("code", "`kind`", "meaning"), exit_codes()),
        "With `--json`, a failed verb prints an object, too: `error` says what happened, `where` "
        "to which URL, file or key, `next` what to do, and `kind` is a word of this table. A "
        "command that was killed prints nothing.",
    )


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all verbs, those of groups among them."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for inner in group.choices.values():
            yield from leaves(inner)


def arguments(verb: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return a verb's arguments, without `--help` and hidden ones: old names, and options for the rules."""
    return [
        action
        for action in verb._actions
        if not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS
    ]


def name_of(verb: argparse.ArgumentParser) -> str:
    """Return a verb's name, after that of its group."""
    return verb.prog.partition(" ")[2]


def _verb(verb: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {name_of(verb)}"
    yield verb.description or ""
    example = (verb.epilog or "").removeprefix("example: ")
    yield f"```sh\n{example}\n```"
    taken = arguments(verb)
    if taken:
        yield table(
            ("argument", "", "what it is"),
            ((_form(action), _need(action), action.help or "") for action in taken),
        )
    for group in verb._mutually_exclusive_groups:
        words = " or ".join(_form(action) for action in group._group_actions)
        yield f"{'One' if group.required else 'At most one'} of {words}."


def value_of(action: argparse.Action) -> str:
    """Return the name of an argument's value, or its choices."""
    choices = "|".join(map(str, action.choices)) if action.choices else None
    return (
        f"{choices or action.metavar or action.dest.upper()}{'...' if action.nargs == '+' else ''}"
    )


def _form(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{value_of(action)}`"
    names = ", ".join(action.option_strings)
    return f"`{names}`" if action.nargs == 0 else f"`{names} {value_of(action)}`"


def _need(action: argparse.Action) -> str:
    if action.required:
        return "required"
    return f"`{action.default}`" if action.default else ""


def exit_codes() -> list[tuple[str, str, str]]:
    """Return each exit code, its kinds of errors, and its meaning."""
    errors = list(_types(CgoPrebuiltError))
    rows = [
        (0, "", "Done."),
        (STALE, "", "`--check` found something to do. Nothing else exits with this code."),
        (UNFIT, "", "`doctor` found a problem that prevents fetches."),
        *((error.exit_code, f"`{error.kind}`", _summary(error)) for error in errors),
    ]
    return [(str(code), kind, meaning) for code, kind, meaning in sorted(rows, key=itemgetter(0))]


def _types(error: type[CgoPrebuiltError]) -> Iterator[type[CgoPrebuiltError]]:
    for inner in error.__subclasses__():
        if inner.__module__ == CgoPrebuiltError.__module__:  # other types are private to a module
            yield inner
            yield from _types(inner)


def _summary(error: type[CgoPrebuiltError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
