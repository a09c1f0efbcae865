"""Flavors: from the manifest through the lock to what is fetched, packed, published and mirrored."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.errors import (
    CgoPrebuiltError,
    LockError,
    ManifestError,
    UnavailableError,
    UsageError,
)
from cgo_prebuilt.fetching.mirror_folder import mirror_files
from cgo_prebuilt.fetching.plan import plan_fetch
from cgo_prebuilt.locks.lock import Lock, LockedPlatform, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock, parse_lock
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.publishing.publish import release_files
from cgo_prebuilt.releases.index import Contents, WantedFiles
from cgo_prebuilt.releases.lock_diff import describe_changes
from cgo_prebuilt.releases.locking import IndexedArchive, lock_version
from cgo_prebuilt.settings import Settings
from tests.unit.archive_builders import locked_file
from tests.unit.library_case import FILES, locked_platform, manifest

LINUX, ARM = parse_platform("linux_amd64"), parse_platform("linux_arm64")
FLAVORED: dict[str, Any] = {
    "archives": [{"file": "vec-{platform}-{flavor}.tar.gz"}],
    "linkopts": ["-lm"],
    "platforms": {"linux_amd64": {"linkopts": ["-lm", "-lx"]}, "linux_arm64": None},
    "flavors": {
        "standard": None,
        "cuda": {
            "defines": ["CUDA"],
            "linkopts": ["-lcuda"],
            "platforms": {"linux_amd64": {"requires": {"glibc": "2.31"}}},
        },
    },
}


def flavored(**changes: Any) -> Manifest:
    return manifest(**{**FLAVORED, **changes})


def refusal(**changes: Any) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        flavored(**changes)
    return caught.value


def indexed(spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
    """An index of archives that all have the library's files, and differ in their hashes."""
    files = tuple(
        locked_file(path, data) for path, data in sorted(FILES.items()) if wanted.matches(path)
    )
    return IndexedArchive(hashlib.sha256(spec.file.encode()).hexdigest(), 7, Contents(files))


def locked(**changes: Any) -> LockedVersion:
    return lock_version(flavored(**changes), indexed, Path())


def lock(version: LockedVersion) -> Lock:
    return Lock("vec", "v1", {"v1": version})


def archive_of(prebuilt: LockedPlatform) -> str:
    return prebuilt.archives[0].file


# The manifest.


def test_the_first_flavor_is_the_default_and_each_fills_its_name_in() -> None:
    read = flavored()
    assert read.default_flavor == "standard"
    files = [(str(spec), spec.archives[0].file) for spec in read.specs()]
    assert files == [
        ("linux_amd64, flavor standard", "vec-linux_amd64-standard.tar.gz"),
        ("linux_arm64, flavor standard", "vec-linux_arm64-standard.tar.gz"),
        ("linux_amd64, flavor cuda", "vec-linux_amd64-cuda.tar.gz"),
    ]


def test_what_a_flavor_says_counts_over_what_the_manifest_says_of_a_platform() -> None:
    standard, cuda = flavored(), flavored().of_flavor("cuda")
    assert standard.platform(LINUX).interface.linkopts == ("-lm", "-lx")
    assert cuda.platform(LINUX).interface.linkopts == ("-lcuda",)
    assert cuda.platform(LINUX).interface.defines == ("CUDA",)
    assert cuda.platform(LINUX).interface.requires.glibc == "2.31"


def test_a_flavor_that_lists_no_platforms_has_all_and_what_they_say() -> None:
    read = flavored(flavors={"standard": None, "debug": {"defines": ["DEBUG"]}}).of_flavor("debug")
    assert [str(spec.platform) for spec in read.platforms] == ["linux_amd64", "linux_arm64"]
    assert read.platform(LINUX).interface.linkopts == ("-lm", "-lx")


def test_a_flavor_may_have_a_platform_that_no_other_has() -> None:
    read = flavored(flavors={"standard": None, "cuda": {"platforms": {"windows_amd64": None}}})
    (spec,) = read.flavors["cuda"]
    assert (str(spec.platform), spec.interface.linkopts) == ("windows_amd64", ("-lm",))


def test_the_source_stands_for_the_default_flavor() -> None:
    read = flavored(
        static_library="lib/{flavor}/libvec.a",
        source={"path": "native", "build": {"tool": "make"}, "static_library": "libvec.a"},
    )
    assert read.source is not None
    assert read.source.installed == ("lib/standard/libvec.a",)


def test_a_flavor_that_a_manifest_lacks_is_named_with_those_that_it_has() -> None:
    with pytest.raises(ManifestError, match="vec has no flavor debug") as caught:
        flavored().of_flavor("debug")
    assert "it has standard, cuda; add `debug: {}` under 'flavors'" in str(caught.value.remedy)
    with pytest.raises(ManifestError, match="vec has no platform linux_arm64 of the flavor cuda"):
        flavored().of_flavor("cuda").platform(ARM)


def test_mistakes_in_a_flavor_are_reported_with_their_place() -> None:
    error = refusal(flavors={"cuda": {"linkopt": ["-lm"]}})
    assert error.where == "prebuilt.yaml: flavors.cuda"
    assert "did you mean 'linkopts'?" in str(error.remedy)
    error = refusal(flavors={"cuda": {"platforms": {"linux_amd46": None}}})
    assert error.where == "prebuilt.yaml: flavors.cuda.platforms.linux_amd46"
    assert "'a/b' cannot be a flavor's name" in refusal(flavors={"a/b": None}).what
    assert "'flavors' must name at least one" in refusal(flavors={}).what


def test_flavors_that_are_the_same_are_refused() -> None:
    both = {"debug": None, "release": None}
    error = refusal(archives=[{"file": "vec-{platform}.tar.gz"}], flavors=both)
    assert error.what == "the flavors debug and release are the same for linux_amd64"
    assert "put {flavor} into the archives' 'file'" in str(error.remedy)


def test_without_flavors_their_placeholder_is_unknown() -> None:
    assert "unknown placeholder {flavor}" in refusal(flavors=None).what


# The lock.


def test_a_lock_holds_every_flavor_and_is_read_again() -> None:
    version = locked()
    assert version.default_flavor == "standard"
    assert list(version.platforms) == ["linux_amd64", "linux_arm64"]
    assert {name: list(held) for name, held in version.flavors.items()} == {
        "standard": ["linux_amd64", "linux_arm64"],
        "cuda": ["linux_amd64"],
    }
    assert archive_of(version.flavors["cuda"]["linux_amd64"]) == "vec-linux_amd64-cuda.tar.gz"
    assert parse_lock(format_lock(lock(version)), where="a lock") == lock(version)


def test_a_library_with_one_flavor_says_its_name() -> None:
    version = locked(flavors={"standard": None})
    assert (version.default_flavor, list(version.flavors)) == ("standard", ["standard"])
    assert parse_lock(format_lock(lock(version)), where="a lock") == lock(version)


def test_a_lock_without_flavors_has_no_keys_for_them() -> None:
    assert "flavor" not in format_lock(
        lock(LockedVersion({"": {"linux_amd64": locked_platform()}}))
    )


def test_what_a_new_lock_changes_names_the_flavor() -> None:
    old = locked()
    cuda = {"linux_amd64": locked_platform(data=b"other bytes")}
    flavors = {"standard": old.platforms, "cuda": cuda, "debug": cuda}
    lines = describe_changes(lock(old), lock(replace(old, flavors=flavors)))
    assert lines[1].startswith("  ~ linux_amd64, flavor cuda: vec-v1.2.3")
    assert any(line.startswith("  + linux_amd64, flavor debug: vec") for line in lines)
    chosen = describe_changes(lock(old), lock(replace(old, default_flavor="cuda")))
    assert chosen == ["! v1 has changed:", "  ~ default flavor: standard -> cuda"]


# What is fetched, published and mirrored.


def fetched(flavor: str | None, platform: str = "linux_amd64") -> str:
    plan = plan_fetch(lock(locked()), parse_platform(platform), Settings(flavor=flavor))
    return plan.archives[0].file


def fetch_refusal(flavor: str, platform: str = "linux_amd64") -> CgoPrebuiltError:
    with pytest.raises(CgoPrebuiltError) as caught:
        fetched(flavor, platform)
    return caught.value


def test_the_flavor_that_is_asked_for_is_fetched() -> None:
    assert fetched(None) == "vec-linux_amd64-standard.tar.gz"
    assert fetched("standard") == "vec-linux_amd64-standard.tar.gz"
    assert fetched("cuda") == "vec-linux_amd64-cuda.tar.gz"


def test_a_flavor_that_is_not_there_is_named_with_those_that_are() -> None:
    error = fetch_refusal("debug")
    assert isinstance(error, LockError)
    assert error.what == "vec v1 has no flavor debug"
    assert str(error.remedy).startswith("it has standard, cuda; choose one with --flavor")
    with pytest.raises(LockError) as caught:
        plan_fetch(
            lock(LockedVersion({"": {"linux_amd64": locked_platform()}})),
            LINUX,
            Settings(flavor="x"),
        )
    assert str(caught.value.remedy).startswith("it has none; leave out --flavor, or add `x: {}`")


def test_a_platform_that_a_flavor_lacks_is_named_with_the_flavors_that_have_it() -> None:
    error = fetch_refusal("cuda", "linux_arm64")
    assert isinstance(error, UnavailableError)
    assert error.what == "vec v1 has no prebuilt for linux_arm64 of the flavor cuda"
    remedy = str(error.remedy)
    assert remedy.startswith("it has linux_amd64; choose another flavor with --flavor, of standard")


def test_every_flavor_must_have_been_packed_before_any_is_published(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(
        "".join(f"{'0' * 64}  vec-linux_{arch}-standard.tar.gz\n" for arch in ("amd64", "arm64"))
    )
    with pytest.raises(UsageError, match="the archive of linux_amd64, flavor cuda") as caught:
        release_files(flavored(), tmp_path)
    assert "--platform linux_amd64 --flavor cuda --from DIR" in str(caught.value.remedy)


def test_a_mirror_has_every_flavor() -> None:
    files = mirror_files([lock(locked())], [], lambda _library: Settings())
    assert [file.path for file in files] == [
        "vec-linux_amd64-cuda.tar.gz",
        "vec-linux_amd64-standard.tar.gz",
        "vec-linux_arm64-standard.tar.gz",
    ]
