"""docs/threats.md names a test for each threat, and each of them exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/threats.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(test_\w+::[^`]+)`", PAGE)))
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| threat")
]


@functools.cache
def parsed(stem: str) -> ast.Module:
    """A test file, by its name without folder and ending, which only one may have."""
    (path,) = TESTS.glob(f"*/{stem}.py")
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_is_named_exists(name: str) -> None:
    path, _, case = name.removesuffix("]").partition("[")
    stem, *inner = path.split("::")
    module = parsed(stem)
    place: ast.AST = module
    for part in inner:
        found = [
            node
            for node in ast.iter_child_nodes(place)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == part
        ]
        assert found, f"{stem} has no {part}"
        (place,) = found
    constants = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}
    assert not case or case in constants, f"{stem} has no case {case!r}"


def test_every_threat_names_a_test() -> None:
    assert len(ROWS) > 50
    for row in ROWS:
        _, threat, answer, tests, _ = (cell.strip() for cell in row.split("|"))
        assert threat
        assert answer
        assert re.fullmatch(r"`test_\w+::[^`]+`(, `test_\w+::[^`]+`)*", tests), threat
