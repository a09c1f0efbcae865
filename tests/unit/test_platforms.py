"""The table of platforms, and that its Bazel half is the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import SUPPORTED, Platform, parse_platform

_STARLARK = Path(__file__).parents[2] / "rules/private/platforms.bzl"


def test_a_platform_is_named_as_go_names_it() -> None:
    assert parse_platform("linux_amd64") == Platform("linux", "amd64")
    assert parse_platform("linux_arm64_musl") == Platform("linux", "arm64", "musl")
    assert str(Platform("windows", "amd64")) == "windows_amd64"


@pytest.mark.parametrize("platform", SUPPORTED, ids=str)
def test_every_supported_platform_is_read_from_its_own_name(platform: Platform) -> None:
    assert parse_platform(str(platform)) == platform


def test_an_unsupported_platform_is_answered_with_those_that_are_supported() -> None:
    with pytest.raises(UsageError) as caught:
        parse_platform("linux_amd46")
    assert "'linux_amd46' is not supported" in str(caught.value)
    assert "did you mean linux_amd64?" in str(caught.value)
    assert "darwin_arm64" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("linux_x86_64", "linux_amd64"),
        ("linux-aarch64", "linux_arm64"),
        ("macos_arm64", "darwin_arm64"),
        ("Windows_x64", "windows_amd64"),
    ],
)
def test_what_others_call_a_platform_is_answered_with_gos_name(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_platform(name)
    assert f"did you mean {meant}?" in str(caught.value)


def test_both_halves_of_the_table_are_equal() -> None:
    text = _STARLARK.read_text()
    match = re.search(r"^_ARCHITECTURES = (\{.*?^\})", text, re.MULTILINE | re.DOTALL)
    assert match
    architectures: dict[str, list[str]] = ast.literal_eval(match[1])
    assert {(os, arch) for os, listed in architectures.items() for arch in listed} == {
        (platform.os, platform.arch) for platform in SUPPORTED
    }
