"""Every public name, once: exit codes, default files, the shapes of `--json`, the page that lists them."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path

import pytest

from cgo_prebuilt.cli import main, parser
from cgo_prebuilt.commands.doctor import UNFIT
from cgo_prebuilt.commands.verbs import LOCK, MANIFEST, STALE, add_json, print_json
from cgo_prebuilt.errors import CgoPrebuiltError
from reference.command_page import arguments, exit_codes, leaves, name_of
from reference.names_page import names_page
from reference.pages import FOLDER, REPOSITORY, pages

VERBS = {name_of(verb): verb for verb in leaves(parser())}
PAGE = pages()["names.md"]


def takes(verb: argparse.ArgumentParser, option: str) -> bool:
    return any(option in action.option_strings for action in arguments(verb))


def error_types(of: type[CgoPrebuiltError]) -> set[type[CgoPrebuiltError]]:
    return {of}.union(*(error_types(inner) for inner in of.__subclasses__()))


# Exit codes.


def test_1_is_of_check_alone() -> None:
    """No error has it, no verb returns it literally, and what names `STALE` has a `--check`."""
    assert STALE == 1
    assert all(error.exit_code > 1 for error in error_types(CgoPrebuiltError))
    named = set()
    for path in (REPOSITORY / "tools/cgo_prebuilt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Return) and ast.unparse(node) == "return STALE":
                named.add(path.stem)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "exit"):
                assert "1" not in map(ast.unparse, node.args), path
    assert named == {"lock_cli", "goproxy_cli", "rebuild_cli"}
    assert {name for name, verb in VERBS.items() if takes(verb, "--check")} == {
        "lock",
        "goproxy build",
        "rebuild",
    }


def test_what_a_doctor_finds_has_a_code_of_its_own() -> None:
    codes = [int(code) for code, _, _ in exit_codes()]
    assert codes == sorted(codes)
    assert codes.count(UNFIT) == codes.count(STALE) == 1


# Default files.


def test_a_manifest_and_a_lock_have_one_default_everywhere() -> None:
    for name, verb in VERBS.items():
        for action in arguments(verb):
            if action.dest == "manifest":
                assert (action.default, action.required) == (MANIFEST, False), name
            if action.dest == "lock" and name != "doctor":
                assert (action.default, action.required) == (LOCK, False), name


# Answers.


def test_an_answer_has_the_keys_that_the_reference_lists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verb = argparse.ArgumentParser()
    add_json(verb, "print it", {"where": (), "items": ("file", "size")})
    options = verb.parse_args(["--json"])
    answer = {"where": "x", "items": [{"file": "a", "size": 1}]}
    print_json(options, answer)
    assert json.loads(capsys.readouterr().out) == answer
    for wrong in ({"where": "x"}, {**answer, "more": 1}, {**answer, "items": [{"file": "a"}]}):
        with pytest.raises(AssertionError):
            print_json(options, wrong)


def test_a_verb_takes_the_files_of_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, file in (
        (("lock",), MANIFEST),
        (("publish", "--dist", "d", "--to", "t"), MANIFEST),
        (("fetch", "--output", "o"), LOCK),
        (("mirror", "--to", "m"), LOCK),
        (("gazelle", "--module", "example.com/m"), LOCK),
    ):
        assert main(words) == 2
        assert f"  at: {file}\n" in capsys.readouterr().err


def test_every_verb_with_json_lists_its_keys() -> None:
    for name, verb in VERBS.items():
        assert takes(verb, "--json") == bool(verb.get_default("json_keys")), name


# The page.


def test_every_verb_option_and_variable_is_on_the_page() -> None:
    for name, verb in VERBS.items():
        assert f"| `{name}` |" in PAGE
        for action in arguments(verb):
            for option in action.option_strings:
                assert f"| `{option}` |" in PAGE


def test_attributes_are_those_of_the_rules_page() -> None:
    rows = {row.partition(" | ")[0]: row for row in PAGE.splitlines()}
    for attribute in ("mirror", "origin", "transport"):
        assert f"`{attribute}`" in rows["| `prebuilt.defaults`"]
        assert f"`{attribute}`" in rows["| `prebuilt.library`"]
    assert rows["| `prebuilt.python`"] == "| `prebuilt.python` | `interpreter` |"
    assert rows["| `source_library`"].startswith("| `source_library` | `name`, `srcs`, `tool`, ")
    assert "fallback" not in PAGE


def test_an_attribute_that_comes_is_on_the_page() -> None:
    rules = "### r\n\n| `no` | of another table |\n\n| attribute | type |\n|---|---|\n| `new` | string |\n"
    schema: dict[str, object] = {"properties": {"key": {}}, "definitions": {}}
    page = names_page(parser(), rules, schema, schema)
    assert "| `r` | `new` |" in page
    assert "| `key` | the top |" in page


def test_the_page_about_stability_links_to_existing_pages() -> None:
    text = Path(REPOSITORY, "docs/stability.md").read_text(encoding="utf-8")
    for anchor in ("labels", "exit-codes"):
        assert f"reference/names.md#{anchor}" in text
        assert f"\n## {anchor.replace('-', ' ').capitalize()}\n" in (FOLDER / "names.md").read_text(
            encoding="utf-8"
        )
