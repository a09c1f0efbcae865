"""What the Starlark files say that newer Bazels, and newer modules, ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guide import REPOSITORY

RULES = REPOSITORY / "rules"
FILES = sorted(RULES.rglob("*.bzl"))
PAGES = [
    page
    for folder in ("rules", "docs", "examples", "tests/bcr")
    for page in sorted((REPOSITORY / folder).rglob("*"))
    if page.suffix in (".bazel", ".bzl", ".md", ".template")
]
PUBLIC = [path for path in FILES if "private" not in path.parts]
OWN_GROUP = '"_use_auto_exec_groups": attr.bool(default = False)'


def _actions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    """Every action that runs a program, with the function that declares it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and re.fullmatch(
                    r"ctx\.actions\.(run|run_shell)", ast.unparse(call.func)
                ):
                    yield function, call


def _names_its_toolchain(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether the call, or the dictionary that it takes its arguments from, has `toolchain`."""
    if any(keyword.arg == "toolchain" for keyword in call.keywords):
        return True
    keys = [
        key.value
        for shared in ast.walk(function)
        if isinstance(shared, ast.Dict)
        for key in shared.keys
        if isinstance(key, ast.Constant)
    ]
    return any(keyword.arg is None for keyword in call.keywords) and "toolchain" in keys


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(RULES)) for path in FILES])
def test_an_action_names_its_toolchain_or_its_rule_has_one_group(path: Path) -> None:
    """Bazel 10 gives each toolchain type an execution group, and asks each action for its own."""
    text = path.read_text(encoding="utf-8")
    for function, call in _actions(ast.parse(text)):
        assert _names_its_toolchain(function, call) or OWN_GROUP in text, f"line {call.lineno}"


def test_some_actions_were_looked_at() -> None:
    found = [path.stem for path in FILES for _ in _actions(ast.parse(path.read_text("utf-8")))]
    assert {"joined_archive", "source_library", "verified_files", "whole_archive"} <= set(found)


@pytest.mark.parametrize("path", PUBLIC, ids=[str(path.relative_to(RULES)) for path in PUBLIC])
def test_a_public_file_is_exported(path: Path) -> None:
    """From Bazel 10, a file that no exports_files() names is private to its package."""
    build = (path.parent / "BUILD.bazel").read_text(encoding="utf-8")
    exported = re.findall(r"exports_files\(\s*\[(.*?)\]", build, re.DOTALL)
    assert f'"{path.name}"' in "".join(exported)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(RULES)) for path in FILES])
def test_a_file_of_a_label_is_watched_where_its_path_is_asked_for(path: Path) -> None:
    """Since Bazel 8 `rctx.path(label)` does not; a change would not reach an output base that is there."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            text = ast.unparse(function)
            if re.search(r"rctx\.path\((rctx\.attr\.|getattr\(rctx\.attr)", text):
                assert "rctx.watch(" in text, function.name


def test_a_flag_of_a_library_is_for_tools_of_the_build_too() -> None:
    """Bazel 10 gives tools the default of every flag whose scope is not universal."""
    flags = {}
    for name in ("hub_targets.bzl", "templates/hub.BUILD.bazel.template"):
        text = (RULES / "private" / name).read_text(encoding="utf-8")
        for body in re.findall(r"^ *choice_flag\(\n(.*?)^ *\)\n", text, re.DOTALL | re.MULTILINE):
            flags[re.findall(r'name = "(\w+)"', body)[0]] = 'scope = "universal"' in body
    assert flags == {"flavor": True, "origin": True}


def test_macos_has_its_present_name() -> None:
    """`@platforms//os:osx` is an alias that platforms keeps for old users."""
    assert len(PAGES) > 60
    assert [str(page) for page in PAGES if "os:osx" in page.read_text(encoding="utf-8")] == []
