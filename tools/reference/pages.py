"""The pages of docs/reference that need no Bazel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cgo_prebuilt.cli import parser
from reference.command_page import command_page
from reference.names_page import names_page
from reference.schema_page import schema_page

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "docs" / "reference"

_EXAMPLE = "examples/vecsearch/prebuilt.yaml"


def pages(rules: str | None = None) -> dict[str, str]:
    """Return each page's text by file name.

    Args:
        rules: The page of the rules, which needs Bazel; None for the existing one.
    """
    if rules is None:
        rules = (FOLDER / "rules.md").read_text(encoding="utf-8")
    example = (REPOSITORY / _EXAMPLE).read_text(encoding="utf-8").strip()
    return {
        "command.md": command_page(parser()),
        "manifest.md": schema_page(
            _schema("manifest"),
            "the manifest, `prebuilt.yaml`",
            "rules/manifest.schema.json",
            "With this first line, an editor with the YAML language server checks it while you type:",
            "```yaml\n# yaml-language-server: $schema=PATH_OR_URL_OF/rules/manifest.schema.json\n```",
            f"[An example](../../{_EXAMPLE}):",
            f"```yaml\n{example}\n```",
        ),
        "lock.md": schema_page(
            _schema("lock"), "the lock, `prebuilt.lock.json`", "rules/lock.schema.json"
        ),
        "names.md": names_page(parser(), rules, _schema("manifest"), _schema("lock")),
    }


def _schema(name: str) -> dict[str, Any]:
    path = REPOSITORY / "rules" / f"{name}.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
