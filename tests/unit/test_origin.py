"""What a failed fetch leads to, as in Bazel."""

from __future__ import annotations

from pathlib import Path

from cgo_prebuilt.fetching.provider import after_failed_fetch
from cgo_prebuilt.settings import ORIGINS
from cgo_prebuilt.starlark_tables import parse_tables

SHARED = parse_tables((Path(__file__).parents[1] / "starlark/origin_cases.bzl").read_text())


def test_a_failed_fetch_leads_to_what_it_leads_to_in_bazel() -> None:
    for kind, by_origin in SHARED["AFTER_FAILED_FETCH"].items():
        for origin, (without, with_source) in by_origin.items():
            assert after_failed_fetch(origin, kind, has_source=False) == without
            assert after_failed_fetch(origin, kind, has_source=True) == with_source


def test_the_origins_are_those_of_bazel() -> None:
    assert list(ORIGINS) == SHARED["ORIGINS"]
