"""docs/reference/names.md: every public name once, from its definition."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reference.command_page import arguments, exit_codes, leaves, name_of, value_of
from reference.environment import VARIABLES
from reference.labels import FILES, LABELS, MODULE_LABELS, REPOSITORIES
from reference.markdown import banner, one_of, page, table

_CHOICES = (
    "A name means the same everywhere: `origin` is the attribute, the build flag, the option and "
    "the variable; `mirror` is an alternative place for archives in each of them.",
    "The first argument of a verb, without an option, is a `MANIFEST` or a `SITE`. The default "
    "manifest is `prebuilt.yaml`; the default of `--lock` is `prebuilt.lock.json`.",
    "`--output` is the file or folder that a verb writes. `--to` is the place to which `publish` "
    "and `mirror` copy archives. `--from` is the folder that `pack` packs, and `--dist` is its "
    "output, for the verbs that read it.",
    "`cgo-prebuilt --version` prints the command's own version. After a verb, `--version V` is the"
    " library's; `lock` takes it several times.",
    "`--json` prints one object, even for a failure. `--check` writes nothing, and exits with 1 "
    "if there is something to write. No other option exits with 1.",
    "An option that may be given several times is singular: `--version V1 --version V2`.",
    "Attributes, keys and options with the same meaning have the same spelling, with `-` in "
    "options and `_` elsewhere: `--public-key` and `public_key`.",
)

_HEADING = re.compile(r"^#{3,4} (\S+)$")
_HEAD = re.compile(r"^\| (attribute|field) \|")
_ATTRIBUTE = re.compile(r"^\| `(\w+)` \|")


def names_page(
    command: argparse.ArgumentParser,
    rules: str,
    manifest: Mapping[str, Any],
    lock: Mapping[str, Any],
) -> str:
    """Return the page.

    Args:
        command: The command's parser.
        rules: The page of the rules, from Bazel's documentation.
        manifest: The manifest's schema.
        lock: The lock's schema.
    """
    verbs = list(leaves(command))
    tags = _attributes(rules)
    return page(
        banner("the command's parser, the rules, the schemas"),
        "# Reference: all names",
        "Every public name. It will not change from 1.0 on: [what will not change](../stability.md).",
        "\n".join(f"- {rule}" for rule in _CHOICES),
        "## In MODULE.bazel",
        "`@rules_cgo_prebuilt//rules:extensions.bzl` has the module extension `prebuilt`;"
        " [what each attribute means](rules.md).",
        table(
            ("tag", "attributes"),
            ((f"`{tag}`", one_of(of)) for tag, of in tags.items() if tag.startswith("prebuilt.")),
        ),
        "## In BUILD files",
        table(
            ("rule, or provider", "attributes"),
            ((f"`{rule}`", one_of(of)) for rule, of in tags.items() if "." not in rule),
        ),
        "## Labels",
        "A library that is declared as `lancedb` has these labels:",
        table(("label", "what it is"), LABELS),
        "The module has these labels:",
        table(("label", "what it is"), MODULE_LABELS),
        "## Repositories",
        table(("repository", "what it is"), REPOSITORIES),
        "## Verbs",
        table(("verb", "takes"), ((f"`{name_of(verb)}`", _takes(verb)) for verb in verbs)),
        "## Options",
        table(("option", "value", "of the verbs"), _options(verbs)),
        "## Answers of `--json`",
        table(("verb", "keys"), _answers(verbs)),
        "A key followed by others in brackets is a list of objects with those keys. `env --shell "
        "json` prints an object of variables. A failure has `error`, `where`, `next`, `kind`.",
        "## Keys of `prebuilt.yaml`",
        table(("key", "where"), _keys(manifest)),
        "## Keys of `prebuilt.lock.json`",
        table(("key", "where"), _keys(lock)),
        "## Variables",
        f"{one_of(name for names, _ in VARIABLES for name in names)}:"
        " [what each means](command.md#environment).",
        "## Exit codes",
        table(("code", "`kind`", "meaning"), exit_codes()),
        "## Files",
        table(("name", "what it is"), FILES),
    )


def _attributes(rules: str) -> dict[str, list[str]]:
    """Return a page's tags and rules with their attributes."""
    name, is_table = "", False
    found: dict[str, list[str]] = {}
    for line in rules.splitlines():
        if heading := _HEADING.match(line):
            name, is_table = heading[1], False
        elif _HEAD.match(line):
            is_table = True
        elif is_table and (attribute := _ATTRIBUTE.match(line)):
            found.setdefault(name, []).append(attribute[1])
    return found


def _takes(verb: argparse.ArgumentParser) -> str:
    words = [
        value_of(action) if not action.option_strings else action.option_strings[-1]
        for action in arguments(verb)
    ]
    return one_of(words)


def _options(verbs: Iterable[argparse.ArgumentParser]) -> list[tuple[str, str, str]]:
    """Return each option with its value's name and its verbs."""
    found: dict[str, tuple[dict[str, None], list[str]]] = {}
    for verb in verbs:
        for action in arguments(verb):
            if action.option_strings:
                values, names = found.setdefault(action.option_strings[-1], ({}, []))
                names.append(name_of(verb))
                if action.nargs != 0:
                    values[value_of(action)] = None
    return [
        (f"`{option}`", one_of(values), ", ".join(names))
        for option, (values, names) in sorted(found.items())
    ]


def _answers(verbs: Iterable[argparse.ArgumentParser]) -> Iterator[tuple[str, str]]:
    for verb in verbs:
        keys = verb.get_default("json_keys") or {}
        words = [key + (f"[{', '.join(inner)}]" if inner else "") for key, inner in keys.items()]
        if words:
            yield f"`{name_of(verb)}`", one_of(words)


def _keys(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a format's keys with their objects."""
    definitions = schema.get("$defs") or schema["definitions"]
    objects = {"the top": schema, **{k: v for k, v in definitions.items() if "properties" in v}}
    found: dict[str, list[str]] = {}
    for name, one in objects.items():
        for key in one["properties"]:
            found.setdefault(key, []).append(name)
    return [(f"`{key}`", ", ".join(of)) for key, of in sorted(found.items())]
