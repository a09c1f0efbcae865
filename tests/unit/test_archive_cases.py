"""How archives that need more than an order are linked, as in Bazel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.go_modules.joined_archive import plan_join
from cgo_prebuilt.linking.linker_arguments import linker_arguments, stem
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.starlark_tables import parse_tables

SHARED = parse_tables((Path(__file__).parents[1] / "starlark/archive_cases.bzl").read_text())


@pytest.mark.parametrize(("os", "circular", "joined"), SHARED["JOINED"])
def test_archives_are_joined_alike_in_bazel_and_for_go(
    os: str, circular: list[str], joined: list[str]
) -> None:
    interface = Interface(static_library=tuple(SHARED["ARCHIVES"]), circular=tuple(circular))
    assert list(plan_join(interface, os, "vec").parts) == joined


@pytest.mark.parametrize("os", SHARED["WHOLE"])
def test_whole_archives_are_linked_as_in_bazel(os: str) -> None:
    archives = ("a.a", "b.a")
    interface = Interface(static_library=archives, alwayslink=archives)
    assert linker_arguments(interface, os, lambda path: path) == SHARED["WHOLE"][os]


def test_the_forms_of_a_library_are_recognized_as_in_bazel() -> None:
    assert {path: stem(path) for path in SHARED["STEMS"]} == SHARED["STEMS"]
