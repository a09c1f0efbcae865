"""What the pages for maintainers name exists: files by their paths, and functions by their names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "tools/cgo_prebuilt"
PAGES = {
    "CONTRIBUTING.md": "## A change from end to end",
    "docs/ARCHITECTURE.md": "## Five common changes",
    "docs/dependencies.md": "## The GitHub client",
}
_ENDINGS = "|".join(("py", "bzl", "json", "md", "template", "yml"))
_FILE = re.compile(rf"`([\w./-]+\.(?:{_ENDINGS}))`")
_FUNCTION = re.compile(r"`(_?[a-z]+(?:_[a-z]+)+)`")


def section(page: str) -> str:
    """The part of a page from the heading on, to the next page-level heading of another topic."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(PAGES[page])
    assert found, f"{page} has no {PAGES[page]!r}"
    return rest if page == "docs/dependencies.md" else rest.partition("\n## ")[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    names = {*_FILE.findall(section(page))}
    assert names
    places = (REPOSITORY, PACKAGE, REPOSITORY / "tools", REPOSITORY / "rules/private")
    templates = REPOSITORY / "rules/private/templates"
    lost = [
        name for name in names if not any((place / name).exists() for place in (*places, templates))
    ]
    assert not lost


def test_the_functions_of_the_walk_through_exist() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (PACKAGE, REPOSITORY / "rules")
        for path in folder.rglob("*")
        if path.suffix in (".py", ".bzl")
    )
    text = section("CONTRIBUTING.md") + section("docs/ARCHITECTURE.md")
    lost = [name for name in {*_FUNCTION.findall(text)} if not re.search(rf"\b{name}\b", sources)]
    assert not lost
