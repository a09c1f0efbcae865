"""docs/hermetic-ci.md: its recipes for CI services are YAML that is keyed on a lock."""

from __future__ import annotations

import pytest
import yaml

from tests.guide import Block, read_guide

RECIPES = [block for block in read_guide("docs/hermetic-ci.md") if block.language == "yaml"]


def test_there_is_a_recipe_for_each_service() -> None:
    assert len(RECIPES) == 3


@pytest.mark.parametrize("recipe", RECIPES, ids=["github", "gitlab", "buildkite"])
def test_a_recipe_is_yaml_and_caches_the_store_by_the_locks(recipe: Block) -> None:
    text = str(yaml.safe_load(recipe.text))
    assert ".lock.json" in text
    assert "CGO_PREBUILT_CACHE" in text
