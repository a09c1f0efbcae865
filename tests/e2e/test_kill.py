"""Killed at any instant: nothing half-written is ever found, and the next run is right."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from cgo_prebuilt.storage.materialize import materialize
from cgo_prebuilt.storage.store import Store, tree_key
from tests.e2e.kill_loop import forked, kill_at_random_instants
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
