"""The modules that docs and examples name: one version each, and none that brings warnings."""

from __future__ import annotations

import re

from tests.guide import REPOSITORY

PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "tests/bcr/MODULE.bazel",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "examples").glob("*/*")),
]
OLDEST = {"platforms": "1.1.0", "rules_cc": "0.2.17", "rules_go": "0.62.0", "rules_python": "2.0.2"}
"""Below these, rules_go 0.62 warns that a root module's version is not the one that is resolved."""

_DEPENDENCY = re.compile(r'bazel_dep\(\s*name = "(\w+)",\s*version = "([^"]+)"')


def _named() -> dict[str, dict[str, list[str]]]:
    """The pages by version, by module."""
    found: dict[str, dict[str, list[str]]] = {}
    for page in PAGES:
        if page.name == "MODULE.bazel" or page.suffix == ".md":
            for name, version in _DEPENDENCY.findall(page.read_text(encoding="utf-8")):
                pages = found.setdefault(name, {}).setdefault(version, [])
                pages.append(str(page.relative_to(REPOSITORY)))
    return found


def test_a_module_has_one_version_wherever_it_is_named() -> None:
    assert {name: pages for name, pages in _named().items() if len(pages) != 1} == {}


def test_no_version_is_too_old_for_the_rules_go_beside_it() -> None:
    named = _named()
    assert named.keys() >= OLDEST.keys() | {"gazelle", "rules_cgo_prebuilt"}
    for name, oldest in OLDEST.items():
        for version in named[name]:
            assert [*map(int, version.split("."))] >= [*map(int, oldest.split("."))], name
