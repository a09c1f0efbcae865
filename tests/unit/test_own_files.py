"""Files under names that are known beforehand: what somebody else put there is neither used nor followed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files import own_files
from cgo_prebuilt.files.file_lock import hold
from cgo_prebuilt.files.own_files import make_own_folder, mark_used, open_own, read_plain
from cgo_prebuilt.network.partial import Partials

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")

NOBODY = 65534
VICTIM = b"a file of somebody else's"

Plant = Callable[[Path, Path], object]

as_root = pytest.mark.skipif(
    sys.platform != "win32" and os.geteuid() != 0, reason="only root can give files away"
)


def others(path: Path, _victim: Path) -> None:
    path.write_bytes(b"")
    os.chown(path, NOBODY, NOBODY)


def writable(path: Path, _victim: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o620)


PLANTED = [
    pytest.param(lambda path, victim: path.symlink_to(victim), "is a symbolic link", id="link"),
    pytest.param(
        lambda path, victim: path.symlink_to(victim.parent / "new"),
        "is a symbolic link",
        id="dangling link",
    ),
    pytest.param(lambda path, victim: os.link(victim, path), "has a second name", id="hard link"),
    pytest.param(lambda path, _: os.mkfifo(path), "is not a regular file", id="pipe"),
    pytest.param(writable, "can be written by others", id="writable"),
    pytest.param(others, "belongs to another user (uid 65534)", id="owner", marks=as_root),
]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere/victim"
    path.write_bytes(VICTIM)
    return path


def untouched(victim: Path) -> bool:
    return victim.read_bytes() == VICTIM and list(victim.parent.iterdir()) == [victim]


@pytest.mark.parametrize(("plant", "problem"), PLANTED)
@pytest.mark.parametrize("flag", [own_files.NO_FOLLOW, 0], ids=["O_NOFOLLOW", "without it"])
def test_what_is_not_this_users_alone_is_refused(
    tmp_path: Path,
    victim: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    problem: str,
    flag: int,
) -> None:
    monkeypatch.setattr(own_files, "NO_FOLLOW", flag)
    plant(tmp_path / "known", victim)
    with pytest.raises(UsageError, match="a file that only you should be able to write") as caught:
        open_own(tmp_path / "known")
    assert problem in caught.value.what
    assert caught.value.where == str(tmp_path / "known")
    assert untouched(victim)


@pytest.mark.parametrize(("plant", "problem"), PLANTED)
def test_a_planted_partial_file_is_not_written_through(
    tmp_path: Path, victim: Path, plant: Plant, problem: str
) -> None:
    (tmp_path / "partial").mkdir()
    plant(tmp_path / "partial/key.partial", victim)
    with (
        pytest.raises(UsageError, match="remove it: it will be created again") as caught,
        Partials(tmp_path / "partial").claim("key"),
    ):
        raise AssertionError("it was opened")
    assert problem in caught.value.what
    assert untouched(victim)


@pytest.mark.parametrize(("plant", "problem"), PLANTED)
def test_a_planted_lock_file_is_not_taken(
    tmp_path: Path, victim: Path, plant: Plant, problem: str
) -> None:
    plant(tmp_path / "lock", victim)
    with pytest.raises(UsageError) as caught, hold(tmp_path / "lock"):
        raise AssertionError("it is held")
    assert problem in caught.value.what
    assert untouched(victim)


def test_a_sidecar_that_is_a_link_is_none(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial/key.partial.json").symlink_to(victim)
    with Partials(tmp_path / "partial").claim("key") as partial:
        assert partial.sidecar is None
        partial.forget()
    assert untouched(victim)


def test_only_a_plain_file_of_the_expected_size_is_read(tmp_path: Path, victim: Path) -> None:
    assert read_plain(victim, len(VICTIM)) == VICTIM
    with pytest.raises(OSError, match="not a regular file of the expected size"):
        read_plain(victim, len(VICTIM) - 1)
    (tmp_path / "link").symlink_to(victim)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "link", tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError):  # noqa: PT011 — which one is the system's affair
            read_plain(path, 1000)


def test_a_use_is_marked_on_a_link_and_not_behind_it(tmp_path: Path, victim: Path) -> None:
    before = victim.stat().st_mtime_ns
    (tmp_path / "used").symlink_to(victim)
    mark_used(tmp_path / "used", (1, 1))
    assert victim.stat().st_mtime_ns == before
    assert (tmp_path / "used").lstat().st_mtime == 1


def test_a_folder_for_temporary_files_is_this_users_alone(tmp_path: Path) -> None:
    assert make_own_folder(tmp_path / "own")
    assert make_own_folder(tmp_path / "own")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    (tmp_path / "file").write_text("")
    (tmp_path / "open").mkdir(mode=0o755)
    for name in ("link", "file", "open", "no/where"):
        assert not make_own_folder(tmp_path / name)


def test_a_refusal_of_the_system_stays_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        open_own(tmp_path / "no/where")
    assert caught.value.errno == errno.ENOENT
