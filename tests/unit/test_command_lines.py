"""Which tools and command lines build a library from its source, as in Bazel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.locks.lock import Build
from cgo_prebuilt.platforms import SUPPORTED, parse_platform
from cgo_prebuilt.source.command_lines import (
    TABLES,
    built_path,
    command_lines,
    cross_arguments,
    cross_rust_target,
    is_source,
    rust_target,
    tools_needed,
)
from cgo_prebuilt.starlark_tables import parse_tables

ROOT = Path(__file__).parents[2]
SHARED = parse_tables((ROOT / "tests/starlark/source_cases.bzl").read_text())


@pytest.mark.parametrize("case", SHARED["CASES"], ids=lambda case: case["name"])
def test_a_build_is_planned_as_in_bazel(case: dict[str, Any]) -> None:
    tool, args = case["tool"], case["args"]
    assert list(tools_needed(tool, args)) == case["tools"]
    rust = [rust_target(parse_platform(case[key])) for key in ("platform", "host")]
    target = cross_rust_target(tool, *rust)
    lines = command_lines(
        Build(tool, tuple(args), case["target"]),
        cross=cross_arguments(tool, case["platform"], case["host"], target),
        settings=["SETTINGS"],
        jobs="3",
        offline=case["offline"],
    )
    assert lines == case["commands"]
    assert built_path("target/release/libv.a", target) == case["built"]


@pytest.mark.parametrize("tool", SHARED["SOURCE"])
def test_leftovers_of_earlier_builds_are_not_source(tool: str) -> None:
    names = [*SHARED["SOURCE"][tool], *SHARED["NOT_SOURCE"][tool]]
    assert [name for name in names if is_source(name, tool)] == SHARED["SOURCE"][tool]


def test_every_platform_has_a_name_for_rust_and_for_cmake() -> None:
    assert sorted(TABLES["RUST_TARGETS"]) == sorted(map(str, SUPPORTED))
    assert {platform.os for platform in SUPPORTED} == set(TABLES["CMAKE_SYSTEMS"])
    assert {platform.arch for platform in SUPPORTED} == set(TABLES["CMAKE_PROCESSORS"])


def test_every_tool_says_how_it_is_installed() -> None:
    assert set(TABLES["INSTALL"]) > set(TABLES["TOOLS"])
    assert {name for names in TABLES["NEEDED_TOOLS"].values() for name in names} == set(
        TABLES["TOOLS"]
    )


def test_a_table_has_nothing_but_literals() -> None:
    assert parse_tables('"""A table."""\n\nA = ["b"]\n') == {"A": ["b"]}
    with pytest.raises(ValueError, match="malformed"):
        parse_tables("A = [x for x in y]\n")
