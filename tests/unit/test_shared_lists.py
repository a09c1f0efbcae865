"""What several archives of a lock have, it holds once; who reads it has all of it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cgo_prebuilt.locks.lock import Interface, Lock, LockedFile, LockedPlatform, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock, parse_lock
from tests.unit.library_case import locked_platform

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_arm64")


def header(number: int, content: int = 0) -> LockedFile:
    return LockedFile(f"include/h{number:03}.h", f"{content:064x}", number)


def prebuilt(headers: Sequence[LockedFile], library: int = 0) -> LockedPlatform:
    archive = locked_platform().archives[0]
    files = (*headers, LockedFile("lib/libvec.a", f"{library:064x}", 1))
    interface = Interface(
        static_library=("lib/libvec.a",), headers=tuple(file.path for file in headers)
    )
    return LockedPlatform((replace(archive, files=files),), interface)


def version(headers: Sequence[LockedFile]) -> LockedVersion:
    return LockedVersion(
        {"": {name: prebuilt(headers, number) for number, name in enumerate(PLATFORMS)}}
    )


def lock(**versions: LockedVersion) -> Lock:
    return Lock("vec", next(iter(versions)), versions)


def written(one: Lock) -> Any:
    text = format_lock(one)
    assert parse_lock(text, where="a lock") == one
    return json.loads(text)


def shared(one: Lock) -> dict[str, int]:
    """The names of the lists that a lock shares, and how many files each has."""
    return {name: len(files) for name, files in written(one).get("shared", {}).items()}


MANY = [header(number) for number in range(100)]


def test_one_list_stands_for_what_all_platforms_and_versions_have() -> None:
    one = lock(v1=version(MANY), v2=version(MANY))
    assert shared(one) == {"v1/1": 100}
    for release in written(one)["versions"].values():
        for platform in release["platforms"].values():
            (archive,) = platform["archives"]
            assert [file["path"] for file in archive["files"]] == ["lib/libvec.a"]
            assert archive["shared_files"] == platform["shared_headers"] == ["v1/1"]
            assert "headers" not in platform


def test_a_new_version_renames_no_list_and_moves_only_what_it_changes() -> None:
    changed = [header(number, content=int(number < 20)) for number in range(100)]
    one = written(lock(v1=version(MANY)))
    two = written(lock(v1=version(MANY), v2=version(changed)))
    assert {name: len(files) for name, files in two["shared"].items()} == {
        "v1/1": 80,
        "v1/2": 20,
        "v2/1": 20,
    }
    kept = [file for file in one["shared"]["v1/1"] if file in two["shared"]["v1/1"]]
    assert kept == two["shared"]["v1/1"]


def test_a_list_has_the_name_of_the_oldest_version_that_has_it() -> None:
    assert shared(lock(**{"v1.10": version(MANY), "v1.9": version(MANY)})) == {"v1.9/1": 100}


def test_a_few_files_stay_where_they_are_used() -> None:
    assert shared(lock(v1=version(MANY[:15]))) == {}
    assert shared(lock(v1=version(MANY[:16]))) == {"v1/1": 16}


def test_one_archive_shares_nothing() -> None:
    assert shared(lock(v1=LockedVersion({"": {"linux_amd64": prebuilt(MANY)}}))) == {}


def test_files_that_are_headers_for_some_only_are_another_list() -> None:
    usual, other = prebuilt(MANY), prebuilt(MANY, 1)
    fewer = replace(other, interface=replace(other.interface, headers=other.interface.headers[:40]))
    one = lock(v1=LockedVersion({"": {"linux_amd64": usual, "linux_arm64": fewer}}))
    assert shared(one) == {"v1/1": 60, "v1/2": 40}


def test_an_order_of_its_own_is_kept() -> None:
    usual = prebuilt(MANY)
    headers = tuple(reversed(usual.interface.headers))
    other = replace(usual, interface=replace(usual.interface, headers=headers))
    platforms = {"linux_amd64": usual, "linux_arm64": other, "darwin_arm64": usual}
    assert shared(lock(v1=LockedVersion({"": platforms}))) == {"v1/1": 100}


def test_lists_do_not_depend_on_the_order_in_which_things_were_found() -> None:
    one = lock(v1=version(MANY), v2=version(MANY[10:]))
    two = Lock("vec", "v1", dict(reversed(list(one.versions.items()))))
    assert format_lock(one) == format_lock(two)


FILES = st.lists(st.integers(0, 40), unique=True).map(
    lambda numbers: [header(number, number % 3) for number in sorted(numbers)]
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(["v1", "v2", "v10"]), st.lists(FILES, max_size=3)))
def test_every_lock_is_read_again_as_it_was(releases: Mapping[str, list[list[LockedFile]]]) -> None:
    versions = {
        name: LockedVersion(
            {"": {PLATFORMS[at]: prebuilt(files, at) for at, files in enumerate(platforms)}}
        )
        for name, platforms in {"v1": [], **releases}.items()
    }
    written(Lock("vec", "v1", versions))
