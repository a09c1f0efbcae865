"""README.md is short, and its times are those of docs/bench.json."""

from __future__ import annotations

import json
import re

from tests.guide import REPOSITORY

PAGE = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BENCH = json.loads((REPOSITORY / "docs/bench.json").read_text(encoding="utf-8"))
_TIMES = re.compile(r"^\| ([^|]+) \| ([\d.]+) \| `(.+)`: ([\d.]+) \|$", re.MULTILINE)


def test_it_is_short() -> None:
    assert len(PAGE.splitlines()) <= 150


def test_its_times_are_those_that_were_measured() -> None:
    seconds = {(line["scenario"], line["contender"]): line["seconds"] for line in BENCH["lines"]}
    rows = _TIMES.findall(PAGE)
    assert len(rows) >= 5
    for scenario, here, contender, there in rows:
        assert here == f"{seconds[scenario, 'cgo-prebuilt']:.1f}", scenario
        name = contender.replace(r"\|", "|")  # what a table's cell takes for a bar
        assert there == f"{seconds[scenario, name]:.1f}", name


def test_it_says_what_was_measured() -> None:
    facts = BENCH["facts"]
    tree = round(facts["tree_bytes"] / 1e6)
    assert f"{facts['cores']} cores" in PAGE
    assert f"a tree of {tree} MB" in PAGE
    assert f"the median of {facts['rounds']} rounds" in PAGE
