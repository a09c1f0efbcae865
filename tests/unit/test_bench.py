"""What `make bench` says of its measurements."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.contenders import OURS, Contender, Scenario, Target
from bench.measure import Sample
from bench.report import Line, merged, read, summarize, table, verdict, worse
from bench.wheel import write_wheel

SCENARIO = Scenario(
    [
        Contender(OURS, "true"),
        Contender("a peer", "true"),
        Contender("Bazel", "true", in_server=True),
        Contender("another", "", missing="oras: not installed"),
    ]
)
SAMPLES = {
    OURS: [Sample(1.0, 0.5, 10, 100), Sample(3.0, 0.7, 30, 300), Sample(2.0, 0.6, 20, 200)],
    "a peer": [Sample(4.0, 1.0, 10, 400)],
    "Bazel": [Sample(8.0, 1.0, 10, 200)],
}
LINES = summarize("a fetch", SCENARIO, SAMPLES)


def test_a_line_has_medians_and_the_largest_peak() -> None:
    assert LINES[0] == Line("a fetch", OURS, 2.0, [1.0, 3.0, 2.0], 1.0, 200, 0.6, 30)
    assert LINES[1].ratio == 0.5


def test_a_server_s_process_is_not_measured() -> None:
    assert (LINES[2].seconds, LINES[2].cpu_seconds, LINES[2].peak_bytes) == (8.0, None, None)


def test_the_table_shows_the_spread_and_what_is_missing() -> None:
    rows = table(LINES).splitlines()
    assert "1.00..3.00" in rows[1]
    assert "not measured: oras: not installed" in rows[4]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(OURS, "seconds", 0.5, "a peer"), "seconds: 0.5 of a peer, target 0.5: holds"),
        (
            Target(OURS, "sent_bytes", 0.4, "a peer"),
            "sent_bytes: 0.5 of a peer, target 0.4: MISSED",
        ),
        (Target(OURS, "peak_bytes", 30), "peak_bytes: 30, target 30: holds"),
        (Target(OURS, "seconds", 1, "another"), "seconds: not measured"),
        (Target("Bazel", "peak_bytes", 1), "peak_bytes: not measured"),
    ],
)
def test_a_target_holds_or_is_missed(target: Target, said: str) -> None:
    assert verdict(target, LINES) == f"a fetch: {target.contender}, {said}"


def test_a_ratio_that_is_more_than_a_twentieth_larger_is_worse() -> None:
    before = {"facts": {}, "lines": [asdict(line) for line in LINES]}
    assert worse(before, LINES) == []
    later = [Line("a fetch", "a peer", 1.0, [1.0], 0.526), Line("a fetch", "new", 1.0, [1.0], 9.0)]
    assert worse(before, later) == ["WORSE: a fetch: to a peer: 0.50 before, 0.53 now"]


def test_results_replace_those_of_the_same_scenario_only(tmp_path: Path) -> None:
    first = merged(read(tmp_path / "none.json"), {"rounds": 5}, LINES)
    second = merged(first, {"rounds": 3}, [Line("another", OURS)])
    third = merged(second, {"rounds": 1}, [Line("a fetch", OURS)])
    assert [(one["scenario"], one["contender"]) for one in third["lines"]] == [
        ("another", OURS),
        ("a fetch", OURS),
    ]
    assert third["facts"] == {"a fetch": {"rounds": 1}, "another": {"rounds": 3}}


def test_a_wheel_lists_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "tree/lib").mkdir(parents=True)
    (tmp_path / "tree/lib/a.so").write_bytes(b"library")
    write_wheel(tmp_path / "tree", tmp_path / "a.whl")
    with zipfile.ZipFile(tmp_path / "a.whl") as wheel:
        record = wheel.read("payload-1.0.dist-info/RECORD").decode().splitlines()
        assert [line.split(",")[0] for line in record] == wheel.namelist()
