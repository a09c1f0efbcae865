"""Locks of the past, of today and of the future: both readers judge them alike.

`tests/locks/samples.bzl` has the locks; `tests/starlark/lock_test.bzl` has the rules' reader judge them.
"""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.errors import LockError, UnavailableError
from cgo_prebuilt.fetching.plan import plan_fetch
from cgo_prebuilt.locks import lock_keys
from cgo_prebuilt.locks.choice import choose
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.locks.lock_file import parse_lock
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.settings import Settings

ROOT = Path(__file__).parents[2]
SAMPLES = runpy.run_path(str(ROOT / "tests/locks/samples.bzl"))
READ: Mapping[str, Any] = SAMPLES["READ"]
REFUSED: Mapping[str, Any] = SAMPLES["REFUSED"]


def read(sample: Mapping[str, Any]) -> Lock:
    return parse_lock(json.dumps(sample["lock"]), where="L")


@pytest.mark.parametrize("name", READ)
def test_a_lock_that_is_read(name: str) -> None:
    sample = READ[name]
    lock = read(sample)
    flavors = choose(lock).locked.flavors
    assert {flavor: sorted(platforms) for flavor, platforms in flavors.items()} == sample["has"]
    assert [place for place in lock.unread if place.endswith(sample.get("skipped", "?"))] == [
        place for place in lock.unread if "skipped" in sample
    ][-1:]


@pytest.mark.parametrize("name", REFUSED)
def test_a_lock_that_is_refused(name: str) -> None:
    sample = REFUSED[name]
    with pytest.raises(LockError) as caught:
        read(sample)
    error = caught.value
    assert sample.get("says", "") in error.what
    assert str(error.where).startswith(sample["at"])
    assert sample.get("next", "") in str(error.remedy)


def test_only_using_what_is_new_is_an_error() -> None:
    for sample in READ.values():
        for platforms in sample["has"].values():
            for platform in platforms:
                lock = read(sample)
                if platform == sample.get("unusable"):
                    with pytest.raises(UnavailableError, match="newer cgo-prebuilt") as caught:
                        plan_fetch(lock, parse_platform(platform), Settings())
                    assert re.search(r"which knows the (format|cpu) \S+", caught.value.what)
                    assert str(caught.value.remedy).startswith("update rules_cgo_prebuilt")
                else:
                    plan_fetch(lock, parse_platform(platform), Settings())


def test_only_a_newer_program_knows_the_key_of_a_newer_revision() -> None:
    """An update is no remedy where the lock is of the program's own revision."""
    sample = REFUSED["a key of this revision that nobody knows must be understood"]
    with pytest.raises(LockError) as caught:
        read(sample)
    assert "update" not in caught.value.remedy
    assert "reads revision 1 of a lock, which knows no such key" in caught.value.remedy


def test_the_samples_are_of_this_revision_and_of_the_next() -> None:
    assert (SAMPLES["_REVISION"], SAMPLES["_NEWER"]) == (lock_keys.REVISION, lock_keys.REVISION + 1)
