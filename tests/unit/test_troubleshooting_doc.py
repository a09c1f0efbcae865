"""docs/troubleshooting.md is keyed by the words of errors, and those are what the sources say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
OWN, _, OTHERS = PAGE.partition("\n## Words of other programs\n")

# What stands for a value that the sources fill in.
GAP = "\0"


def words_of(page: str) -> list[str]:
    """What is quoted in the first column of the page's tables."""
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    return [quoted for cell in cells for quoted in re.findall(r"`([^`]+)`", cell)]


def templates(path: Path) -> Iterator[str]:
    """Every text in a source but its docstrings, with gaps where values are filled in."""
    # Starlark's grammar is Python's, too.
    module = ast.parse(path.read_text(encoding="utf-8"))
    texts: list[ast.AST] = [module]
    while texts:
        node = texts.pop()
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}", GAP, node.value)
        texts += [
            child
            for child in ast.iter_child_nodes(node)
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
        ]


TEMPLATES = [
    text
    for folder, pattern in (("tools/cgo_prebuilt", "*.py"), ("rules", "*.bzl"))
    for path in sorted((REPOSITORY / folder).rglob(pattern))
    for text in templates(path)
]
# A hub's own words, and those of the two that verify.
TEMPLATES += [
    re.sub(r"\{\w*\}|%s|\$\w+", GAP, (REPOSITORY / "rules" / name).read_text("utf-8"))
    for name in (
        "private/templates/hub.BUILD.bazel.template",
        "verify/verify.c",
        "verify/verify.sh",
    )
]


def is_said(words: str) -> bool:
    """Whether a text of the sources holds these words, with a gap or something more at each `…`."""
    parts = words.split("…")
    pattern = re.compile(".*".join(map(re.escape, parts)))
    longest = max(parts, key=len)
    return any(longest in text and pattern.search(text) for text in TEMPLATES)


@pytest.mark.parametrize("words", sorted(set(words_of(OWN))))
def test_the_words_are_those_of_an_error(words: str) -> None:
    assert len(words.replace("…", "").strip()) >= 4
    assert is_said(words)


def test_words_that_no_source_says_would_be_found() -> None:
    assert not is_said("… cannot be downlaoded")
    assert is_said("… cannot be downloaded")


def test_the_page_has_what_users_meet() -> None:
    assert len(words_of(OWN)) > 80
    assert len(words_of(OTHERS)) > 8


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_a_link_leads_to_a_page_and_a_heading_that_are_there(target: str) -> None:
    name, _, anchor = target.partition("#")
    page = DOCS / name
    assert page.is_file()
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert not anchor or anchor in anchors
