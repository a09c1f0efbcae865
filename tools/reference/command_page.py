"""docs/reference/command.md: the command, from its own parser and its types of errors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from cgo_prebuilt.commands.verbs import STALE
from cgo_prebuilt.errors import CgoPrebuiltError
from reference.environment import VARIABLES
from reference.markdown import banner, link, one_of, page, table


def command_page(command: argparse.ArgumentParser) -> str:
    """The page.

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
            ((link(_name(verb)), verb.description or "") for verb in verbs),
        ),
        "What a program may read goes to standard output; what a person should know goes to standard error.",
        *(block for verb in verbs for block in _verb(verb)),
        "## Environment",
        table(("variable", "meaning"), ((one_of(names), meaning) for names, meaning in VARIABLES)),
        "`<NAME>` is the library's, in capitals, with `_` for what is neither a letter nor a digit.",
        "## Exit codes",
        table(("code", "`kind`", "meaning"), _exit_codes()),
        "With `--json` a failed verb answers an object, too: `error` says what happened, `where` to which"
        " URL, file or key, `next` what to do, and `kind` is a word of this table. A command that was"
        " killed answers nothing.",
    )


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all verbs, those of groups among them."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for inner in group.choices.values():
            yield from leaves(inner)


def arguments(verb: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a verb takes, without `--help` and what is hidden: old names, and words of the rules."""
    return [
        action
        for action in verb._actions
        if not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS
    ]


def _name(verb: argparse.ArgumentParser) -> str:
    return verb.prog.partition(" ")[2]


def _verb(verb: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {_name(verb)}"
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


def _form(action: argparse.Action) -> str:
    choices = "|".join(map(str, action.choices)) if action.choices else None
    value = choices or action.metavar or action.dest.upper()
    many = "..." if action.nargs == "+" else ""
    if not action.option_strings:
        return f"`{value}{many}`"
    names = ", ".join(action.option_strings)
    return f"`{names}`" if action.nargs == 0 else f"`{names} {value}{many}`"


def _need(action: argparse.Action) -> str:
    if action.required:
        return "required"
    return f"`{action.default}`" if action.default else ""


def _exit_codes() -> list[tuple[str, str, str]]:
    stale = (
        "`--check` found something to do, or `doctor` something that keeps a fetch from working."
    )
    errors = sorted(_types(CgoPrebuiltError), key=lambda error: error.exit_code)
    return [
        ("0", "", "Done."),
        (str(STALE), "", stale),
        *((str(error.exit_code), f"`{error.kind}`", _summary(error)) for error in errors),
    ]


def _types(error: type[CgoPrebuiltError]) -> Iterator[type[CgoPrebuiltError]]:
    for inner in error.__subclasses__():
        if inner.__module__ == CgoPrebuiltError.__module__:  # others are a module's own affair
            yield inner
            yield from _types(inner)


def _summary(error: type[CgoPrebuiltError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
