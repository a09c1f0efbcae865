"""docs/troubleshooting.md quotes the texts of errors as the sources have them."""

from __future__ import annotations

import re

import pytest

from reference.error_quotes import (
    OTHER_PROGRAMS,
    PAGE,
    changed_texts,
    has_quote,
    quotes,
    source_texts,
    updated,
)

DOCS = PAGE.parent
TEXT = PAGE.read_text(encoding="utf-8")
OWN, _, OTHERS = TEXT.partition(OTHER_PROGRAMS)
SOURCES = [text for found in source_texts().values() for text in found]


@pytest.mark.parametrize("quote", sorted(set(quotes(OWN))))
def test_a_source_has_the_quoted_text(quote: str) -> None:
    assert len(quote.replace("…", "").strip()) >= 4
    assert has_quote(quote, SOURCES), "run `make docs`, or remove the row of an error that is gone"


def test_a_quote_follows_a_text_that_is_changed_in_its_place() -> None:
    old = ["a", "… cannot be downloaded: …", "b", "the disk is full"]
    now = ["a", "a new one", "… cannot be fetched: …", "b", "the disk is full"]
    changed = changed_texts(old, [now[0], *now[2:]])
    assert changed == {"… cannot be downloaded: …": "… cannot be fetched: …"}
    row = "| `… cannot be downloaded`, `the disk is full` | no network | wait |\n"
    assert updated(row + OTHER_PROGRAMS + row, now, changed) == (
        row.replace("… cannot be downloaded", "… cannot be fetched: …") + OTHER_PROGRAMS + row
    )


def test_a_quote_stays_where_its_text_does_or_none_replaces_it() -> None:
    row = "| `the disk is full` | a | b |\n"
    assert updated(row, ["the disk is full", "x"], {"the disk is full": "x"}) == row
    assert updated(row, [], changed_texts(["the disk is full"], [])) == row


def test_the_page_covers_the_errors_that_users_meet() -> None:
    assert len(quotes(OWN)) > 80
    assert len(quotes(OTHERS)) > 8


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_a_link_leads_to_a_page_and_a_heading_that_are_there(target: str) -> None:
    name, _, anchor = target.partition("#")
    page = DOCS / name
    assert page.is_file()
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert not anchor or anchor in anchors
