"""docs/reference: the pages say what the program says; and what they are written with."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import pytest

from cgo_prebuilt.cli import parser
from reference.command_page import arguments, leaves
from reference.environment import VARIABLES
from reference.pages import FOLDER, REPOSITORY, pages
from reference.rules_page import rules_page
from reference.schema_page import schema_page
from reference.text_proto import parse

PAGES = pages()
VERBS = {verb.prog: verb for verb in leaves(parser())}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `make docs`"


# The command.


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_what_it_is_for_and_so_do_its_arguments(verb: str) -> None:
    assert VERBS[verb].description
    assert all(action.help for action in arguments(VERBS[verb]))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_an_example_that_its_parser_takes(verb: str) -> None:
    example = str(VERBS[verb].epilog).removeprefix("example: ")
    program, *words = example.partition(" >> ")[0].split()
    assert program == "cgo-prebuilt"
    assert f"{program} {' '.join(words)}".startswith(verb)
    assert parser().parse_args(words)


def test_every_verb_has_a_heading_that_its_row_links_to() -> None:
    for verb in VERBS:
        name = verb.partition(" ")[2]
        assert f"[{name}](#{name.replace(' ', '-')})" in PAGES["command.md"]
        assert f"\n## {name}\n" in PAGES["command.md"]


def test_a_pipe_does_not_end_a_cell() -> None:
    assert r"`--only go.mod\|go.sum`" in PAGES["command.md"]


def variables_read() -> set[str]:
    """The constants that the program gives to `environ.get` or `environ[...]`."""
    found = set()
    for path in (REPOSITORY / "tools/cgo_prebuilt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            holder: ast.expr | None = None
            key: ast.expr | None = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                holder, key = node.func.value, next(iter(node.args), None)
            elif isinstance(node, ast.Subscript):
                holder, key = node.value, node.slice
            if holder is None or not ast.unparse(holder).endswith("environ"):
                continue
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                found.add(key.value)
    return found


def test_every_variable_that_is_read_is_in_the_table() -> None:
    listed = {name for names, _ in VARIABLES for name in names}
    windows_own = {"PROCESSOR_ARCHITECTURE", "PROCESSOR_ARCHITEW6432"}
    read = {name.upper() for name in variables_read()} - windows_own
    assert len(read) > 15
    assert read <= listed


def test_every_variable_of_the_table_is_in_the_sources() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for path in (REPOSITORY / "tools/cgo_prebuilt").rglob("*.py")
    ]
    for names, _ in VARIABLES:
        for name in names:
            for word in filter(None, (part.strip("_") for part in name.split("<NAME>"))):
                assert any(word in text or word.lower() in text for text in texts), name


# Bazel's own account of a Starlark file.

EXTRACT = r"""
rule_info {
  rule_name: "vec_library"
  doc_string: "Says \"hello\\n\".\n\n    vec_library(\n        name = \"a\",\n    )\n\nF\303\274r more, ü."
  attribute {
    name: "tool"
    doc_string: "One of a|b\nor c."
    type: STRING
    default_value: "\"a\""
  }
  attribute {
    name: "name"
    type: NAME
    mandatory: true
  }
  attribute {
    name: "deps"
    type: LABEL_LIST
    provider_name_group {
      provider_name: "CcInfo"
    }
    default_value: "[]"
  }
}
file: "//rules:vec.bzl"
"""


def test_a_text_proto_is_read() -> None:
    (rule,) = parse(EXTRACT).all("rule_info")
    assert rule.text("doc_string").startswith('Says "hello\\n".\n\n')
    assert rule.text("doc_string").endswith("\n\nFür more, ü.")
    assert [one.text("name") for one in rule.all("attribute")] == ["tool", "name", "deps"]
    assert rule.all("attribute")[1].is_true("mandatory")
    assert not rule.all("attribute")[0].is_true("mandatory")
    assert rule.one("origin_key").text("name") == ""


@pytest.mark.parametrize("text", ["a {", "}", "a: ", "a: b c", "a"])
def test_a_malformed_text_proto_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a line|not closed"):
        parse(text)


def test_a_rule_is_written_with_its_example_and_its_attributes_in_order() -> None:
    page = rules_page([parse(EXTRACT)])
    assert 'load("@rules_cgo_prebuilt//rules:vec.bzl", "vec_library")' in page
    assert '```starlark\nvec_library(\n    name = "a",\n)\n```\n\nFür more' in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `name` | name | required |  |",
        "| `deps` | list of labels with CcInfo | `[]` |  |",
        '| `tool` | string | `"a"` | One of a\\|b or c. |',
    ]


# A schema.


def test_a_schema_is_written_in_words() -> None:
    schema = {
        "description": "A format.",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": ["a", "b"], "description": "Which."},
            "parts": {"type": "object", "additionalProperties": {"$ref": "#/$defs/part"}},
            "size": {"anyOf": [{"const": 1}, {"type": "null"}]},
        },
        "$defs": {
            "part": {
                "description": "A part.",
                "oneOf": [{"required": ["x", "y"]}, {"required": ["z"]}],
                "properties": {
                    "size": {"anyOf": [{"const": 1}, {"type": "null"}]},
                    "z": {"$ref": "#/$defs/number"},
                },
            },
            "number": {"description": "A number.", "type": "integer"},
        },
    }
    page = schema_page(schema, "things", "things.json")
    assert "| `kind` | one of `a`, `b` | required | Which. |" in page
    assert "| `parts` | mapping to [part](#part) |  |  |" in page
    assert "| `size` | `1` or `null` |  |  |" in page
    assert "As at the top: `size`." in page
    assert "| `z` | [number](#number) |  | A number. |" in page
    assert "Either `x` and `y`, or `z`." in page
    assert page.endswith("### number\n\nA number.\n\nWhole number.\n")


def test_an_argument_without_a_meaning_would_be_found() -> None:
    verb = argparse.ArgumentParser()
    verb.add_argument("--bare")
    assert [action.help for action in arguments(verb)] == [None]


def test_no_page_names_this_machine() -> None:
    for text in PAGES.values():
        assert str(Path.home()) not in text
