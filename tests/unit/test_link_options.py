"""The link options that a lock may have; `tests/starlark/link_flags_test.bzl` asks the rules the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import LockError
from cgo_prebuilt.fetching.plan import plan_fetch
from cgo_prebuilt.locks.link_options import refused_linkopt
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.settings import Settings, read_settings
from cgo_prebuilt.starlark_tables import parse_tables
from tests.unit.library_case import lock

CASES = Path(__file__).parents[1] / "starlark/link_option_cases.bzl"
LINKOPTS: dict[str, bool] = parse_tables(CASES.read_text())["LINKOPTS"]
LINUX = parse_platform("linux_amd64")


@pytest.mark.parametrize("linkopt", LINKOPTS)
def test_only_known_options_are_taken(linkopt: str) -> None:
    refused = refused_linkopt(["-lm", linkopt], ())
    assert refused == (None if LINKOPTS[linkopt] else linkopt)


def test_the_words_of_an_option_can_be_allowed() -> None:
    assert refused_linkopt(["-T a.ld"], {"-T", "a.ld"}) is None
    assert refused_linkopt(["-T b.ld"], {"-T", "a.ld"}) == "-T b.ld"


def with_linkopt(linkopt: str) -> Lock:
    whole = lock("https://a/1")
    version = whole.versions[whole.default_version]
    platform = version.flavors[""]["linux_amd64"]
    changed = replace(platform, interface=replace(platform.interface, linkopts=(linkopt,)))
    flavors = {"": {"linux_amd64": changed}}
    return replace(whole, versions={whole.default_version: replace(version, flavors=flavors)})


def test_a_lock_whose_option_runs_a_program_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(
        LockError, match=r"the lock has the link option '-fplugin=x.so', which could run"
    ) as caught:
        plan_fetch(with_linkopt("-fplugin=x.so"), LINUX, Settings())
    assert caught.value.remedy is not None
    assert "CGO_PREBUILT_ALLOW_LINKOPTS=-fplugin=x.so" in caught.value.remedy
    allowed = read_settings({"CGO_PREBUILT_ALLOW_LINKOPTS": "-x\n -fplugin=x.so"}, "vec")
    assert plan_fetch(with_linkopt("-fplugin=x.so"), LINUX, allowed).interface.linkopts
