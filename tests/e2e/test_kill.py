"""A kill at any instant leaves nothing half-written, and the next run succeeds."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

from cgo_prebuilt import cli
from cgo_prebuilt.commands.python_packages import install
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.storage.materialize import materialize
from cgo_prebuilt.storage.store import Store, tree_key
from tests.e2e.kill_loop import forked, kill_at_random_instants
from tests.unit.library_case import write_files, write_manifest
from tests.unit.test_python_packages import environment, installed, requirement
from tests.unit.trees import find, locked, put, read

CONTENTS = {f"lib{n % 3}/part{n}.a": bytes([n]) * 150_000 for n in range(12)}
FILES = locked(CONTENTS)
KEY = tree_key(FILES)


def refuse_to_link(*_: object) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("has_links", [True, False], ids=["links", "copies"])
def test_the_store_and_the_output_are_right_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    store = Store(tmp_path / "store")
    staging, damaged = (tmp_path / "store" / "v1" / name for name in ("staging", "damaged"))
    output = tmp_path / "output"
    if not has_links:
        monkeypatch.setattr(os, "link", refuse_to_link)

    def begin(number: int) -> None:
        shutil.rmtree(output, ignore_errors=True)
        if number % 3:  # else only the output is made again
            store.prune(max_size=0, now=time.time())

    def work() -> None:
        with store.exclusive(KEY):
            tree = find(store, CONTENTS) or put(store, CONTENTS)
        materialize(tree, FILES, output)

    def check() -> None:
        found = find(store, CONTENTS)
        assert found is not None
        assert read(found.files) == CONTENTS
        assert read(output) == CONTENTS, "and nothing else"
        assert list(damaged.iterdir()) == [], "nothing half-written was ever under a final name"
        assert len(list(staging.iterdir())) <= 1, "what was killed does not pile up"

    kill_at_random_instants(forked(work), instants=25, begin=begin, check=check)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_fetchers_packages_are_right_after_a_kill(tmp_path: Path) -> None:
    names = {"requests": "carrot", "decoders": "potato"}
    wanted = {name: requirement(tmp_path, name, package) for name, package in names.items()}
    store = Store(tmp_path / "store").packages
    output = tmp_path / "output"

    def begin(number: int) -> None:
        shutil.rmtree(output, ignore_errors=True)  # as Bazel does before it runs a rule again
        if number % 3:  # else they are only copied again
            store.prune(max_size=0, now=time.time())

    def work() -> None:
        assert install(wanted, output, environment(tmp_path), store) == ""

    def check() -> None:
        assert installed(output) == set(names.values())
        (tree,) = store.list()
        assert store.verify(tree.key) == ()

    kill_at_random_instants(forked(work), instants=6, begin=begin, check=check)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_an_archive_is_packed_whole_after_a_kill(tmp_path: Path) -> None:
    write_files(tmp_path / "built")
    (tmp_path / "built/lib/libvec.a").write_bytes(
        b"!<arch>\n" + random.Random(1).randbytes(20 << 20)
    )
    manifest = write_manifest(tmp_path / "prebuilt.yaml", archives=[{"file": "vec.tar.zst"}])
    dist, hashes = tmp_path / "dist", set[str]()
    words = ("pack", manifest, "--platform", "linux_amd64", "--from", tmp_path / "built")

    def work() -> None:
        assert cli.main([*map(str, words), "--output", str(dist)]) == 0

    def check() -> None:
        hashes.add(sha256_of(dist / "vec.tar.zst")[0])
        (digest,) = hashes
        assert (dist / "SHA256SUMS").read_text() == f"{digest}  vec.tar.zst\n"
        assert len(list(dist.iterdir())) == 2, "what was killed left nothing"

    kill_at_random_instants(
        forked(work),
        instants=8,
        begin=lambda _: shutil.rmtree(dist, ignore_errors=True),
        check=check,
    )
