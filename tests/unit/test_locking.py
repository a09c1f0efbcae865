"""Making a lock: what the manifest promises, found in the archives; without a network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.errors import IntegrityError, LockError, ManifestError, UnavailableError
from cgo_prebuilt.locks.lock import Lock, LockedFile, LockedPlatform, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock, parse_lock
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases import locking
from cgo_prebuilt.releases.index import Contents, WantedFiles
from cgo_prebuilt.releases.locking import IndexedArchive, lock_version, merge
from cgo_prebuilt.url import Url
from tests.unit.archive_builders import locked_file
from tests.unit.library_case import FILES, manifest

HERE = Path()


class Release:
    """Archives by file name, indexed without being downloaded; remembers what was asked for."""

    def __init__(self, archives: Mapping[str, Mapping[str, bytes]]) -> None:
        self.archives = archives
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
        with self._lock:
            self.asked.append(spec.file)
        if spec.file not in self.archives:
            raise UnavailableError(
                f"{spec.file} cannot be downloaded: 404", where="a file", remedy="try again"
            )
        files: list[LockedFile] = [
            locked_file(path, data)
            for path, data in sorted(self.archives[spec.file].items())
            if wanted.matches(path)
        ]
        contents = Contents(tuple(files), names=tuple(self.archives[spec.file]))
        return IndexedArchive(hashlib.sha256(spec.file.encode()).hexdigest(), 7, contents)


def lock_of(release: Release, **changes: Any) -> Mapping[str, LockedPlatform]:
    """The locked platforms; they can be written and read again, whatever they are."""
    version = lock_version(manifest(**changes), release, HERE)
    whole = Lock("vec", "v1.2.3", {"v1.2.3": version})
    assert parse_lock(format_lock(whole), where="a lock") == whole
    return version.platforms


def test_only_promised_files_are_locked() -> None:
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": {**FILES, "README": b"", "bin/vec": b""}})
    (archive,) = lock_of(release)["linux_amd64"].archives
    assert archive.files == tuple(locked_file(path, data) for path, data in sorted(FILES.items()))
    assert archive.urls == (Url("https://example.com/v1.2.3/vec-v1.2.3-linux_amd64.tar.gz"),)
    assert archive.size == 7


def test_globs_of_headers_become_the_headers_that_there_are() -> None:
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": {**FILES, "include/a.h": b""}})
    headers = lock_of(release)["linux_amd64"].interface.headers
    assert headers == ("include/a.h", "include/vec.h", "include/vec/ext.h")


def test_what_a_program_needs_when_it_runs_is_locked_and_is_no_header() -> None:
    plugin, model = "lib/plugins/libfast.so", "share/models/a.bin"
    files = {**FILES, plugin: b"1", model: b"2", "share/README": b""}
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": files})
    platform = lock_of(release, runtime_files=["lib/**", "share/models/*"])["linux_amd64"]
    assert platform.interface.runtime_files == (plugin, model)
    assert plugin not in platform.interface.headers
    assert {file.path for file in platform.files()} == {*FILES, plugin, model}
    with pytest.raises(ManifestError, match=r"the archive lacks 'models/\*'"):
        lock_of(release, runtime_files=["models/*"])


def test_a_library_is_no_header_even_where_a_glob_takes_it() -> None:
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": FILES})
    interface = lock_of(release, headers=["**"])["linux_amd64"].interface
    assert interface.headers == ("include/vec.h", "include/vec/ext.h")


def test_an_archive_that_two_platforms_share_is_downloaded_once() -> None:
    release = Release({"vec-v1.2.3-darwin.tar.gz": FILES})
    platforms = lock_of(
        release,
        archives=[{"file": "vec-{version}-{os}.tar.gz"}],
        platforms={"darwin_amd64": None, "darwin_arm64": None},
    )
    assert release.asked == ["vec-v1.2.3-darwin.tar.gz"]
    assert platforms["darwin_amd64"] == platforms["darwin_arm64"]


def test_of_an_archive_of_all_platforms_each_gets_its_own_files() -> None:
    files = {
        "include/vec.h": b"h",
        "lib/linux_amd64/libvec.a": b"l",
        "lib/darwin_arm64/libvec.a": b"d",
    }
    release = Release({"vec.tar.gz": files})
    platforms = lock_of(
        release,
        archives=[{"file": "vec.tar.gz"}],
        static_library="lib/{os}_{arch}/libvec.a",
        platforms={"linux_amd64": None, "darwin_arm64": None},
    )
    assert release.asked == ["vec.tar.gz"]
    assert [file.path for file in platforms["linux_amd64"].files()] == [
        "include/vec.h",
        "lib/linux_amd64/libvec.a",
    ]


def test_a_library_may_come_in_several_archives() -> None:
    release = Release(
        {
            "vec-headers.zip": {"include/vec.h": b"h"},
            "vec-linux_amd64.zip": {"lib/libvec.a": b"l"},
        }
    )
    platform = lock_of(
        release, archives=[{"file": "vec-headers.zip"}, {"file": "vec-{platform}.zip"}]
    )["linux_amd64"]
    assert [archive.file for archive in platform.archives] == [
        "vec-headers.zip",
        "vec-linux_amd64.zip",
    ]
    assert [file.path for file in platform.files()] == ["include/vec.h", "lib/libvec.a"]


@pytest.mark.parametrize("absent", ["lib/libvec.a", "include/vec.h"])
def test_a_manifest_that_promises_what_the_archive_lacks_is_refused(absent: str) -> None:
    files = {path: data for path, data in FILES.items() if path != absent}
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": files})
    with pytest.raises(ManifestError) as caught:
        lock_of(release, headers=["include/vec.h"])
    assert caught.value.what == (
        f"the archive lacks {absent!r}, which the manifest promises for linux_amd64"
    )
    assert caught.value.where == "vec-v1.2.3-linux_amd64.tar.gz"
    assert "strip_prefix" in str(caught.value.remedy)
    assert caught.value.exit_code == 2


def test_a_glob_that_finds_nothing_is_a_broken_promise() -> None:
    release = Release({"vec-v1.2.3-linux_amd64.tar.gz": {"lib/libvec.a": b""}})
    with pytest.raises(ManifestError, match=r"lacks 'include/\*\*'"):
        lock_of(release)


def test_two_archives_with_the_same_file_are_refused_and_both_are_named() -> None:
    release = Release({"a.zip": FILES, "b.zip": {"include/vec.h": b"another"}})
    with pytest.raises(IntegrityError, match="for linux_amd64 is in two") as caught:
        lock_of(release, archives=[{"file": "a.zip"}, {"file": "b.zip"}])
    assert caught.value.where == "a.zip, b.zip"


def test_two_archives_with_files_that_differ_in_case_only_are_refused() -> None:
    release = Release({"a.zip": FILES, "b.zip": {"include/VEC.h": b""}})
    with pytest.raises(IntegrityError, match="one file where case"):
        lock_of(release, archives=[{"file": "a.zip"}, {"file": "b.zip"}])


def test_an_archive_of_which_nothing_is_named_is_refused() -> None:
    release = Release({"a.zip": FILES, "docs.zip": {"manual.txt": b""}})
    with pytest.raises(ManifestError, match=r"docs.zip has none of the files") as caught:
        lock_of(release, archives=[{"file": "a.zip"}, {"file": "docs.zip"}])
    assert caught.value.where == "docs.zip"


def test_an_unavailable_archive_is_the_error() -> None:
    with pytest.raises(UnavailableError, match=r"vec-v1\.2\.3-linux_amd64\.tar\.gz"):
        lock_of(Release({}))


def test_after_an_error_no_more_archives_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shut = threading.Event()
    asked = []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            shut.set()
            super().shutdown(wait=wait)

    def index(spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
        asked.append(spec.file)
        if spec.file != "0.zip":
            assert shut.wait(60)
        raise IntegrityError(f"{spec.file} is damaged", where="a file", remedy="try again")

    monkeypatch.setattr(locking, "ThreadPoolExecutor", Pool)
    many = [{"file": f"{number}.zip"} for number in range(20)]
    with pytest.raises(IntegrityError, match=r"0\.zip is damaged"):
        lock_version(manifest(archives=many), index, HERE)
    assert len(asked) <= 5


@pytest.mark.parametrize(("platforms", "lines"), [(3, 3), (20, 8)])
def test_each_archive_that_is_missing_has_its_line(platforms: int, lines: int) -> None:
    """After `--update`, say, where a release has not all platforms yet; and without a network."""
    many = [{"file": f"{number}.zip"} for number in range(platforms)]
    with pytest.raises(UnavailableError, match=f"^{lines} archives cannot be downloaded") as caught:
        lock_version(manifest(archives=many), Release({}), HERE)
    assert len(caught.value.where.splitlines()) == lines
    assert "0.zip cannot be downloaded: 404" in caught.value.where


def test_the_source_s_folder_is_written_relative_to_the_lock(tmp_path: Path) -> None:
    source = {
        "path": "rust",
        "build": {"tool": "cargo"},
        "static_library": "target/release/libvec.a",
    }
    version = lock_version(
        manifest(source=source),
        Release({"vec-v1.2.3-linux_amd64.tar.gz": FILES}),
        Path("third_party"),
    )
    assert version.source is not None
    assert version.source.path == "../native/rust"


def test_a_source_archive_is_locked_as_it_is() -> None:
    source = {
        "url": "https://example.com/{name}-{version}.tar.gz",
        "sha256": "0" * 64,
        "strip_prefix": "vec-{version}",
        "build": {"command": ["./build.sh"]},
        "static_library": "libvec.a",
    }
    version = lock_version(
        manifest(source=source), Release({"vec-v1.2.3-linux_amd64.tar.gz": FILES}), HERE
    )
    assert version.source is not None
    assert version.source.url == Url("https://example.com/vec-v1.2.3.tar.gz")
    assert version.source.strip_prefix == "vec-v1.2.3"
    assert version.source.path is None


# Versions in one lock.


def test_a_new_version_joins_the_others_and_becomes_the_default() -> None:
    old = Lock("vec", "v1", {"v1": LockedVersion({"": {}})})
    new = merge(old, manifest(version="v2"), LockedVersion({"": {}}))
    assert new.default_version == "v2"
    assert set(new.versions) == {"v1", "v2"}


def test_a_version_that_is_there_is_replaced() -> None:
    replaced = LockedVersion({"": {}})
    new = merge(Lock("vec", "v1.2.3", {"v1.2.3": LockedVersion({"": {}})}), manifest(), replaced)
    assert new.versions == {"v1.2.3": replaced}


def test_a_day_of_release_stays_where_nobody_states_it_again() -> None:
    old = Lock("vec", "v1.2.3", {"v1.2.3": LockedVersion({"": {}}, published="2026-11-02")})
    assert merge(old, manifest(), LockedVersion({"": {}})).versions["v1.2.3"].published == (
        "2026-11-02"
    )


def test_the_first_version_makes_a_lock() -> None:
    assert merge(None, manifest(), LockedVersion({"": {}})).name == "vec"


def test_another_library_s_lock_is_refused() -> None:
    with pytest.raises(LockError, match="the lock is for duck, the manifest for vec") as caught:
        merge(
            Lock("duck", "v1", {"v1": LockedVersion({"": {}})}), manifest(), LockedVersion({"": {}})
        )
    assert "--output" in str(caught.value.remedy)
