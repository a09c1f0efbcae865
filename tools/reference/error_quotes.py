"""Update the texts of errors that docs/troubleshooting.md quotes from the sources.

A quote is some words of one text, with `…` for each value that the program fills in.
"""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
from collections.abc import Iterable, Iterator

from reference.pages import REPOSITORY

PAGE = REPOSITORY / "docs/troubleshooting.md"
OTHER_PROGRAMS = "\n## Words of other programs\n"
"""The heading after which the page quotes texts of other programs."""

_GAP = "…"
_PARSED = (("tools/cgo_prebuilt", "*.py"), ("rules", "*.bzl"))
_WHOLE = (
    "rules/private/templates/hub.BUILD.bazel.template",
    "rules/verify/verify.c",
    "rules/verify/verify.sh",
)


def quotes(page: str) -> list[str]:
    """Return the quotes in the first column of the tables."""
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    return [quoted for cell in cells for quoted in re.findall(r"`([^`]+)`", cell)]


def source_texts() -> dict[str, list[str]]:
    """Return the texts of each source: all strings but docstrings, with gaps for values."""
    parsed = {
        path.relative_to(REPOSITORY).as_posix(): list(_texts(path.read_text(encoding="utf-8")))
        for folder, pattern in _PARSED
        for path in sorted((REPOSITORY / folder).rglob(pattern))
    }
    whole = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in _WHOLE}
    return parsed | {
        name: [re.sub(r"\{\w*\}|%s|\$\w+", _GAP, text)] for name, text in whole.items()
    }


def _texts(source: str) -> Iterator[str]:
    """Yield the texts of a source in Python, or in Starlark, whose grammar is Python's."""
    nodes: list[ast.AST] = [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _GAP for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}", _GAP, node.value)
        nodes += [
            child
            for child in ast.iter_child_nodes(node)
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
        ]


def has_quote(quote: str, texts: Iterable[str]) -> bool:
    """Return whether a text has a quote's words, with anything at each `…`."""
    parts = quote.split(_GAP)
    pattern = re.compile(".*".join(map(re.escape, parts)))
    longest = max(parts, key=len)
    return any(longest in text and pattern.search(text) for text in texts)


def changed_texts(old: list[str], new: list[str]) -> dict[str, str]:
    """Return the new texts of a source by the old ones, for texts that changed but did not move."""
    changed: dict[str, str] = {}
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "replace" and old_end - old_start == new_end - new_start:
            changed.update(zip(old[old_start:old_end], new[new_start:new_end], strict=True))
    return changed


def updated(page: str, now: list[str], changed: dict[str, str]) -> str:
    """Replace each quote of a changed text by the new text; the page's author may shorten it.

    Args:
        page: The page.
        now: All texts of the sources.
        changed: From `changed_texts`, since the page's last commit.
    """
    own, heading, others = page.partition(OTHER_PROGRAMS)
    for quote in quotes(own):
        new = [text for old, text in changed.items() if has_quote(quote, [old])]
        if new and not has_quote(quote, now):
            text = " ".join(new[0].replace("`", _GAP).split())
            own = own.replace(f"`{quote}`", f"`{text}`")
    return own + heading + others


def update_page() -> None:
    """Update the quotes of texts that were changed since the page's last commit."""
    now = source_texts()
    commit = _git("log", "-1", "--format=%H", "--", PAGE.as_posix()).strip()
    names = _git("diff", "--name-only", commit, "--", *(folder for folder, _ in _PARSED)).split()
    changed: dict[str, str] = {}
    for name in (name for name in names if name in now and name not in _WHOLE):
        before = _git("show", f"{commit}:{name}", check=False)
        changed |= changed_texts(list(_texts(before)), now[name])
    page = PAGE.read_text(encoding="utf-8")
    texts = [text for found in now.values() for text in found]
    PAGE.write_text(updated(page, texts, changed), encoding="utf-8", newline="\n")


def _git(*words: str, check: bool = True) -> str:
    command = ["git", *words]
    result = subprocess.run(command, cwd=REPOSITORY, check=check, stdout=subprocess.PIPE, text=True)
    return result.stdout
