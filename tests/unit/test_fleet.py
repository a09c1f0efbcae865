"""The model of a fleet: what a day costs, from what single fetches cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.fleet_model import (
    NOTHING,
    Cost,
    Day,
    Fleet,
    Keeper,
    Way,
    checks,
    day,
    firsts,
    scale,
    scale_way,
)
from bench.fleet_report import document, guide_table, table, with_table
from bench.servers import LIMIT

FLEET = Fleet(builds=1000, machines=10, releases=2, platforms=3)
DOWNLOAD = Cost(host_requests=4, host_bytes=5_000_000, seconds=3.0)
KEPT = Cost(seconds=0.5)
WAY = Way("a way", Keeper.NOBODY, DOWNLOAD, DOWNLOAD)
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("keeps", "count"), [(Keeper.NOBODY, 1000), (Keeper.MACHINE, 20), (Keeper.FLEET, 6)]
)
def test_who_keeps_what_was_downloaded_says_how_many_find_nothing(
    keeps: Keeper, count: int
) -> None:
    assert firsts(FLEET, keeps) == count


def test_there_are_no_more_first_builds_than_builds() -> None:
    assert firsts(replace(FLEET, builds=15), Keeper.MACHINE) == 15


def test_where_nobody_keeps_anything_each_build_downloads() -> None:
    cost = day(FLEET, WAY)
    assert (cost.host_requests, cost.host_bytes) == (4000, 5_000_000_000)
    assert (cost.builder_bytes, cost.builder_seconds) == (5_000_000, 3.0)
    assert cost.host_rate == pytest.approx(5_000_000_000 / 86_400)


def test_a_machine_that_keeps_it_downloads_each_release_once() -> None:
    cost = day(FLEET, Way("a store", Keeper.MACHINE, DOWNLOAD, KEPT))
    assert (cost.host_requests, cost.host_bytes) == (80, 100_000_000)
    assert cost.builder_seconds == pytest.approx((20 * 3.0 + 980 * 0.5) / 1000)
    assert cost.builder_bytes == 100_000


def test_a_mirror_is_filled_for_every_platform_and_is_no_build() -> None:
    fetch = Cost(near_bytes=5_000_000, seconds=1.0)
    cost = day(FLEET, Way("a mirror", Keeper.NOBODY, fetch, fetch, fill=DOWNLOAD))
    assert (cost.host_requests, cost.host_bytes) == (24, 30_000_000)
    assert (cost.near_bytes, cost.builder_bytes) == (5_000_000_000, 5_000_000)
    assert cost.builder_seconds == pytest.approx(1.0)


def test_a_cost_is_scaled_on_the_line_through_two() -> None:
    small, large = Cost(2, 1_000_300, 0, 1.0), Cost(4, 2_000_300, 0, 1.5)
    scaled = scale((1_000_000, small), (2_000_000, large), 5_000_000)
    assert scaled == Cost(10, 5_000_300, 0, 3.0)


def test_a_cost_that_does_not_grow_stays_between_the_two() -> None:
    scaled = scale((1_000_000, Cost(1, 0, 0, 0.3)), (2_000_000, Cost(1, 0, 0, 0.2)), 9_000_000)
    assert scaled == Cost(1, 0, 0, 0.25)


def test_all_costs_of_a_way_are_scaled() -> None:
    small = Way("a way", Keeper.MACHINE, DOWNLOAD, KEPT, DOWNLOAD)
    large = Way("a way", Keeper.MACHINE, DOWNLOAD.times(2), KEPT, DOWNLOAD.times(2))
    scaled = scale_way((1, small), (2, large), 3)
    assert scaled == Way("a way", Keeper.MACHINE, DOWNLOAD.times(3), KEPT, DOWNLOAD.times(3))
    with pytest.raises(ValueError, match="a way and another are two ways"):
        scale_way((1, small), (2, replace(large, name="another")), 3)


def test_what_make_bench_measured_too_is_compared() -> None:
    ways = {"cgo-prebuilt, shared store": replace(WAY, later=KEPT), "a way": WAY}
    seconds = {("second workspace", "cgo-prebuilt"): 0.25}
    (line,) = checks(ways, seconds)
    assert line == "cgo-prebuilt, shared store: 0.50 s, docs/bench.json says 0.25 s"


def test_the_table_is_aligned_and_the_document_states_what_is_assumed() -> None:
    days = [day(FLEET, WAY), day(FLEET, replace(WAY, name="another", first=NOTHING, later=NOTHING))]
    lines = table(days).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "5.0" in lines[1]
    assert "4,000" in lines[1]
    assumed = document(FLEET, 7, {}, [], days, [])["assumed"]
    assert assumed == {
        "builds": 1000,
        "machines": 10,
        "releases": 2,
        "platforms": 3,
        "host_bytes_a_second_a_connection": LIMIT,
    }


def test_the_guide_s_table_is_replaced_and_nothing_else() -> None:
    rows = guide_table([day(FLEET, WAY)])
    assert rows.splitlines()[2] == "| a way | `bazel fetch` | nobody | 5.0 GB | 4,000 | 0 | 3.0 |"
    other = guide_table([day(FLEET, replace(WAY, name="another")), day(FLEET, WAY)])
    assert with_table(f"before\n{other}\n| x |\n", rows) == f"before\n{rows}\n| x |\n"
    with pytest.raises(ValueError, match="no table"):
        with_table("before\n", rows)


def test_the_guide_shows_what_the_committed_document_says() -> None:
    answers = json.loads((DOCS / "fleet.json").read_text())
    assert answers["assumed"] == document(Fleet(), 0, {}, [], [], [])["assumed"]
    rows = guide_table([Day(**one) for one in answers["days"]])
    guide = (DOCS / "fleet.md").read_text(encoding="utf-8")
    assert with_table(guide, rows) == guide
    assert "(fleet.svg)" in guide
