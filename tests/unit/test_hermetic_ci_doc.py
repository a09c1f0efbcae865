"""docs/hermetic-ci.md: its recipes are YAML that is keyed on a lock, and its commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from cgo_prebuilt.cli import parser

PAGE = (Path(__file__).parents[2] / "docs/hermetic-ci.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^cgo-prebuilt (.*)$|`cgo-prebuilt ([^`]*)`", PAGE, flags=re.MULTILINE)


def test_there_is_a_recipe_for_each_service() -> None:
    assert len(RECIPES) == 3


@pytest.mark.parametrize("recipe", RECIPES, ids=["github", "gitlab", "buildkite"])
def test_a_recipe_is_yaml_and_caches_the_store_by_the_locks(recipe: str) -> None:
    text = str(yaml.safe_load(recipe))
    assert ".lock.json" in text
    assert "CGO_PREBUILT_CACHE" in text


@pytest.mark.parametrize("command", sorted({line or inline for line, inline in COMMANDS}))
def test_a_command_is_one(command: str) -> None:
    assert callable(parser().parse_args(shlex.split(command)).run)
