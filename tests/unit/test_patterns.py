"""Globs over the names of members."""

from __future__ import annotations

import pytest

from cgo_prebuilt.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("include/vec.h", "include/vec.h"),
        ("include/*", "include/vec.h"),
        ("include/*.h", "include/vec.h"),
        ("include/ve?.h", "include/vec.h"),
        ("include/**", "include/vec.h"),
        ("include/**", "include/a/b/vec.h"),
        ("**/vec.h", "vec.h"),
        ("**/vec.h", "a/b/vec.h"),
        ("a/**/vec.h", "a/vec.h"),
        ("a/**/vec.h", "a/b/c/vec.h"),
        ("**", "a/b"),
        ("*", "vec.h"),
        ("lib/a+b[1].(h)", "lib/a+b[1].(h)"),
        ("*", ".hidden"),
    ],
)
def test_a_glob_matches(pattern: str, name: str) -> None:
    assert matches(name, [pattern])


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("include/*", "include/a/vec.h"),
        ("include/?", "include/ab"),
        ("a?b", "a/b"),
        ("include/**", "include"),
        ("include/**", "included/vec.h"),
        ("a/**/vec.h", "a/bvec.h"),
        ("**.h", "a/vec.h"),
        ("vec.h", "vecxh"),
        ("vec.h", "a/vec.h"),
        ("vec.h", "vec.h.old"),
        ("include/*.h", "Include/vec.h"),
    ],
)
def test_a_glob_does_not_match(pattern: str, name: str) -> None:
    assert not matches(name, [pattern])


def test_one_of_several_globs_is_enough() -> None:
    assert matches("a.h", ["*.c", "*.h"])


def test_nothing_matches_no_globs() -> None:
    assert not matches("a.h", [])
