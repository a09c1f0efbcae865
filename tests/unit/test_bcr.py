"""`.bcr/`: what the Bazel Central Registry wants of a module, as its own checks read it.

The rules are those of the registry's `metadata.schema.json`, of its `tools/bcr_validation.py` and of its
guide to `presubmit.yml`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

REPOSITORY = Path(__file__).resolve().parents[2]
BCR = REPOSITORY / ".bcr"
PLACEHOLDER = "rules-cgo"  # the owner, see docs/releasing.md

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}

METADATA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["homepage", "maintainers", "repository", "versions", "yanked_versions"],
    "properties": {
        "homepage": {"type": "string", "pattern": "^https://"},
        "maintainers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["github", "github_user_id"],
                "properties": {
                    "do_not_notify": {"type": "boolean"},
                    "email": TEXT,
                    "github": {"type": "string", "pattern": "^[-a-zA-Z0-9]+$"},
                    "github_user_id": {"type": "integer"},
                    "name": TEXT,
                },
            },
        },
        "repository": {"type": "array", "items": {"type": "string", "pattern": "^github:"}},
        # Publish to BCR fills in the first; only the registry's people write the second.
        "versions": {"const": []},
        "yanked_versions": {"const": {}},
    },
}

SOURCE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["docs_url", "integrity", "strip_prefix", "url"],
    "properties": {
        "docs_url": {"type": "string", "pattern": r"^https://.*\.docs\.tar\.gz$"},
        "integrity": {"const": ""},
        "strip_prefix": TEXT,
        "url": {"type": "string", "pattern": r"^https://.*\.tar\.gz$"},
    },
}

_TASK: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bazel", "name", "platform"],
    "properties": {
        "bazel": TEXT,
        "build_flags": TEXTS,
        "build_targets": TEXTS,
        "environment": {"type": "object"},
        "name": TEXT,
        "platform": TEXT,
        "shell_commands": TEXTS,
        "test_flags": TEXTS,
        "test_targets": TEXTS,
    },
    "anyOf": [{"required": ["build_targets"]}, {"required": ["test_targets"]}],
}

_TASKS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["matrix", "tasks"],
    "properties": {
        "matrix": {"type": "object", "additionalProperties": TEXTS},
        "module_path": TEXT,
        "tasks": {"type": "object", "minProperties": 1, "additionalProperties": _TASK},
    },
}

PRESUBMIT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bcr_test_module"],
    "properties": {
        **_TASKS["properties"],
        "bcr_test_module": {**_TASKS, "required": [*_TASKS["required"], "module_path"]},
    },
}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("metadata.template.json", METADATA),
        ("presubmit.yml", PRESUBMIT),
        ("source.template.json", SOURCE),
    ],
)
def test_the_registry_accepts_it(name: str, schema: dict[str, Any]) -> None:
    document = yaml.safe_load((BCR / name).read_text())  # JSON is YAML, too
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []


def test_a_maintainer_has_a_number_once_there_is_one() -> None:
    """The registry looks each of them up at GitHub."""
    for maintainer in json.loads((BCR / "metadata.template.json").read_text())["maintainers"]:
        assert (maintainer["github_user_id"] > 0) == (maintainer["github"] != PLACEHOLDER)


def test_what_a_task_takes_from_the_matrix_is_in_it() -> None:
    module = yaml.safe_load((BCR / "presubmit.yml").read_text())["bcr_test_module"]
    for task in module["tasks"].values():
        for value in (task["bazel"], task["platform"]):
            for variable in re.findall(r"\${{ (\w+) }}", value):
                assert variable in module["matrix"]


def test_the_files_that_it_names_are_those_of_a_release() -> None:
    source = json.loads((BCR / "source.template.json").read_text())
    archive = "rules_cgo_prebuilt-v1.2.3.tar.gz"
    names = {"REPO": "rules_cgo_prebuilt", "OWNER": "o", "TAG": "v1.2.3", "VERSION": "1.2.3"}
    assert source["url"].format(**names).endswith(f"/v1.2.3/{archive}")
    docs = source["docs_url"].format(**names)
    assert docs.endswith(f"/v1.2.3/{archive.removesuffix('.tar.gz')}.docs.tar.gz")
    assert (
        "--docs bazel-bin/docs/reference"
        in (REPOSITORY / ".github/workflows/release_prep.sh").read_text()
    )


def test_the_module_has_no_compatibility_level() -> None:
    """Bazel 8.6 and 9.1 warn of it."""
    assert "compatibility_level" not in (REPOSITORY / "MODULE.bazel").read_text()
