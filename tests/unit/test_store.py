"""The store: what it finds again, what it heals, and what it leaves behind (nothing)."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path, PureWindowsPath

import pytest

import cgo_prebuilt
from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.network.partial import Partials, Sidecar
from cgo_prebuilt.storage import recorded_tree, sealing
from cgo_prebuilt.storage import store as store_module
from cgo_prebuilt.storage.link_mode import Method
from cgo_prebuilt.storage.materialize import materialize
from cgo_prebuilt.storage.store import Store, Tree, default_root, home_by_account, tree_key
from tests.unit.trees import (
    CONTENTS,
    find,
    locked,
    needs_mounts,
    put,
    read,
    read_only,
    tmpfs,
    write,
)

FILES = locked(CONTENTS)
KEY = tree_key(FILES)
LIBRARY = "lib/libvec.a"
PARTS = {f"lib/part{number}.a": bytes([number]) * 40_000 for number in range(8)}
NOW = float(int(time.time()))
DAY = 24 * 60 * 60


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def v1(store: Store) -> Path:
    return store.root / "v1"


def set_boot(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    for module in (store_module, recorded_tree):
        monkeypatch.setattr(module, "boot_id", lambda: name)


def names(store: Store, folder: str) -> list[str]:
    return sorted(path.name for path in (v1(store) / folder).iterdir())


def change(path: Path, data: bytes) -> None:
    """Writes a file of a tree as an editor would that has no regard for its mode."""
    path.chmod(0o644)
    path.write_bytes(data)


def flip_unseen(path: Path) -> None:
    """Flips a byte such that `stat` shows no difference."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    change(path, bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class TestDefaultRoot:
    @pytest.mark.parametrize(
        ("environ", "system", "expected"),
        [
            ({"HOME": "/home/u"}, "linux", "/home/u/.cache/cgo-prebuilt"),
            ({"HOME": "/home/u"}, "freebsd14", "/home/u/.cache/cgo-prebuilt"),
            ({"HOME": "/home/u", "XDG_CACHE_HOME": "/x"}, "linux", "/x/cgo-prebuilt"),
            ({"HOME": "/home/u", "XDG_CACHE_HOME": "x"}, "linux", "/home/u/.cache/cgo-prebuilt"),
            ({"HOME": "/home/u", "XDG_CACHE_HOME": ""}, "linux", "/home/u/.cache/cgo-prebuilt"),
            ({"HOME": "/Users/u"}, "darwin", "/Users/u/Library/Caches/cgo-prebuilt"),
            (
                {"HOME": "/Users/u", "XDG_CACHE_HOME": "/x"},
                "darwin",
                "/Users/u/Library/Caches/cgo-prebuilt",
            ),
            ({"HOME": "/home/u", "CGO_PREBUILT_CACHE": "/c"}, "linux", "/c"),
            ({"HOME": "/home/u", "CGO_PREBUILT_CACHE": ""}, "linux", "/home/u/.cache/cgo-prebuilt"),
            ({"CGO_PREBUILT_CACHE": "/c"}, "darwin", "/c"),
            (
                {"LOCALAPPDATA": r"C:\Users\u\AppData\Local"},
                "win32",
                r"C:\Users\u\AppData\Local\cgo-prebuilt\cache",
            ),
            ({"USERPROFILE": r"C:\U"}, "win32", r"C:\U\AppData\Local\cgo-prebuilt\cache"),
            ({"CGO_PREBUILT_CACHE": r"D:\c", "HOME": "/h"}, "win32", r"D:\c"),
        ],
    )
    def test_follows_the_systems_custom(
        self, environ: dict[str, str], system: str, expected: str
    ) -> None:
        assert PureWindowsPath(default_root(environ, system)) == PureWindowsPath(expected)

    @pytest.mark.parametrize(
        ("system", "expected"),
        [("linux", "/h/.cache/cgo-prebuilt"), ("darwin", "/h/Library/Caches/cgo-prebuilt")],
    )
    def test_without_variables_it_is_where_the_account_says(
        self, system: str, expected: str
    ) -> None:
        assert default_root({}, system, "/h") == Path(expected)
        assert default_root({"HOME": ""}, system, "/h") == Path(expected)
        assert default_root({"HOME": "/e"}, system, "/h") == Path(expected.replace("/h", "/e"))

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such database")
    def test_a_process_without_any_variable_has_the_same_store(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "cgo_prebuilt", "cache", "dir"],
            env={"PYTHONPATH": str(Path(cgo_prebuilt.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(default_root({}, sys.platform, home_by_account()))

    @pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
    def test_without_a_home_says_what_to_set(self, system: str) -> None:
        with pytest.raises(UsageError, match="no home folder") as caught:
            default_root({}, system)
        assert "set CGO_PREBUILT_CACHE" in str(caught.value)

    @pytest.mark.parametrize(
        ("system", "chosen"), [("linux", "cache"), ("linux", "~/cache"), ("win32", r"\cache")]
    )
    def test_a_relative_choice_is_refused(self, system: str, chosen: str) -> None:
        with pytest.raises(UsageError, match="CGO_PREBUILT_CACHE is not an absolute path"):
            default_root({"CGO_PREBUILT_CACHE": chosen, "HOME": "/h"}, system)


class TestTreeKey:
    def test_is_fixed_for_ever(self) -> None:
        files = [LockedFile("b", "0" * 64, 1), LockedFile("a é", "f" * 64, 0)]
        text = '[["a \\u00e9","' + "f" * 64 + '",0],["b","' + "0" * 64 + '",1]]'
        assert tree_key(files) == hashlib.sha256(text.encode()).hexdigest()
        assert tree_key(reversed(files)) == tree_key(files)

    def test_tells_path_hash_and_size_apart(self) -> None:
        keys = {
            tree_key([LockedFile("a", "0" * 64, 1)]),
            tree_key([LockedFile("b", "0" * 64, 1)]),
            tree_key([LockedFile("a", "1" * 64, 1)]),
            tree_key([LockedFile("a", "0" * 64, 2)]),
            tree_key([]),
        }
        assert len(keys) == 5


class TestPublishing:
    def test_a_published_tree_is_found_with_its_bytes(self, store: Store) -> None:
        assert find(store) is None
        published = put(store, label="vec v1 linux_amd64")
        assert find(store) == published
        assert read(published.files) == CONTENTS
        assert (published.size, published.label) == (
            sum(map(len, CONTENTS.values())),
            "vec v1 linux_amd64",
        )

    def test_nothing_is_left_in_staging(self, store: Store) -> None:
        put(store)
        assert names(store, "staging") == []

    def test_files_are_read_only_and_the_store_is_the_users_own(self, store: Store) -> None:
        tree = put(store)
        modes = {stat.S_IMODE((tree.files / path).stat().st_mode) for path in CONTENTS}
        assert modes == {0o444}
        assert stat.S_IMODE((tree.files / "include").stat().st_mode) == 0o755
        assert stat.S_IMODE(store.root.stat().st_mode) == 0o700

    def test_an_existing_root_keeps_its_mode(self, store: Store) -> None:
        store.root.mkdir(mode=0o755)
        put(store)
        assert stat.S_IMODE(store.root.stat().st_mode) == 0o755

    def test_side_files_beside_the_files_are_kept(self, store: Store) -> None:
        with store.staging(KEY) as staging:
            write(staging, CONTENTS)
            (staging.parent / "vec.pc").write_text("Name: vec")
            tree = store.publish(staging, KEY, FILES)
        assert (tree.folder / "vec.pc").read_text() == "Name: vec"

    def test_the_second_of_two_accepts_the_first(self, store: Store) -> None:
        with store.staging(KEY) as mine:
            write(mine, CONTENTS)
            winner = put(store)
            assert store.publish(mine, KEY, FILES) == winner
        assert names(store, "staging") == []
        assert names(store, "damaged") == []

    def test_an_error_while_staging_leaves_nothing(self, store: Store) -> None:
        def fetch() -> None:
            with store.staging(KEY) as staging:
                write(staging, CONTENTS)
                raise IntegrityError("wrong bytes", where="a file", remedy="try again")

        with pytest.raises(IntegrityError, match="wrong bytes"):
            fetch()
        assert names(store, "staging") == []
        assert find(store) is None

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda folder: (folder / LIBRARY).unlink(),
            lambda folder: (folder / LIBRARY).write_bytes(b"short"),
            lambda folder: (folder / "lib/extra.a").write_bytes(b""),
            lambda folder: (folder / "lib/link.a").symlink_to("/etc/passwd"),
            lambda folder: (folder / "lib/folder").symlink_to("/etc"),
            lambda folder: os.mkfifo(folder / "lib/fifo"),
        ],
        ids=["missing", "short", "extra", "link", "folder-link", "fifo"],
    )
    def test_only_exactly_the_locked_files_are_published(
        self, store: Store, spoil: Callable[[Path], object]
    ) -> None:
        with store.staging(KEY) as staging:
            write(staging, CONTENTS)
            spoil(staging)
            with pytest.raises(IntegrityError, match="not those that the lock names") as caught:
                store.publish(staging, KEY, FILES)
        assert "lib/" in str(caught.value)
        assert names(store, "trees") == []

    def test_a_path_with_spaces_and_non_ascii_letters(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "mein Spëicher 日本")
        contents = {"ü ß/läb rary.a": b"x"}
        tree = put(store, contents)
        assert find(store, contents) == tree

    def test_a_very_long_path(self, tmp_path: Path) -> None:
        root = tmp_path
        while len(str(root)) < 2000:
            root = root / ("d" * 200)
        store = Store(root)
        contents = {"/".join(["e" * 250] * 5) + "/" + "f" * 255: b"x"}
        tree = put(store, contents)
        assert find(store, contents) == tree

    def test_a_tree_without_files_is_a_tree(self, store: Store) -> None:
        assert find(store, {}) is None
        assert put(store, {}) == find(store, {})

    def test_without_a_boot_id_publishing_waits_for_the_disk(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        set_boot(monkeypatch, None)
        monkeypatch.setattr(os, "fsync", synced.append)
        assert put(store).unsynced_boot is None
        assert len(synced) == len(CONTENTS)


class TestDamage:
    """A store that is damaged is found out and put right: no marker is believed without its tree."""

    @pytest.fixture
    def tree(self, store: Store) -> Tree:
        return put(store)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda tree: change(tree.files / LIBRARY, b"!<arch>\n"),
            lambda tree: change(tree.files / LIBRARY, bytes(len(CONTENTS[LIBRARY]))),
            lambda tree: (tree.files / LIBRARY).unlink(),
            lambda tree: shutil.rmtree(tree.files),
            lambda tree: (tree.folder / "tree.json").unlink(),
            lambda tree: (tree.folder / "tree.json").write_bytes(b""),
            lambda tree: (tree.folder / "tree.json").write_bytes(b"\xff{"),
            lambda tree: (tree.folder / "tree.json").write_text("[" * 100_000),
            lambda tree: (tree.folder / "tree.json").write_text("[]"),
            lambda tree: (tree.folder / "tree.json").write_text('{"schema": 1}'),
            lambda tree: edit_record(tree, schema=1),
            lambda tree: edit_record(tree, key="0" * 64),
            lambda tree: edit_record(tree, files={}),
            lambda tree: edit_record(tree, files={LIBRARY: ["x"]}),
            lambda tree: edit_record(tree, files={LIBRARY: ["x", "y", 1, 1, 1]}),
            lambda tree: edit_record(tree, label=3),
            lambda tree: edit_record(tree, unsynced_boot=3),
            lambda tree: replace_by(tree, lambda folder: folder.write_text("a file")),
            lambda tree: replace_by(tree, lambda folder: folder.symlink_to("/nowhere")),
            lambda tree: replace_by(tree, lambda folder: folder.mkdir()),
            lambda tree: link_to_same_bytes(tree),
        ],
        ids=[
            "size changed",
            "bytes changed, same size",
            "file missing",
            "marker without its tree",
            "tree without its marker",
            "empty record",
            "record not text",
            "record nested without end",
            "record a list",
            "record incomplete",
            "record of another schema",
            "record of another tree",
            "record without files",
            "record of a file too short",
            "record of a file with a text",
            "label a number",
            "boot a number",
            "tree a file",
            "tree a dangling link",
            "tree an empty folder",
            "file a link",
        ],
    )
    def test_a_damaged_tree_is_not_found_and_the_next_one_takes_its_place(
        self, store: Store, tree: Tree, spoil: Callable[[Tree], object]
    ) -> None:
        spoil(tree)
        assert find(store) is None
        healed = put(store)
        assert find(store) == healed
        assert read(healed.files) == CONTENTS
        assert len(names(store, "damaged")) == 1

    def test_a_flipped_byte_behind_the_right_size_and_time_is_found(
        self, store: Store, tree: Tree
    ) -> None:
        """As by a write through a hard link whose author puts the time back."""
        flip_unseen(tree.files / LIBRARY)
        assert find(store) is None

    def test_where_files_are_verified_at_use_a_flipped_byte_is_for_verify(
        self, store: Store, tree: Tree
    ) -> None:
        flip_unseen(tree.files / LIBRARY)
        assert find(Store(store.root, verified_at_use=True)) is not None
        assert store.verify(KEY) == (LIBRARY,)
        assert find(store) is None
        assert len(names(store, "damaged")) == 1
        assert read(put(store).files) == CONTENTS

    def test_verify_of_a_sound_tree_finds_nothing_and_keeps_it(
        self, store: Store, tree: Tree
    ) -> None:
        assert store.verify(KEY) == ()
        found = find(store)
        assert found is not None
        assert found.unsynced_boot is None, "verifying put it onto the disk"

    def test_verify_names_every_bad_file_and_a_bad_record(self, store: Store, tree: Tree) -> None:
        (tree.files / LIBRARY).unlink()
        flip_unseen(tree.files / "include/vec.h")
        assert store.verify(KEY) == ("include/vec.h", LIBRARY)
        (put(store).folder / "tree.json").write_text("{")
        assert store.verify(KEY) == ("tree.json",)

    def test_verify_of_an_unknown_tree_is_a_usage_error(self, store: Store) -> None:
        with pytest.raises(UsageError, match="the store has no tree"):
            store.verify("0" * 64)

    def test_a_moved_store_is_still_good(self, store: Store, tree: Tree, tmp_path: Path) -> None:
        shutil.copytree(store.root, tmp_path / "moved")
        moved = Store(tmp_path / "moved")
        found = find(moved)
        assert found is not None
        assert read(found.files) == CONTENTS

    def test_a_restored_store_without_its_mtimes_is_hashed_once(
        self, store: Store, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for path in CONTENTS:
            os.utime(tree.files / path, (1, 1))
        assert find(store) is not None
        monkeypatch.setattr(recorded_tree, "hash_again", refuse_to_hash)
        assert find(store) is not None

    def test_a_second_look_hashes_nothing(
        self, store: Store, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorded_tree, "hash_again", refuse_to_hash)
        assert find(store) == tree

    def test_a_file_that_was_linked_is_hashed_once_unless_it_is_verified_at_use(
        self, store: Store, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = (tree.files / LIBRARY).stat().st_ctime_ns
        while (tree.files / LIBRARY).stat().st_ctime_ns == before:  # coarser than a loop is long
            os.link(tree.files / LIBRARY, tmp_path / "link")
            (tmp_path / "link").unlink()
        with monkeypatch.context() as patch:
            patch.setattr(recorded_tree, "hash_again", refuse_to_hash)
            assert find(Store(store.root, verified_at_use=True)) == tree
        assert find(store) is not None
        monkeypatch.setattr(recorded_tree, "hash_again", refuse_to_hash)
        assert find(store) is not None

    def test_what_materialize_has_linked_is_not_hashed_again(
        self, store: Store, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = materialize(tree, FILES, tmp_path / "out", (Method.HARDLINK, Method.COPY))
        assert sorted(made.relinked) == sorted(CONTENTS)
        store.record_links(tree, made.relinked)
        monkeypatch.setattr(recorded_tree, "hash_again", refuse_to_hash)
        assert find(store) is not None

    def test_what_was_touched_before_it_was_linked_is_hashed_again(
        self, store: Store, tree: Tree, tmp_path: Path
    ) -> None:
        flip_unseen(tree.files / LIBRARY)
        made = materialize(tree, FILES, tmp_path / "out", (Method.HARDLINK, Method.COPY))
        assert LIBRARY not in made.relinked
        store.record_links(tree, made.relinked)
        assert find(store) is None

    def test_another_boot_is_reason_to_hash_once(
        self, store: Store, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed = []

        def hash_again(path: Path, *args: object, **kwargs: object) -> object:
            hashed.append(path)
            return sealing.hash_again(path, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(recorded_tree, "hash_again", hash_again)
        set_boot(monkeypatch, "another boot")
        assert find(store) is not None
        assert len(hashed) == len(CONTENTS)
        set_boot(monkeypatch, "a third boot")
        assert find(store) is not None
        assert len(hashed) == len(CONTENTS), "what survived one boot is on the disk"

    def test_zeros_after_a_power_failure_are_found_out_though_stat_shows_nothing(
        self, store: Store, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flip_unseen(tree.files / LIBRARY)
        set_boot(monkeypatch, "another boot")
        assert find(store) is None

    def test_damaged_trees_do_not_pile_up(self, store: Store, tree: Tree) -> None:
        for _ in range(3):
            (tree.folder / "tree.json").unlink()
            put(store)
        assert len(names(store, "damaged")) == 1


def edit_record(tree: Tree, **changes: object) -> None:
    path = tree.folder / "tree.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def replace_by(tree: Tree, make: Callable[[Path], object]) -> None:
    shutil.rmtree(tree.folder)
    make(tree.folder)


def link_to_same_bytes(tree: Tree) -> None:
    """As it would be if a program had moved the library and left a link."""
    elsewhere = tree.folder / "elsewhere.a"
    (tree.files / LIBRARY).rename(elsewhere)
    (tree.files / LIBRARY).symlink_to(elsewhere)


def refuse_to_hash(*_args: object, **_kwargs: object) -> None:
    raise AssertionError("a file was hashed")


@needs_mounts
class TestReadOnlyStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with tmpfs(tmp_path / "mounted") as mounted:
            store = Store(mounted / "store")
            put(store)
            with read_only(mounted):
                yield store

    def test_finds_lists_and_verifies(self, store: Store) -> None:
        with store.exclusive(KEY), store.shared(KEY):
            assert find(store) is not None
        assert [tree.key for tree in store.list()] == [KEY]
        assert store.verify(KEY) == ()

    def test_finds_what_it_has_to_hash(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        set_boot(monkeypatch, "another boot")
        assert find(store) is not None

    def test_publishing_says_what_to_do(self, store: Store) -> None:
        with pytest.raises(UsageError, match="the store cannot be written: Read-only") as caught:
            put(store, {"other": b""})
        assert "set CGO_PREBUILT_CACHE to a folder that you can write" in str(caught.value)

    def test_pruning_says_so(self, store: Store) -> None:
        with pytest.raises(UsageError, match="the store cannot be written: Read-only"):
            store.prune(max_size=0, now=NOW)


def test_a_store_that_belongs_to_another_user_says_what_to_do(tmp_path: Path) -> None:
    with unprivileged(tmp_path), pytest.raises(UsageError) as caught:
        put(Store(tmp_path / "store"))
    assert "the store cannot be written: Permission denied" in str(caught.value)
    assert "set CGO_PREBUILT_CACHE to a folder that you can write" in str(caught.value)


def test_a_root_that_is_a_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        assert find(Store(root)) is None
        assert Store(root).list() == ()
        with pytest.raises(UsageError, match="the store cannot be written") as caught:
            put(Store(root))
        assert str(tmp_path / "file") in str(caught.value)


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Takes from this process the right to write into a folder; root loses it by being no one."""
    folder.chmod(0o500)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@needs_mounts
class TestFullDisk:
    """A disk that fills up at any stage is said, and leaves nothing half-written."""

    def test_at_every_stage(self, tmp_path: Path) -> None:
        outcomes = []
        # Below 8 pages not even the folders fit; 12 inodes and more are what the tree needs.
        for blocks, inodes in [(n, 100) for n in range(1, 110, 3)] + [
            (200, n) for n in range(1, 26)
        ]:
            with tmpfs(tmp_path / "disk", f"size={blocks * 4096},nr_inodes={inodes}") as disk:
                store = Store(disk / "store")
                refusal = refusal_of_publishing(store)
                outcomes.append(refusal is None)
                if refusal is None:
                    found = find(store, PARTS)
                    assert found is not None
                    assert read(found.files) == PARTS
                else:
                    assert "the disk of the store is full" in refusal
                    assert "free some space" in refusal
                    assert find(store, PARTS) is None
                    staging = v1(store) / "staging"
                    assert not staging.is_dir() or list(staging.iterdir()) == []
        assert outcomes[0] is False
        assert outcomes.count(False) > 40
        assert outcomes.count(True) > 3

    def test_there_is_room_again_after_it_was_full(self, tmp_path: Path) -> None:
        with tmpfs(tmp_path / "disk", "size=256k") as disk:
            store = Store(disk / "store")
            assert "full; 0.3 MB are needed, 0.0 MB are free" in str(refusal_of_publishing(store))
            assert put(store) == find(store)

    def test_a_full_disk_that_an_extractor_reports_is_said_alike(self, store: Store) -> None:
        def extract() -> None:
            with store.staging(KEY, size=5_000_000):
                try:
                    raise OSError(errno.ENOSPC, "No space left on device")
                except OSError as error:
                    raise UsageError(
                        "'lib/a.a' cannot be written", where="a file", remedy="try again"
                    ) from error

        with pytest.raises(UsageError, match=r"the disk of the store is full; 5\.0 MB are needed"):
            extract()

    def test_an_error_that_is_not_the_disks_is_not_made_one(self, store: Store) -> None:
        with pytest.raises(ConnectionResetError), store.staging(KEY):
            raise ConnectionResetError(errno.ECONNRESET, "reset")


def refusal_of_publishing(store: Store) -> str | None:
    try:
        put(store, PARTS)
    except UsageError as error:
        return str(error)
    return None


class TestLocking:
    def test_one_waits_for_the_other_and_is_told_once(self, store: Store) -> None:
        told = threading.Event()
        entered = threading.Event()

        def second() -> None:
            with store.exclusive(KEY, on_wait=told.set) as locked:
                assert locked
                entered.set()

        other = threading.Thread(target=second)
        with store.exclusive(KEY, on_wait=lambda: pytest.fail("nobody has it")) as is_locked:
            assert is_locked
            other.start()
            assert told.wait(60)
            assert not entered.is_set()
        other.join(60)
        assert entered.is_set()

    def test_other_keys_do_not_wait(self, store: Store) -> None:
        refuse = lambda: pytest.fail("it waits")  # noqa: E731
        with store.exclusive(KEY), store.exclusive("0" * 64, on_wait=refuse) as locked:
            assert locked

    def test_readers_share(self, store: Store) -> None:
        with store.shared(KEY) as first, store.shared(KEY) as second:
            assert first
            assert second

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
    def test_a_file_system_without_locks_is_gone_on_without(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def flock(*_args: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("fcntl.flock", flock)
        with store.exclusive(KEY) as locked:
            assert not locked
            assert put(store) == find(store)
        assert store.prune(max_size=0, now=NOW).kept == ()

    def test_with_a_lock_that_does_nothing_all_racers_get_the_right_tree(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fcntl.flock", lambda *_: None)
        trees: list[Tree] = []
        together = threading.Barrier(8)

        def race() -> None:
            with store.exclusive(KEY), store.staging(KEY) as staging:
                write(staging, CONTENTS)
                together.wait(60)
                trees.append(store.publish(staging, KEY, FILES))

        threads = [threading.Thread(target=race) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(trees) == 8
        assert len({tree.records[LIBRARY].inode for tree in trees}) == 1
        assert read(trees[0].files) == CONTENTS
        assert names(store, "staging") == []
        assert names(store, "damaged") == []

    def test_without_a_folder_for_locks_it_goes_on(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with Store(tmp_path / "file").exclusive(KEY) as locked:
            assert not locked


EIGHTH = r"""
import sys
from pathlib import Path
from cgo_prebuilt.storage.materialize import materialize
from cgo_prebuilt.storage.store import Store, tree_key
from tests.unit.trees import CONTENTS, find, locked, put

root, output, log = map(Path, sys.argv[1:])
store, files = Store(root), locked(CONTENTS)
sys.stdin.readline()
with store.exclusive(tree_key(files)):
    tree = find(store)
    if tree is None:
        with log.open("a") as file:
            file.write("download\n")
        tree = put(store)
materialize(tree, files, output)
"""


def test_eight_processes_make_one_tree(tmp_path: Path) -> None:
    """Eight processes that fetch the same library, half of them into the same folder."""
    log = tmp_path / "log"
    outputs = [tmp_path / f"out{number % 5}" for number in range(8)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EIGHTH, tmp_path / "store", output, log],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for output in outputs
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()  # now
    assert [process.wait(60) for process in processes] == [0] * 8
    assert log.read_text() == "download\n"
    assert all(read(output) == CONTENTS for output in outputs)
    assert names(Store(tmp_path / "store"), "staging") == []


class TestAbandoned:
    def test_staging_of_a_dead_process_goes_with_the_next_publication(self, store: Store) -> None:
        put(store)
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        dead = temporary_name().replace(f"-{os.getpid()}-", f"-{process.pid}-")
        write(v1(store) / "staging" / f"{dead}-key", CONTENTS)
        with store.staging(KEY):
            assert len(names(store, "staging")) == 1

    def test_staging_of_a_living_process_stays(self, store: Store) -> None:
        with store.staging(KEY) as first, store.staging(KEY):
            assert first.is_dir()
            assert store.prune(now=NOW).leftovers == 0
            assert first.is_dir()

    def test_staging_of_another_machine_stays_for_a_day(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(store)
        other = v1(store) / "staging" / ".cgo-prebuilt-another.1-1-abc"
        other.mkdir()
        assert store.prune(now=NOW).leftovers == 0
        later = time.time() + DAY + 60
        monkeypatch.setattr("time.time", lambda: later)
        assert store.prune(now=NOW).leftovers == 1
        assert not other.exists()

    def test_stale_partials_and_damaged_trees_are_pruned(self, store: Store) -> None:
        tree = put(store)
        (tree.folder / "tree.json").unlink()
        put(store)
        for name, age in [("fresh", 60), ("stale", 2 * DAY), ("future", -2 * DAY)]:
            (store.partials / name).write_text("")
            os.utime(store.partials / name, (NOW - age, NOW - age))
        assert store.prune(now=NOW).leftovers == 3
        assert names(store, "partial") == ["fresh"]
        assert names(store, "damaged") == []
        assert find(store) is not None

    def test_an_unfinished_download_is_pruned_by_age_unless_a_fetch_uses_it(
        self, store: Store
    ) -> None:
        put(store)
        partials = Partials(store.partials)

        def age() -> None:
            for path in store.partials.iterdir():
                os.utime(path, (NOW - 3600, NOW - 3600))

        with partials.claim("a") as one, partials.claim("a") as other:
            one.record(Sidecar("https://h/a", '"v1"', 10))
            assert other.private
            age()
            assert store.prune(timedelta(0), now=NOW).leftovers == 0
            assert len(names(store, "partial")) == 3
        age()
        assert names(store, "partial") == ["a.partial", "a.partial.json"]
        for older_than in (None, timedelta(hours=2), timedelta(days=30)):
            assert store.prune(older_than, 0, now=NOW).leftovers == 0
        assert store.prune(timedelta(0), now=NOW).leftovers == 2
        assert names(store, "partial") == []


class TestPruning:
    @pytest.fixture
    def keys(self, store: Store) -> list[str]:
        """Trees of 1000, 2000 and 3000 bytes, last used 30, 20 and 10 days ago."""
        keys = []
        for thousands in (1, 2, 3):
            tree = put(store, {"lib": bytes([thousands]) * 1000 * thousands})
            used = NOW - (4 - thousands) * 10 * DAY
            os.utime(tree.folder / "used", (used, used))
            keys.append(tree.key)
        return keys

    def kept(self, store: Store) -> list[str]:
        return [tree.key for tree in store.list()]

    def test_list_returns_the_least_recently_used_first(
        self, store: Store, keys: list[str]
    ) -> None:
        assert [(t.key, t.size, t.files) for t in store.list()] == [
            (keys[0], 1000, 1),
            (keys[1], 2000, 1),
            (keys[2], 3000, 1),
        ]
        assert store.list()[0].last_used == NOW - 30 * DAY

    def test_nothing_asked_nothing_removed(self, store: Store, keys: list[str]) -> None:
        pruned = store.prune(now=NOW)
        assert (pruned.removed, pruned.leftovers) == ((), 0)
        assert [tree.key for tree in pruned.kept] == keys == self.kept(store)

    def test_by_age(self, store: Store, keys: list[str]) -> None:
        pruned = store.prune(older_than=timedelta(days=15), now=NOW)
        assert [tree.key for tree in pruned.removed] == keys[:2]
        assert self.kept(store) == keys[2:]
        assert names(store, "staging") == []

    def test_by_size_the_least_recently_used_first(self, store: Store, keys: list[str]) -> None:
        assert store.prune(max_size=6000, now=NOW).removed == ()
        assert [t.key for t in store.prune(max_size=5999, now=NOW).removed] == keys[:1]
        assert [t.key for t in store.prune(max_size=0, now=NOW).removed] == keys[1:]

    def test_finding_a_tree_is_using_it(self, store: Store, keys: list[str]) -> None:
        assert find(store, {"lib": b"\1" * 1000}) is not None
        assert self.kept(store) == [keys[1], keys[2], keys[0]]

    @pytest.mark.parametrize("use", [Store.exclusive, Store.shared])
    def test_what_is_in_use_stays(
        self,
        store: Store,
        keys: list[str],
        use: Callable[[Store, str], AbstractContextManager[bool]],
    ) -> None:
        with use(store, keys[0]):
            pruned = store.prune(max_size=0, now=NOW)
        assert pruned.in_use == (keys[0],)
        assert self.kept(store) == [keys[0]]

    def test_a_clock_that_went_backwards_does_not_keep_a_tree_for_ever(
        self, store: Store, keys: list[str]
    ) -> None:
        used = v1(store) / "trees" / keys[2] / "used"
        os.utime(used, (NOW + 1000 * DAY, NOW + 1000 * DAY))
        assert store.prune(older_than=timedelta(days=40), now=NOW).removed == ()
        assert used.stat().st_mtime == NOW, "from now on it ages"
        pruned = store.prune(older_than=timedelta(days=1), now=NOW + 2 * DAY)
        assert keys[2] in [tree.key for tree in pruned.removed]

    def test_a_clock_that_went_backwards_does_not_spoil_what_is_found(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = put(store)
        monkeypatch.setattr("time.time", lambda: 0.0)
        assert find(store) == tree
        assert put(store, {"lib": b"older"}) == find(store, {"lib": b"older"})

    def test_a_damaged_tree_can_be_pruned(self, store: Store, keys: list[str]) -> None:
        (v1(store) / "trees" / keys[0] / "tree.json").write_text("{")
        assert store.prune(older_than=timedelta(days=15), now=NOW).in_use == ()
        assert self.kept(store) == keys[2:]

    def test_of_a_store_that_is_not_there_does_nothing(self, store: Store) -> None:
        assert store.list() == ()
        assert store.prune(max_size=0, now=NOW).removed == ()
        assert not store.root.exists()
