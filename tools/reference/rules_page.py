"""docs/reference/rules.md: the public Starlark, from Bazel's `starlark_doc_extract`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reference.markdown import banner, page, table
from reference.text_proto import Message

_MODULE = "@rules_cgo_prebuilt"

# An example in a docstring: indented lines, with none above them that a list item could have begun.
_EXAMPLE = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n?|\n(?= {4}))+")

_TYPES = {
    "BOOLEAN": "true or false",
    "INT": "number",
    "LABEL": "label",
    "LABEL_LIST": "list of labels",
    "NAME": "name",
    "STRING": "string",
    "STRING_DICT": "dict of strings",
    "STRING_LIST": "list of strings",
}


def rules_page(modules: Sequence[Message]) -> str:
    """Return the page.

    Args:
        modules: The public files, in the order of the page.
    """
    return page(
        banner("the docstrings in rules/*.bzl"),
        "# Reference: Starlark",
        "The files to load. `rules/private` may change without notice.",
        *(block for module in modules for block in _module(module)),
    )


def _module(module: Message) -> Iterator[str]:
    file = module.text("file")
    yield f"## `{file}`"
    yield _prose(module.text("module_docstring"))
    for extension in module.all("module_extension_info"):
        yield from _extension(extension, file)
    for rule in module.all("rule_info"):
        name = rule.text("rule_name")
        yield f"### {name}"
        yield _load(file, name)
        yield _prose(rule.text("doc_string"))
        yield _attributes(rule)
    for provider in module.all("provider_info"):
        name = provider.text("provider_name")
        yield f"### {name}"
        yield _load(file, name)
        yield _prose(provider.text("doc_string"))
        yield table(
            ("field", "what it is"),
            (
                (f"`{field.text('name')}`", field.text("doc_string"))
                for field in provider.all("field_info")
            ),
        )


def _extension(extension: Message, file: str) -> Iterator[str]:
    name = extension.text("extension_name")
    yield f"### {name}"
    yield f'```starlark\n{name} = use_extension("{_MODULE}{file}", "{name}")\n```'
    yield _prose(extension.text("doc_string"))
    for tag in extension.all("tag_class"):
        yield f"#### {name}.{tag.text('tag_name')}"
        yield _prose(tag.text("doc_string"))
        yield _attributes(tag)


def _load(file: str, name: str) -> str:
    return f'```starlark\nload("{_MODULE}{file}", "{name}")\n```'


def _attributes(holder: Message) -> str:
    def order(attribute: Message) -> tuple[bool, bool, str]:
        name = attribute.text("name")
        return name != "name", not attribute.is_true("mandatory"), name

    return table(
        ("attribute", "type", "default", "what it is"),
        (
            (
                f"`{attribute.text('name')}`",
                _type(attribute),
                "required"
                if attribute.is_true("mandatory")
                else f"`{attribute.text('default_value')}`",
                attribute.text("doc_string"),
            )
            for attribute in sorted(holder.all("attribute"), key=order)
            if not attribute.text("doc_string").startswith("Renamed:")
        ),
    )


def _type(attribute: Message) -> str:
    name = attribute.text("type")
    words = _TYPES.get(name, name.lower().replace("_", " "))
    providers = attribute.one("provider_name_group").texts.get("provider_name", [])
    return f"{words} with {', '.join(providers)}" if providers else words


def _prose(text: str) -> str:
    """Return a docstring with indented examples as fenced blocks."""

    def block(match: re.Match[str]) -> str:
        lines = [line[4:] for line in match[0].strip("\n").splitlines()]
        return "```starlark\n" + "\n".join(lines) + "\n```\n"

    return _EXAMPLE.sub(block, text)
