"""The summary of what a new lock changes."""

from __future__ import annotations

from dataclasses import replace

from cgo_prebuilt.locks.lock import Build, Interface, Lock, LockedVersion, Source
from cgo_prebuilt.releases.lock_diff import describe_changes
from cgo_prebuilt.releases.locked_ranges import with_ranges
from cgo_prebuilt.requirements import Requires
from tests.unit.library_case import FILES, locked_platform

ONE = LockedVersion({"": {"linux_amd64": locked_platform()}})


def lock(default: str = "v1", **versions: LockedVersion) -> Lock:
    return Lock("vec", default, versions)


def shas(lines: list[str]) -> list[str]:
    """The lines without an archive's size and hash, which say nothing here."""
    return [line.split(" (")[0] for line in lines]


def test_a_first_lock_lists_its_platforms() -> None:
    assert shas(describe_changes(None, lock(v1=ONE))) == [
        "+ v1:",
        "  + linux_amd64: vec-v1.2.3-linux_amd64.tar.gz",
        "      requires: glibc 2.28",
    ]


def test_nothing_is_said_of_what_is_as_it_was() -> None:
    assert describe_changes(lock(v1=ONE), lock(v1=ONE)) == []


def test_a_new_version_is_compared_with_the_default_before() -> None:
    changed = {**FILES, "include/new.h": b"new", "lib/libvec.a": b"x" * 2000}
    del changed["include/vec/ext.h"]
    platform = locked_platform(files=changed)
    interface = replace(
        platform.interface, linkopts=("-lm", "-ldl"), requires=Requires(glibc="2.31")
    )
    two = LockedVersion(
        {
            "": {
                "linux_amd64": replace(platform, interface=interface),
                "linux_arm64": locked_platform(),
            }
        }
    )
    lines = shas(describe_changes(lock(v1=ONE), lock("v2", v1=ONE, v2=two)))
    assert lines[0] == "+ v2, compared with v1:"
    assert lines[1].startswith("  ~ linux_amd64: vec-v1.2.3-linux_amd64.tar.gz")
    assert lines[2:-3] == [
        "      + include/new.h, 3 B",
        "      - include/vec/ext.h",
        "      ~ lib/libvec.a, 10.2 kB -> 2.0 kB",
        "      linkopts: -lm -> -lm -ldl",
        "      requires: glibc 2.28 -> glibc 2.31",
    ]
    assert lines[-3].startswith("  + linux_arm64")
    assert lines[-1] == "default version: v1 -> v2"


def test_a_version_that_is_not_what_it_was_is_said_loudly() -> None:
    other = LockedVersion({"": {"linux_amd64": locked_platform(data=b"other bytes")}})
    lines = describe_changes(lock(v1=ONE), lock(v1=other))
    assert lines[0] == "! v1 has changed:"
    assert lines[1].startswith("  ~ linux_amd64")


def test_how_archives_are_read_is_no_other_release() -> None:
    version = LockedVersion({"": {"linux_amd64": locked_platform()}})
    (archive,) = version.platforms["linux_amd64"].archives
    ranged = with_ranges(version, {archive.sha256: "3" * 64})
    assert describe_changes(lock(v1=version), lock(v1=ranged)) == [
        "~ v1:",
        "  ~ how to read parts of its archives",
    ]


def test_what_is_gone_is_listed() -> None:
    source = Source(Build("make"), Interface(static_library=("libvec.a",)), path=".")
    lines = describe_changes(lock("v0", v0=ONE, v1=ONE), lock(v1=LockedVersion({"": {}}, source)))
    assert lines == [
        "! v1 has changed:",
        "  - linux_amd64",
        "  ~ source",
        "- v0",
        "default version: v0 -> v1",
    ]
