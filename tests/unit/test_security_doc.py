"""docs/threats.md names a test for each threat, and each of them exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from cgo_prebuilt.network.api import API_SETTINGS
from cgo_prebuilt.network.transport_settings import TransportSettings

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


def test_the_page_says_how_long_a_server_can_keep_a_command_waiting() -> None:
    page = (TESTS.parent / "docs/security.md").read_text(encoding="utf-8")
    ours = TransportSettings()
    for words in (
        f"after {ours.connect_seconds + ours.header_seconds:g} seconds",
        f"after {ours.read_seconds:g} seconds",
        f"less than {ours.lowest_rate / 1024:g} KB/s",
        f"after {ours.rate_seconds:g} to {ours.rate_seconds + ours.read_seconds:g} seconds",
        f"after {ours.answer_seconds:g} seconds",
        f"after {ours.upload_seconds:g} seconds",
        f"less than {ours.progress_bytes >> 20} MB each",
        f"take {ours.fruitless_seconds:g} seconds together",
        f"after {ours.longest_retry_after / 60:g} minutes of waits",
        f"after {API_SETTINGS.longest_retry_after / 60:g} |",
        f"takes {ours.total_seconds / 3600:g} hours at most",
    ):
        assert words in page, words
    assert (API_SETTINGS.tries, ours.tries) == (5, 6)
