"""Materializing: the right bytes by the cheapest way that there is, and nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UnavailableError, UsageError
from cgo_prebuilt.files.long_paths import extended
from cgo_prebuilt.files.renames import rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.storage import materialize as module
from cgo_prebuilt.storage.materialize import Materialized, materialize
from cgo_prebuilt.storage.store import Store, Tree
from tests.programs import provide
from tests.unit.trees import CONTENTS, image, locked, needs_mounts, put, read, tmpfs

FILES = locked(CONTENTS)
LIBRARY = "lib/libvec.a"
ALL = len(CONTENTS)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return put(Store(tmp_path / "store"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the store's."""
    with tmpfs(tmp_path / "elsewhere") as mounted:
        yield mounted


def refuse(number: int) -> Callable[..., None]:
    def refused(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused


def inodes(folder: Path) -> dict[str, int]:
    return {path: (folder / path).stat().st_ino for path in CONTENTS}


def test_on_one_file_system_the_files_take_no_space(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ficlone", refuse(errno.EOPNOTSUPP))
    assert materialize(tree, FILES, output) == Materialized(hardlinked=ALL)
    assert read(output) == CONTENTS
    assert inodes(output) == inodes(tree.files)


@needs_mounts
def test_on_another_file_system_they_are_copied(tree: Tree, elsewhere: Path) -> None:
    assert materialize(tree, FILES, elsewhere / "output") == Materialized(copied=ALL)
    assert read(elsewhere / "output") == CONTENTS


@needs_mounts
@pytest.mark.parametrize(
    ("kind", "package", "options", "megabytes"),
    [("xfs", "xfsprogs", ["-m", "reflink=1"], 320), ("btrfs", "btrfs-progs", [], 128)],
    ids=["xfs", "btrfs"],
)
def test_where_the_file_system_has_reflinks_they_are_used(
    tmp_path: Path, kind: str, package: str, options: list[str], megabytes: int
) -> None:
    if f"\t{kind}\n" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        pytest.skip(f"this kernel has no {kind}; the ioctl is also tested with a stand-in")
    make = [provide(f"mkfs.{kind}", package), "-q", *options]
    with image(tmp_path / "disk", make, megabytes) as disk:
        tree = put(Store(disk / "store"))
        assert materialize(tree, FILES, disk / "output") == Materialized(reflinked=ALL)
        assert read(disk / "output") == CONTENTS
        assert not set(inodes(disk / "output").values()) & set(inodes(tree.files).values())
        assert materialize(tree, FILES, disk / "output") == Materialized(unchanged=ALL)


@pytest.mark.skipif(sys.platform != "linux", reason="FICLONE is Linux's")
def test_a_reflink_is_asked_for_as_the_manual_says(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ficlone(target: int, request: int, source: int) -> int:
        assert request == 0x40049409
        os.write(target, os.pread(source, 1 << 20, 0))
        return 0

    monkeypatch.setattr("fcntl.ioctl", ficlone)
    assert materialize(tree, FILES, output) == Materialized(reflinked=ALL)
    assert read(output) == CONTENTS
    assert materialize(tree, FILES, output) == Materialized(unchanged=ALL)


@pytest.mark.parametrize(
    "number", [errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM]
)
def test_a_file_system_without_reflinks_is_asked_once(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    asked = []

    def ficlone(source: Path, target: Path) -> None:
        asked.append(source)
        target.touch()
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, "_ficlone", ficlone)
    assert materialize(tree, FILES, output) == Materialized(hardlinked=ALL)
    assert len(asked) == 1
    assert read(output) == CONTENTS, "and nothing is left of the attempt"


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP])
def test_without_hard_links_files_are_copied_and_known_again(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(module, "_ficlone", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "link", refuse(number))
    assert materialize(tree, FILES, output) == Materialized(copied=ALL)
    assert read(output) == CONTENTS
    modes = {stat.S_IMODE((output / path).stat().st_mode) for path in CONTENTS}
    assert modes == {0o444}
    assert materialize(tree, FILES, output) == Materialized(unchanged=ALL)


def test_too_many_links_to_one_file_concern_that_file_only(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def crowded(source: Path, target: Path) -> None:
        if source.name == "libvec.a":
            refuse(errno.EMLINK)()
        link(source, target)

    monkeypatch.setattr(module, "_ficlone", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "link", crowded)
    assert materialize(tree, reversed(FILES), output) == Materialized(hardlinked=ALL - 1, copied=1)
    assert read(output) == CONTENTS


def test_with_nothing_to_do_it_only_looks(
    tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialize(tree, FILES, output)
    for function in ("open", "link", "replace", "rename", "mkdir", "utime", "chmod", "scandir"):
        monkeypatch.setattr(os, function, refuse(errno.EPERM))
    assert materialize(tree, FILES, output) == Materialized(unchanged=ALL)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: replace_by(path, lambda: path.write_bytes(b"short")),
        lambda path: replace_by(path, lambda: path.write_bytes(bytes(len(CONTENTS[LIBRARY])))),
        lambda path: replace_by(path, lambda: path.symlink_to("/etc/passwd")),
        lambda path: replace_by(path, lambda: path.symlink_to("nowhere")),
        lambda path: replace_by(path, lambda: os.mkfifo(path)),
    ],
    ids=["missing", "short", "other bytes", "a link", "a dangling link", "a fifo"],
)
def test_only_what_is_wrong_is_made_again(
    tree: Tree, output: Path, spoil: Callable[[Path], object]
) -> None:
    passwd = Path("/etc/passwd").read_bytes()
    materialize(tree, FILES, output)
    spoil(output / LIBRARY)
    made = materialize(tree, FILES, output)
    assert made.unchanged == ALL - 1
    assert read(output) == CONTENTS
    assert not (output / LIBRARY).is_symlink()
    assert Path("/etc/passwd").read_bytes() == passwd


def replace_by(path: Path, make: Callable[[], object]) -> None:
    path.unlink()
    make()


def test_another_version_with_the_same_sizes_replaces_the_files(
    tree: Tree, tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when all were made at one time by the clock, and copied."""
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    monkeypatch.setattr(module, "_ficlone", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "link", refuse(errno.EXDEV))
    store = Store(tmp_path / "store2")
    for version in (b"1", b"2", b"3"):
        contents = {"lib/lib.a": version * 100, "same.h": b"same"}
        made = materialize(put(store, contents), locked(contents), output)
        assert made.copied == (2 if version == b"1" else 1)
        assert read(output) == contents


def test_what_else_is_in_the_output_stays(tree: Tree, output: Path) -> None:
    (output / "lib").mkdir(parents=True)
    (output / "lib" / "mine.a").write_bytes(b"mine")
    materialize(tree, FILES, output)
    assert read(output) == {**CONTENTS, "lib/mine.a": b"mine"}


def test_some_of_the_files_are_enough(tree: Tree, output: Path) -> None:
    materialize(tree, FILES[:1], output)
    assert read(output) == {FILES[0].path: CONTENTS[FILES[0].path]}


def test_folders_can_be_deleted_by_others_than_us(tree: Tree, output: Path) -> None:
    materialize(tree, FILES, output)
    assert {stat.S_IMODE(p.stat().st_mode) for p in (output, output / "lib")} == {0o755}
    shutil.rmtree(output)


class TestLinksInTheOutput:
    """What is written stays below the output, whatever links are there."""

    @pytest.mark.parametrize("folder", ["lib", "include", "include/vec"])
    def test_a_folder_that_is_a_link_is_refused(
        self, tree: Tree, output: Path, tmp_path: Path, folder: str
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (output / folder).parent.mkdir(parents=True)
        (output / folder).symlink_to(outside)
        with pytest.raises(UsageError, match="is a link or a file in the output") as caught:
            materialize(tree, FILES, output)
        assert str(output / folder) in str(caught.value)
        assert list(outside.iterdir()) == []

    def test_the_output_itself_may_be_a_link_to_a_folder(
        self, tree: Tree, output: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "real").mkdir()
        output.symlink_to(tmp_path / "real")
        materialize(tree, FILES, output)
        assert read(tmp_path / "real") == CONTENTS

    def test_a_link_to_the_stores_own_file_is_replaced(self, tree: Tree, output: Path) -> None:
        (output / "lib").mkdir(parents=True)
        (output / LIBRARY).symlink_to(tree.files / LIBRARY)
        materialize(tree, FILES, output)
        assert not (output / LIBRARY).is_symlink()
        assert read(tree.files) == CONTENTS


class TestRefusals:
    def test_an_output_that_is_a_file(self, tree: Tree, output: Path) -> None:
        output.write_text("")
        with pytest.raises(UsageError, match="output is not a folder") as caught:
            materialize(tree, FILES, output)
        assert caught.value.where == str(output)
        assert "name another folder" in caught.value.remedy

    def test_an_output_below_a_file(self, tree: Tree, output: Path) -> None:
        output.write_text("")
        with pytest.raises(UsageError, match="output is not a folder"):
            materialize(tree, FILES, output / "below")

    def test_a_file_in_the_place_of_a_folder(self, tree: Tree, output: Path) -> None:
        output.mkdir()
        (output / "lib").write_text("")
        with pytest.raises(UsageError, match="a folder of the library is a link or a file"):
            materialize(tree, FILES, output)

    def test_a_folder_in_the_place_of_a_file(self, tree: Tree, output: Path) -> None:
        (output / LIBRARY).mkdir(parents=True)
        with pytest.raises(UsageError, match="would replace a folder of the output") as caught:
            materialize(tree, FILES, output)
        assert str(output / LIBRARY) in str(caught.value)

    @needs_mounts
    def test_a_read_only_output(self, tree: Tree, tmp_path: Path) -> None:
        with tmpfs(tmp_path / "mounted", "ro,size=1m") as mounted:
            with pytest.raises(UsageError, match="cannot be written: Read-only") as caught:
                materialize(tree, FILES, mounted / "output")
            assert str(mounted / "output") in str(caught.value)

    def test_an_output_of_another_user(
        self, tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_ficlone", refuse(errno.EACCES))
        with pytest.raises(UsageError, match="cannot be written: Permission denied"):
            materialize(tree, FILES, output)
        assert read(output) == {}

    @needs_mounts
    def test_a_disk_that_fills_up_at_any_stage(self, tmp_path: Path) -> None:
        contents = {f"lib/part{number}.a": bytes([number]) * 40_000 for number in range(4)}
        tree = put(Store(tmp_path / "store"), contents)
        full = 0
        for blocks in range(1, 60, 3):
            with tmpfs(tmp_path / "disk", f"size={blocks * 4096}") as disk:
                refusal = refusal_of(tree, disk)
                for path, data in read(disk).items():
                    assert contents[path] == data, "what is there is whole"
                if refusal is not None:
                    full += 1
                    assert "the disk of the output is full" in refusal
                else:
                    assert read(disk) == contents
        assert 10 < full < 20

    def test_a_tree_that_is_pruned_meanwhile(self, tree: Tree, output: Path) -> None:
        shutil.rmtree(tree.folder)
        with pytest.raises(UnavailableError, match="were removed while") as caught:
            materialize(tree, FILES, output)
        assert "run it again" in str(caught.value)
        assert read(output) == {}

    def test_a_place_where_nothing_can_be_is_not_the_stores_fault(self, tree: Tree) -> None:
        missing = Path("/proc/nothing/here") if sys.platform == "linux" else Path("Q:/nothing")
        with pytest.raises(UsageError, match="the output cannot be written"):
            materialize(tree, FILES, missing)


def refusal_of(tree: Tree, output: Path) -> str | None:
    files = [
        file for path in tree.records for file in locked({path: (tree.files / path).read_bytes()})
    ]
    try:
        materialize(tree, files, output)
    except UsageError as error:
        return str(error)
    return None


class TestPaths:
    def test_spaces_and_non_ascii_letters(self, tmp_path: Path) -> None:
        contents = {"ü ß/läb rary.a": b"x", "日本/語.h": b"y"}
        tree = put(Store(tmp_path / "ein Spëicher"), contents)
        materialize(tree, locked(contents), tmp_path / "aus gabe 日本")
        assert read(tmp_path / "aus gabe 日本") == contents

    @pytest.mark.parametrize("has_links", [True, False])
    def test_very_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
    ) -> None:
        if not has_links:
            monkeypatch.setattr(os, "link", refuse(errno.EXDEV))
        contents = {"/".join(["e" * 250] * 5) + "/" + "f" * 255: b"x"}
        tree = put(Store(tmp_path / "store"), contents)
        output = tmp_path
        while len(str(output)) < 2000:
            output = output / ("d" * 200)
        materialize(tree, locked(contents), output)
        assert read(output) == contents

    @pytest.mark.skipif(sys.platform == "win32", reason="there, there is hardly a limit")
    def test_too_long_for_the_system_is_said(self, tree: Tree, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="the output cannot be written: File name too long"):
            materialize(tree, FILES, tmp_path / ("d" * 256))

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (r"C:\a b\c", r"\\?\C:\a b\c"),
            (r"C:\a/b\..\c", r"\\?\C:\a\c"),
            (r"\\server\share\c", r"\\?\UNC\server\share\c"),
            (r"\\?\C:\a", r"\\?\C:\a"),
        ],
    )
    def test_the_extended_form_of_windows(self, path: str, expected: str) -> None:
        assert extended(path) == expected


class TestRenaming:
    """On Windows a virus scanner may hold a file that has just been written."""

    def test_a_held_file_is_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusals = iter(
            [PermissionError(errno.EACCES, "held"), PermissionError(errno.EACCES, "held")]
        )
        replace = Path.replace

        def held(path: Path, target: Path) -> Path:
            for refusal in refusals:
                raise refusal
            return replace(path, target)

        (tmp_path / "a").write_text("x")
        monkeypatch.setattr(Path, "replace", held)
        rename(tmp_path / "a", tmp_path / "b", pauses=(0, 0, 0))
        assert (tmp_path / "b").read_text() == "x"

    def test_not_for_ever(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "replace", refuse(errno.EACCES))
        with pytest.raises(PermissionError):
            rename(tmp_path / "a", tmp_path / "b", pauses=(0, 0))

    def test_elsewhere_not_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            rename(tmp_path / "a", tmp_path / "b")


class TestAbandoned:
    """What a killed process left in the output goes with the next run that has something to do."""

    def test_of_a_dead_process_goes(self, tree: Tree, output: Path) -> None:
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        (output / "lib").mkdir(parents=True)
        dead = temporary_name().replace(f"-{os.getpid()}-", f"-{process.pid}-")
        (output / "lib" / dead).write_text("half")
        materialize(tree, FILES, output)
        assert read(output) == CONTENTS

    def test_of_a_living_process_stays(self, tree: Tree, output: Path) -> None:
        (output / "lib").mkdir(parents=True)
        living = output / "lib" / temporary_name()
        living.write_text("half")
        materialize(tree, FILES, output)
        assert living.exists()

    def test_a_temporary_file_that_another_machine_took_for_abandoned_is_made_again(
        self, tree: Tree, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stolen: list[Path] = []

        def thief(source: Path, target: Path) -> None:
            if not stolen:
                stolen.append(source)
                source.unlink()
            rename(source, target)

        monkeypatch.setattr(module, "rename", thief)
        materialize(tree, FILES, output)
        assert stolen
        assert read(output) == CONTENTS
