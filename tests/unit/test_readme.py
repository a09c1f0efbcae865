"""README.md is short, and its times are those of docs/bench.json."""

from __future__ import annotations

import json
import re

import pytest

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


def test_the_bytes_of_one_platform_are_those_that_were_measured() -> None:
    sent = [
        line["sent_bytes"] / 1e6 for line in BENCH["lines"] if "one of five" in line["scenario"]
    ]
    ours, whole, alone = (f"{size:.1f}" for size in sent)
    said = f"the server sent {ours} of {whole} MB. An archive of that platform alone is {alone} MB."
    assert said in " ".join(PAGE.split())


def test_it_says_what_was_measured() -> None:
    facts = BENCH["facts"]["cold fetch, tar.gz"]
    tree = round(facts["tree_bytes"] / 1e6)
    assert f"{facts['cores']} cores" in PAGE
    assert f"a tree of {tree} MB" in PAGE
    rounds = sorted({BENCH["facts"][row[0]]["rounds"] for row in _TIMES.findall(PAGE)})
    assert f"medians of {rounds[0]} to {rounds[-1]} rounds" in PAGE


@pytest.mark.parametrize("path", ["README.md", "docs/consume.md", "docs/cross.md"])
def test_what_downloads_one_platform_is_told_from_what_downloads_all(path: str) -> None:
    page = (REPOSITORY / path).read_text(encoding="utf-8")
    assert "downloads only" in page.replace("\n", " ")
    facts = ("fetch --all", "query 'deps(//...)'", "bazel cquery", "bazel fetch //...")
    assert "consume.md#declare-it" in page or all(fact in page for fact in facts)
    assert path != "README.md" or all(fact in page for fact in facts)


def test_the_other_pages_say_nothing_of_it() -> None:
    saying = [
        page.name
        for page in sorted((REPOSITORY / "docs").rglob("*.md"))
        if re.search(r"Bazel\sdownloads\sonly", page.read_text(encoding="utf-8"))
    ]
    assert saying == ["consume.md", "cross.md"]
