"""Whose a store is, and where it comes from: what this user did not put there is compared with the lock."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.storage import recorded_tree
from cgo_prebuilt.storage import store as store_module
from cgo_prebuilt.storage.materialize import Materialized, materialize
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.store import Store, Tree, tree_key
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import FILES as LIBRARY_FILES
from tests.unit.library_case import archive_of, lock, write_files
from tests.unit.trees import CONTENTS, find, locked, put, read

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files have no owners there")

as_root = pytest.mark.skipif(
    sys.platform != "win32" and os.geteuid() != 0, reason="only root can give files away"
)

NOBODY = 65534
FILES = locked(CONTENTS)
KEY = tree_key(FILES)
LIBRARY = "lib/libvec.a"
OTHER = CONTENTS[LIBRARY][::-1]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def give_away(folder: Path, user: int = NOBODY) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def plant(tree: Tree, path: str, data: bytes, **record: object) -> None:
    """Changes a file of a tree and its record, such that the two fit as far as `stat` can tell."""
    target = tree.files / path
    before = target.stat()
    target.chmod(0o644)
    target.write_bytes(data)
    target.chmod(0o444)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = target.stat()
    file = tree.folder / "tree.json"
    said = json.loads(file.read_text())
    said["files"][path][2:] = [found.st_mtime_ns, found.st_ino, found.st_dev]
    file.write_text(json.dumps(said | record))


def restore(store: Store, place: Path) -> Tree:
    """A copy of a store as an archive or a CI cache gives it back, with all times and modes."""
    shutil.copytree(store.root, place, symlinks=True)
    tree = Store(place).list()[0]
    return Tree(tree.key, place / "v1/trees" / tree.key, {})


class TestRestored:
    """A record holds for the files that it was written for, not for those that it came back with."""

    @pytest.fixture
    def restored(self, store: Store, tmp_path: Path) -> Tree:
        put(store)
        return restore(store, tmp_path / "restored")

    def found(self, restored: Tree) -> Tree | None:
        return find(Store(restored.folder.parents[2]))

    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"unsynced_boot": None},
            {"unsynced_boot": "another boot"},
            {"sealed": 1},
            {"sealed": None},
        ],
        ids=["of this boot", "on the disk", "of another boot", "sealed", "not sealed"],
    )
    def test_other_bytes_with_a_record_that_fits_are_not_taken(
        self, restored: Tree, record: dict[str, object]
    ) -> None:
        plant(restored, LIBRARY, OTHER, **record)
        assert self.found(restored) is None

    def test_a_record_that_names_another_device_is_not_believed(self, store: Store) -> None:
        tree = put(store)
        plant(tree, LIBRARY, OTHER, unsynced_boot=None)
        said = json.loads((tree.folder / "tree.json").read_text())
        for file in said["files"].values():
            file[4] += 1
        (tree.folder / "tree.json").write_text(json.dumps(said))
        assert find(store) is None

    def test_the_right_bytes_are_hashed_once(
        self, restored: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.found(restored)
        assert found is not None
        assert read(found.files) == CONTENTS
        monkeypatch.setattr(recorded_tree, "hash_again", refuse_to_hash)
        assert self.found(restored) == found

    @pytest.mark.parametrize(
        "more",
        [
            lambda files: (files / "include/stdio.h").write_text("#error planted"),
            lambda files: (files / "include/sys").symlink_to("/tmp"),
        ],
        ids=["header", "link"],
    )
    def test_a_file_that_the_lock_does_not_name_makes_it_no_tree(
        self, restored: Tree, more: Callable[[Path], object]
    ) -> None:
        more(restored.files)
        assert self.found(restored) is None

    def test_verify_finds_a_file_that_the_lock_does_not_name(self, restored: Tree) -> None:
        (restored.files / "include/stdio.h").write_text("#error planted")
        assert Store(restored.folder.parents[2]).verify(KEY) == ("include/stdio.h",)

    def test_a_folder_that_is_a_link_makes_it_no_tree(self, restored: Tree, tmp_path: Path) -> None:
        shutil.move(restored.files / "lib", tmp_path / "lib")
        (restored.files / "lib").symlink_to(tmp_path / "lib")
        assert self.found(restored) is None

    def test_its_times_do_not_tell_versions_apart(self, store: Store, tmp_path: Path) -> None:
        """Two versions of one size: the restored times say that the output has the other one."""
        old, new = {"lib": b"old"}, {"lib": b"new"}
        for number, contents in enumerate((old, new)):
            for file in put(store, contents).files.iterdir():
                os.utime(file, (7, 7))
            shutil.copytree(store.root, tmp_path / str(number), symlinks=True)
            files, moved = locked(contents), Store(tmp_path / str(number))
            tree = moved.find(tree_key(files), files)
            assert tree is not None
            materialize(tree, files, tmp_path / "output")
            assert read(tmp_path / "output") == contents


class TestResults:
    """No lock says what a build makes, so a result holds for the tree that was made here."""

    WORK = result_key("source build", ["inputs"])

    def test_a_result_is_of_the_tree_that_was_made(self, store: Store) -> None:
        tree = put(store)
        Results(store.results).put(self.WORK, tree, FILES)
        result = Results(store.results).get(self.WORK)
        assert result is not None
        assert result.files == FILES
        assert result.is_of(tree)
        assert store.verify_results() == ()
        assert Results(store.results).get(self.WORK) == result

    def test_a_restored_result_is_not_of_the_restored_tree(
        self, store: Store, tmp_path: Path
    ) -> None:
        Results(store.results).put(self.WORK, put(store), FILES)
        restore(store, tmp_path / "restored")
        restored = Store(tmp_path / "restored")
        tree, result = find(restored), Results(restored.results).get(self.WORK)
        assert tree is not None
        assert result is not None
        assert not result.is_of(tree)
        assert restored.verify_results() == (f"results/{self.WORK}.json",)
        assert Results(restored.results).get(self.WORK) is None

    def test_verify_finds_a_planted_result_with_a_consistent_tree(self, store: Store) -> None:
        evil = put(store, {"lib/libvec.a": b"evil"})
        Results(store.results).put(self.WORK, replace(evil, sealed=evil.sealed + 1), FILES)
        files = locked({"lib/libvec.a": b"evil"})
        Results(store.results).put("1" * 64, replace(evil, sealed=12345), files)
        (store.results / ("2" * 64 + ".json")).write_text("[]")
        found = store.verify_results()
        assert found == (f"results/{'1' * 64}.json", f"results/{'2' * 64}.json")
        assert list(store.results.iterdir()) == []

    def test_a_result_whose_tree_is_gone_is_no_damage(self, store: Store) -> None:
        Results(store.results).put(self.WORK, put(store), FILES)
        store.prune(max_size=0, now=0)
        assert store.verify_results() == ()

    @pytest.mark.parametrize("path", ["../../outside", "/etc/passwd", "a/../../b"])
    def test_a_result_that_names_a_file_elsewhere_is_none(self, store: Store, path: str) -> None:
        Results(store.results).put(self.WORK, put(store), FILES)
        file = store.results / f"{self.WORK}.json"
        file.write_text(json.dumps({"sealed": 1, "files": [[path, "0" * 64, 1]]}))
        assert Results(store.results).get(self.WORK) is None


@as_root
class TestAnotherUsers:
    """Another user's store is read, and each file of it compared with the lock; never written."""

    @pytest.fixture
    def tree(self, store: Store) -> Tree:
        tree = put(store)
        give_away(store.root)
        return tree

    def test_its_files_are_copied_and_nothing_is_written(
        self, store: Store, tree: Tree, tmp_path: Path
    ) -> None:
        before = snapshot(store.root)
        found = find(store)
        assert found is not None
        assert not found.is_own
        with store.shared(KEY) as is_locked:
            assert not is_locked
            assert materialize(found, FILES, tmp_path / "out") == Materialized(copied=len(FILES))
        assert read(tmp_path / "out") == CONTENTS
        assert {path.stat().st_uid for path in (tmp_path / "out").rglob("*")} == {os.geteuid()}
        assert snapshot(store.root) == before

    def test_other_bytes_are_not_taken(self, store: Store, tree: Tree) -> None:
        plant(tree, LIBRARY, OTHER)
        assert find(store) is None

    def test_bytes_that_change_after_they_were_hashed_are_not_taken(
        self, store: Store, tree: Tree, tmp_path: Path
    ) -> None:
        found = find(store)
        assert found is not None
        plant(tree, LIBRARY, OTHER)
        with pytest.raises(
            IntegrityError, match="another user's store changed while it was copied"
        ):
            materialize(found, FILES, tmp_path / "out")
        assert LIBRARY not in read(tmp_path / "out")

    def test_it_is_not_written(self, store: Store, tree: Tree) -> None:
        del tree
        before = snapshot(store.root)
        for write in (
            lambda: put(store, {"lib": b"another"}),
            lambda: store.partials,
            lambda: store.prune(now=0),
            lambda: store.verify(KEY),
            store.verify_results,
        ):
            with pytest.raises(UsageError, match=r"another user's \(uid 65534\), and you are") as e:
                write()
            assert "set CGO_PREBUILT_CACHE to a folder of your own" in str(e.value)
        assert snapshot(store.root) == before

    def test_paths_in_it_are_named_where_it_is_roots_only(self, store: Store, tree: Tree) -> None:
        del tree
        with pytest.raises(UsageError, match="who could change what you link"):
            store.refuse_to_lend()
        give_away(store.root, 0)
        store.root.chmod(0o755)
        os.seteuid(NOBODY)
        try:
            Store(store.root).refuse_to_lend()
        finally:
            os.seteuid(0)


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {path: path.lstat() for path in (folder, *folder.rglob("*"))}
    return {str(p): (f.st_mtime_ns, f.st_ctime_ns, f.st_uid) for p, f in found.items()}


def refuse_to_hash(*_args: object, **_kwargs: object) -> None:
    raise AssertionError("a file was hashed")


def make_link(folder: Path) -> None:
    folder.rename(folder.with_name(folder.name + ".moved"))
    folder.symlink_to(folder.with_name(folder.name + ".moved"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


class TestTheWholeCommand:
    @pytest.fixture
    def fetched(self, run: Run, tmp_path: Path) -> Path:
        """The store of a library that was fetched from a file."""
        write_files(tmp_path, {"vec.tar.gz": archive_of(LIBRARY_FILES)})
        (tmp_path / "lock").write_text(format_lock(lock((tmp_path / "vec.tar.gz").as_uri())))
        assert self.fetch(run, "first").code == 0
        return tmp_path / "store"

    def fetch(self, run: Run, output: str) -> Answer:
        return run("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", output)

    @pytest.mark.parametrize("folder", ["", "v1", "v1/trees", "v1/locks", "v1/partial"])
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (make_link, "a folder of the store is a link"),
            (lambda folder: folder.chmod(0o770), "others can write a folder of the store"),
            (lambda folder: folder.chmod(0o1777), "others can write a folder of the store"),
        ],
        ids=["link", "its group's", "everybody's"],
    )
    def test_a_store_that_others_can_change_is_refused(
        self,
        run: Run,
        fetched: Path,
        tmp_path: Path,
        folder: str,
        spoil: Callable[[Path], object],
        words: str,
    ) -> None:
        spoil(fetched / folder)
        for verb in (
            ("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "second"),
            ("env", "--lock", "lock", "--platform", "linux_amd64"),
            ("cache", "list"),
            ("cache", "verify"),
        ):
            run(*verb).refused(2, words, f"at: {fetched / folder}", "set CGO_PREBUILT_CACHE to")
        assert not (tmp_path / "second").exists()

    def test_a_partial_file_that_is_a_link_overwrites_nothing(
        self, run: Run, tmp_path: Path, httpserver: HTTPServer
    ) -> None:
        data = archive_of(LIBRARY_FILES)
        httpserver.expect_request("/vec.tar.gz").respond_with_data(data)
        locked = lock(httpserver.url_for("/vec.tar.gz"))
        (tmp_path / "lock").write_text(format_lock(locked))
        sha256 = locked.versions["v1.2.3"].flavors[""]["linux_amd64"].archives[0].sha256
        victim = write_files(tmp_path, {"victim": b"precious"}) / "victim"
        Store(tmp_path / "store").partials.mkdir(exist_ok=True)
        (tmp_path / f"store/v1/partial/{sha256}.partial").symlink_to(victim)
        answer = run("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "out")
        answer.refused(2, "write is a symbolic link", f"{sha256}.partial", "next: find out who")
        assert victim.read_bytes() == b"precious"

    def test_verify_finds_what_was_planted(self, run: Run, fetched: Path) -> None:
        assert run("env", "--lock", "lock", "--platform", "linux_amd64").code == 0
        assert run("cache", "verify").code == 0
        (made,) = fetched.rglob("vec.pc")
        made.write_text(made.read_text().replace("-lm", "-levil"))
        store = Store(fetched)
        evil = put(store, {"lib/libvec.a": b"evil"})
        Results(store.results).put(
            "1" * 64, replace(evil, sealed=1), locked({"lib/libvec.a": b"evil"})
        )
        answer = run("cache", "verify")
        answer.refused(4, f"pkgconfig/{made.parent.name}/vec.pc", f"results/{'1' * 64}.json")
        assert run("cache", "verify").code == 0

    @as_root
    def test_another_users_library_is_copied_and_a_changed_one_is_not(
        self, run: Run, fetched: Path, tmp_path: Path
    ) -> None:
        give_away(fetched)
        (tmp_path / "vec.tar.gz").unlink()
        answer = run("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "second")
        assert answer.code == 0, answer.err
        assert read(tmp_path / "second") == LIBRARY_FILES
        (library,) = fetched.rglob("libvec.a")
        library.write_bytes(library.read_bytes()[::-1])
        answer = run("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "third")
        answer.refused(2, "the store is another user's (uid 65534)", "folder of your own")
        assert not (tmp_path / "third").exists()


FETCH = ("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output")


class TestASystemStore:
    """A store that is only read, such as one that root has put into an image."""

    @pytest.fixture
    def image(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A store that was filled; the release is gone, and the user's own store is empty."""
        write_files(tmp_path, {"vec.tar.gz": archive_of(LIBRARY_FILES)})
        (tmp_path / "lock").write_text(format_lock(lock((tmp_path / "vec.tar.gz").as_uri())))
        assert run(*FETCH, "first").code == 0
        (tmp_path / "vec.tar.gz").unlink()
        (tmp_path / "store").rename(tmp_path / "image")
        monkeypatch.setenv("CGO_PREBUILT_ORIGIN", "prebuilt")
        monkeypatch.setenv("CGO_PREBUILT_SYSTEM_CACHE", f"/no/such{os.pathsep}{tmp_path / 'image'}")
        return tmp_path / "image"

    def test_it_is_taken_from_and_not_written(self, run: Run, image: Path, tmp_path: Path) -> None:
        before = snapshot(image)
        answer = run(*FETCH, "out", "--json")
        assert answer.code == 0, answer.err
        assert '"status": "cached"' in answer.out
        assert read(tmp_path / "out") == LIBRARY_FILES
        assert run("env", *FETCH[1:5]).code == 0
        assert run("cache", "list").out.strip() == ""
        assert snapshot(image) == before
        for made in (tmp_path / "out").rglob("*"):
            assert made.is_dir() or made.lstat().st_nlink == 1  # nothing of it is linked

    def test_planted_files_in_it_are_not_used(self, run: Run, image: Path, tmp_path: Path) -> None:
        (library,) = image.rglob("libvec.a")
        found = library.stat()
        library.chmod(0o644)
        library.write_bytes(library.read_bytes()[::-1])
        os.utime(library, ns=(found.st_atime_ns, found.st_mtime_ns))
        run(*FETCH, "out").refused(3, "cannot be downloaded")
        assert not (tmp_path / "out/lib/libvec.a").exists()

    def test_a_header_too_many_makes_it_no_tree(self, run: Run, image: Path) -> None:
        (library,) = image.rglob("libvec.a")
        library.parent.chmod(0o755)
        library.with_name("stdio.h").write_text("#error")
        run(*FETCH, "out").refused(3, "cannot be downloaded")

    def test_one_that_others_can_write_is_refused(self, run: Run, image: Path) -> None:
        (image / "v1/trees").chmod(0o777)
        run(*FETCH, "out").refused(
            2, "others can write a folder of the store", "set CGO_PREBUILT_SYSTEM_CACHE to"
        )

    def test_a_relative_path_is_refused(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CGO_PREBUILT_SYSTEM_CACHE", "image")
        run("cache", "list").refused(2, "CGO_PREBUILT_SYSTEM_CACHE has no absolute path")

    @as_root
    def test_one_of_another_user_is_refused(self, run: Run, image: Path) -> None:
        give_away(image)
        run(*FETCH, "out").refused(
            2, "who could change what you link", "set CGO_PREBUILT_SYSTEM_CACHE to"
        )

    @as_root
    def test_env_works_for_a_user_without_a_place_to_write(
        self, run: Run, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Root's image, another uid, no home, no folder for temporary files."""
        env = ("env", *FETCH[1:5])
        assert run(*env).code == 0
        with tempfile.TemporaryDirectory() as name:  # which that user may enter
            place = Path(name)
            shutil.copytree(image, place / "image")
            shutil.copy(tmp_path / "lock", place / "lock")
            for path in (place, *place.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            monkeypatch.chdir(place)
            monkeypatch.setenv("CGO_PREBUILT_SYSTEM_CACHE", str(place / "image"))
            monkeypatch.setenv("CGO_PREBUILT_CACHE", "/proc/no-store")
            monkeypatch.setattr(tempfile, "tempdir", "/proc")
            os.seteuid(NOBODY)
            try:
                written = run(*env)
                monkeypatch.delenv("CGO_PREBUILT_CACHE")
                for variable in ("HOME", "XDG_CACHE_HOME"):
                    monkeypatch.delenv(variable, raising=False)
                monkeypatch.setattr(store_module, "home_by_account", lambda: "")
                homeless = run(*env)
            finally:
                os.seteuid(0)
                monkeypatch.chdir(tmp_path)
            for answer in (written, homeless):
                assert answer.code == 0, answer.err
                assert f"{place}/image/v1/trees/" in answer.out
                assert "this is for CGO_CFLAGS and CGO_LDFLAGS only" in answer.err
                assert "PKG_CONFIG_PATH=''" in answer.out
