"""The checks of prose and of commit subjects find what they should, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import commit_subject, prose

BANNED = {"be had": "is available", "go on with": "resume"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nothing can be had here.", [(1, "be had")]),
        ("first\n# it cannot be\n# had", [(2, "be\n# had")]),
        ("def test_it_cannot_be_had() -> None:", [(1, "be_had")]),
        ("They Go on with it", [(1, "Go on with")]),
        ("maybe had", []),
        ("be hadrian", []),
        ("They fetch it and resume.", []),
    ],
)
def test_an_idiom_is_found_across_lines_and_in_names(
    text: str, found: list[tuple[int, str]]
) -> None:
    assert list(prose.findings(text, BANNED)) == found


def test_the_table_of_the_style_guide_is_the_list() -> None:
    listed = prose.idioms((prose.ROOT / prose.STYLE).read_text(encoding="utf-8"))
    assert listed["go on with"] == "resume"
    assert "not" not in listed


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("Fetch crates of a mirror by name", None),
        ("Pass the platform to the fetcher", None),
        ("Merge branch 'main' of a fork", None),
        ("Fix it", "has 6 characters"),
        ("Fetch " + "x" * 70, "has 76 characters"),
        ("Fetch crates of a mirror by name.", "full stop"),
        ("fetch crates of a mirror by name", "capital letter"),
        ("Fetches crates of a mirror by name", "imperative"),
        ("Fetched crates of a mirror by name", "imperative"),
        ("Fetching crates of a mirror by name", "imperative"),
        ("The mirror's crates have names", "imperative"),
    ],
)
def test_a_commit_subject_is_a_short_imperative(subject: str, why: str | None) -> None:
    said = commit_subject.problem(subject)
    assert (said is None) if why is None else (said is not None and why in said)


def test_the_hook_reads_the_first_line_that_is_no_comment(tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("# a comment\n\nFetches crates of a mirror\n\nbody.\n")
    assert commit_subject.main([str(message)]) == 1
    message.write_text("Fetch crates of a mirror\n\nIt has a body.\n")
    assert commit_subject.main([str(message)]) == 0
