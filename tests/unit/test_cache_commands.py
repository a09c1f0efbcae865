"""The `cache` verbs, on a store with one library in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.storage.store import Store
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, LIBRARY, archive_of, lock, write_files
from tests.unit.trees import put

SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands beside a store that has the library."""
    run = runner(tmp_path, monkeypatch, capsys)
    write_files(tmp_path, {"vec.tar.gz": archive_of(FILES)})
    (tmp_path / "lock").write_text(format_lock(lock((tmp_path / "vec.tar.gz").as_uri())))
    fetch = ("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "out")
    assert run(*fetch).code == 0
    return run


def test_dir_is_where_the_store_is(run: Run, tmp_path: Path) -> None:
    assert run("cache", "dir").out == f"{tmp_path / 'store'}\n"


def test_list_names_the_trees(run: Run) -> None:
    (tree,) = json.loads(run("cache", "list", "--json").out)["trees"]
    assert tree["size"] == SIZE
    line = run("cache", "list").out
    assert line.startswith(tree["key"][:16])
    assert line.endswith("vec v1.2.3 linux_amd64\n")


def test_verify_hashes_every_file_again(run: Run, tmp_path: Path) -> None:
    assert "  ok       vec v1.2.3 linux_amd64" in run("cache", "verify").out
    (library,) = (tmp_path / "store").rglob("libvec.a")
    library.chmod(0o644)
    library.write_bytes(LIBRARY[::-1])
    answer = run("cache", "verify")
    answer.refused(4, "the store was damaged: vec v1.2.3 linux_amd64: lib/libvec.a")
    assert "  damaged  " in answer.out
    assert run("cache", "verify").out == ""


def test_verify_answers_in_json(run: Run, tmp_path: Path) -> None:
    listed = json.loads(run("cache", "list", "--json").out)
    assert json.loads(run("cache", "verify", "--json").out) == listed
    (library,) = (tmp_path / "store").rglob("libvec.a")
    library.unlink()
    answer = run("cache", "verify", "--json")
    assert answer.code == 4
    failed = json.loads(answer.out)
    assert failed["error"] == "the store was damaged: vec v1.2.3 linux_amd64: lib/libvec.a"
    assert failed["kind"] == "integrity"


def test_prune_removes_trees_beyond_the_limit(run: Run) -> None:
    kept = run("cache", "prune", "--older-than", "12h")
    assert (kept.out, kept.err) == ("", "1 kept, 10.3 kB\n")
    done = json.loads(run("cache", "prune", "--max-size", "20G", "--json").out)
    assert (len(done["kept"]), done["removed"]) == (1, [])
    removed = run("cache", "prune", "--max-size", "1k")
    assert removed.out.endswith("  removed  vec v1.2.3 linux_amd64\n")
    assert removed.err == "0 kept, 0 B\n"
    assert run("cache", "list").out == ""


def test_the_fetchers_python_packages_have_rows_of_their_own(run: Run, tmp_path: Path) -> None:
    packages = Store(tmp_path / "store").packages
    put(packages, {"carrot/__init__.py": b"carrot = 1\n"}, "a label")
    row = run("cache", "list").out.splitlines()[1]
    assert row.endswith("  a label")
    assert "  ok       a label" in run("cache", "verify").out
    next(packages.root.rglob("__init__.py")).unlink()
    run("cache", "verify").refused(4, "the store was damaged: a label: carrot/__init__.py")
    put(packages, {"carrot/__init__.py": b"carrot = 1\n"}, "a label")
    # Both count: the room that the library leaves is too small.
    removed = run("cache", "prune", "--max-size", str(SIZE + 10))
    assert removed.out.endswith("  removed  a label\n")
    assert removed.err == "1 kept, 10.3 kB\n"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--older-than", "30", "'30' is not an age such as 12h, 30d or 8w"),
        ("--older-than", "9" * 12 + "w", "w' is too long"),
        ("--max-size", "20g", "'20g' is not a size such as 500M or 20G"),
    ],
)
def test_prune_says_how_an_age_and_a_size_are_written(
    run: Run, option: str, value: str, words: str
) -> None:
    answer = run("cache", "prune", option, value)
    assert answer.code == 2
    assert words in answer.err
    assert run("cache", "list").out
