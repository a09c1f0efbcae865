"""What the rules bring into a user's workspace."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace

# Every user must resolve and download each further module, and may have to override it.
_NEEDED = {"bazel_skylib", "platforms", "rules_cc"}

_MODULE_WITHOUT = """\
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "1.1.0")
bazel_dep(name = "rules_cc", version = "0.2.17")
"""


def graph(made: Workspace) -> dict[str, set[str]]:
    """Each module of the workspace, and the modules that it depends on; Bazel's own is left out."""
    needs: dict[str, set[str]] = {}
    pending: list[Any] = [json.loads(made.bazel("mod", "graph", "--output=json").checked().stdout)]
    while pending:
        module = pending.pop()
        names = {needed["name"] for needed in module.get("dependencies", [])} - {"bazel_tools"}
        needs.setdefault(module["name"], set()).update(names)
        pending += module.get("dependencies", [])
    return needs


def test_a_workspace_with_c_rules_gains_one_module(workspace: MakeWorkspace) -> None:
    made = workspace({"BUILD.bazel": ""})
    with_ours = graph(made)
    assert with_ours["rules_cgo_prebuilt"] == _NEEDED
    made.write({"MODULE.bazel": _MODULE_WITHOUT})
    gained = set(with_ours) - set(graph(made))
    assert gained == {"rules_cgo_prebuilt", "cgo_rule", "test_workspace"}
