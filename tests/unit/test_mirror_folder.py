"""A mirror in a folder: what belongs there, how it comes there, what goes again."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.commands.failures import diagnose
from cgo_prebuilt.errors import IntegrityError, LockError, UnavailableError, UsageError
from cgo_prebuilt.fetching.mirror_folder import (
    Filled,
    MirrorFile,
    fill_mirror,
    mirror_files,
    prune_mirror,
)
from cgo_prebuilt.files.renames import atomic_file
from cgo_prebuilt.locks.lock import Build, Interface, Lock, LockedVersion, Source
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.network.transport import Transport
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.url import Url
from tests.unit.library_case import FILES, archive_of, lock, locked_platform
from tests.unit.transport_case import SETTINGS

FILE = "vec-v1.2.3-linux_amd64.tar.gz"
OTHER = archive_of({**FILES, "lib/libvec.a": b"!<arch>\nother"})


def no_settings(_library: str) -> Settings:
    return Settings()


def two_versions(second: bytes = OTHER) -> Lock:
    """A lock whose two versions have an archive of the same name."""
    versions = {
        version: LockedVersion(
            {"": {"linux_amd64": locked_platform(f"https://a/{version}", data=data)}}
        )
        for version, data in (("v1", archive_of(FILES)), ("v2", second))
    }
    return Lock("vec", "v2", versions)


def served(folder: Path, name: str, data: bytes) -> MirrorFile:
    """A file that a `file://` URL leads to."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    url = Url((folder / name).as_uri())
    return MirrorFile(file=name, urls=(url,), sha256=sha256, size=len(data), path=name, label=name)


def fill(root: Path, *files: MirrorFile) -> Filled:
    partials = root.parent / "partials"
    return fill_mirror(files, root, lambda: Transport(partials, SETTINGS, Progress()))


def test_a_folder_in_the_place_of_an_archive_is_named(tmp_path: Path) -> None:
    file = served(tmp_path / "origin", "a.zip", b"archive")
    (tmp_path / "mirror" / "a.zip").mkdir(parents=True)
    with pytest.raises(IsADirectoryError) as caught:
        fill(tmp_path / "mirror", file)
    error = diagnose(caught.value)
    assert error.what == "the operation failed: a folder is in its place"
    assert error.where == str(tmp_path / "mirror" / "a.zip")


def test_a_file_in_the_place_of_the_mirror_is_refused(tmp_path: Path) -> None:
    file = served(tmp_path / "origin", "a.zip", b"archive")
    (tmp_path / "mirror").touch()
    with pytest.raises(UsageError, match="mirror is not a folder"):
        fill(tmp_path / "mirror", file)


def test_a_flat_mirror_has_every_platform_of_every_version() -> None:
    files = mirror_files([lock("https://a/1")], [], no_settings)
    assert [(file.path, file.urls) for file in files] == [(FILE, (Url("https://a/1"),))]


def test_only_the_chosen_platforms_are_mirrored() -> None:
    with pytest.raises(LockError, match="no lock has a prebuilt for darwin_arm64"):
        mirror_files([lock()], ["darwin_arm64"], no_settings)
    assert len(mirror_files([lock()], ["linux_amd64"], no_settings)) == 1


def test_the_same_archive_in_two_versions_is_one_file() -> None:
    assert len(mirror_files([two_versions(archive_of(FILES))], [], no_settings)) == 1


def test_two_archives_of_one_name_are_refused_with_the_layout_that_parts_them() -> None:
    with pytest.raises(UsageError, match="two archives would have the same path") as refused:
        mirror_files([two_versions()], [], no_settings)
    assert refused.value.where == "vec v1 for linux_amd64; vec v2 for linux_amd64"
    remedy = str(refused.value.remedy)
    assert "--layout '{name}/{version}/{file}'" in remedy
    assert "CGO_PREBUILT_MIRROR='https://MIRROR/{name}/{version}/{file}'" in remedy
    files = mirror_files([two_versions()], [], no_settings, "{name}/{version}/{file}")
    assert [file.path for file in files] == [f"vec/v1/{FILE}", f"vec/v2/{FILE}"]


def test_two_platforms_with_one_name_differ_in_their_folders() -> None:
    platforms = {
        "linux_amd64": locked_platform(),
        "linux_arm64": locked_platform(data=OTHER),
    }
    with pytest.raises(UsageError) as refused:
        mirror_files([Lock("vec", "v1", {"v1": LockedVersion({"": platforms})})], [], no_settings)
    assert "--layout '{name}/{version}/{platform}/{file}'" in str(refused.value.remedy)


def test_locks_that_no_layout_parts_are_for_mirrors_of_their_own() -> None:
    different = replace(
        lock(),
        versions={"v1.2.3": LockedVersion({"": {"linux_amd64": locked_platform(data=OTHER)}})},
    )
    with pytest.raises(UsageError) as refused:
        mirror_files([lock(), different], [], no_settings)
    assert refused.value.remedy == "make a mirror for each lock"


def test_a_layout_with_an_unknown_placeholder_names_the_option() -> None:
    with pytest.raises(UsageError, match="unknown placeholder") as refused:
        mirror_files([lock()], [], no_settings, "{library}/{file}")
    assert refused.value.where == "--layout"


@pytest.mark.parametrize("layout", ["../{file}", "/{file}", "SHA256SUMS"])
def test_a_layout_that_leads_elsewhere_is_refused(layout: str) -> None:
    with pytest.raises(UsageError) as refused:
        mirror_files([lock()], [], no_settings, layout)
    assert refused.value.remedy == "use another --layout"


def test_an_archive_of_a_source_is_mirrored_too() -> None:
    source = Source(Build("make"), Interface(), url=Url("https://a/v1/src.tar.gz"), sha256="0" * 64)
    sourced = Lock(
        "vec", "v1", {"v1": LockedVersion({"": {"linux_amd64": locked_platform()}}, source)}
    )
    files = mirror_files([sourced], [], no_settings)
    assert [file.path for file in files] == ["src.tar.gz", FILE]
    assert files[0].urls == (Url("https://a/v1/src.tar.gz"),)


def test_a_mirror_of_the_environment_is_where_archives_come_from() -> None:
    def settings(_library: str) -> Settings:
        return Settings(mirror=Url("https://upstream"), version="v9")

    (file,) = mirror_files([lock()], [], settings)
    assert file.urls == (Url(f"https://upstream/{FILE}"),)


def test_what_is_there_and_right_is_left_and_what_is_wrong_is_fetched(tmp_path: Path) -> None:
    files = [served(tmp_path / "origin", name, name.encode()) for name in ("a", "b", "c")]
    root = tmp_path / "mirror"
    assert fill(root, *files).fetched == ["a", "b", "c"]
    (root / "b").write_bytes(b"B")
    (root / "c").unlink()
    again = fill(root, *files)
    assert (again.fetched, again.kept) == (["b", "c"], ["a"])
    assert (again.bytes_fetched, again.bytes_downloaded) == (2, 0)
    assert (root / "b").read_bytes() == b"b"
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in files)
    assert (root / "SHA256SUMS").read_text() == sums
    assert sorted(path.name for path in root.iterdir()) == ["SHA256SUMS", "a", "b", "c"]


def test_the_lock_of_a_killed_run_goes_though_nothing_changes(tmp_path: Path) -> None:
    file = served(tmp_path / "origin", "a", b"a")
    fill(tmp_path / "mirror", file)
    (tmp_path / "mirror/.SHA256SUMS.lock").write_text("35f6086d.effffffc 9868")
    fill(tmp_path / "mirror", file)
    assert sorted(path.name for path in (tmp_path / "mirror").iterdir()) == ["SHA256SUMS", "a"]


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = served(tmp_path / "origin", "a", b"a")
    monkeypatch.setattr("cgo_prebuilt.archives.bytestream.save", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fill(tmp_path / "mirror", file)
    assert diagnose(caught.value).where == str(tmp_path / "mirror/a")
    assert list((tmp_path / "mirror").iterdir()) == []


def test_a_full_disk_is_told_with_the_file_that_is_written_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(tmp_path / "sums"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert diagnose(caught.value).where == str(tmp_path / "sums")


def test_wrong_bytes_never_get_the_files_name(tmp_path: Path) -> None:
    good, bad = (served(tmp_path / "origin", name, name.encode()) for name in ("a", "b"))
    (tmp_path / "origin/b").write_bytes(b"B")
    with pytest.raises(IntegrityError, match="b has wrong bytes"):
        fill(tmp_path / "mirror", good, bad)
    assert (tmp_path / "mirror/a").exists()
    assert not (tmp_path / "mirror/b").exists()
    assert "  b\n" not in (tmp_path / "mirror/SHA256SUMS").read_text()


def test_offline_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    file = replace(served(tmp_path / "origin", "a", b"a"), urls=())
    with pytest.raises(UnavailableError, match="offline, and a is not in the mirror"):
        fill(tmp_path / "mirror", file)


def test_pruning_removes_what_no_lock_names_and_only_what_the_mirror_brought(
    tmp_path: Path,
) -> None:
    old = replace(served(tmp_path / "origin", "old", b"old"), path="vec/v1/old")
    new = served(tmp_path / "origin", "new", b"new")
    root = tmp_path / "mirror"
    fill(root, old, new)
    (root / "mine.txt").write_text("mine")
    assert prune_mirror([new], root) == ["vec/v1/old"]
    assert not (root / "vec").exists()
    assert (root / "mine.txt").exists()
    assert (root / "SHA256SUMS").read_text() == f"{new.sha256}  new\n"
    assert prune_mirror([new], root) == []


def test_pruning_never_leaves_the_mirror(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    root.mkdir()
    (tmp_path / "precious").write_text("x")
    (root / "SHA256SUMS").write_text(f"{'0' * 64}  ../precious\n")
    with pytest.raises(UsageError, match="precious"):
        prune_mirror([], root)
    assert (tmp_path / "precious").exists()
