"""The ways in which files get out of the store, and what `auto` means."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.settings import LINK_MODES, link_mode_of, patience_of
from cgo_prebuilt.storage.link_mode import Method, may_share, methods_of
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, archive_of, lock, write_files

REFLINK, HARDLINK, COPY = Method


@pytest.mark.parametrize(
    ("mode", "hard_links", "methods"),
    [
        ("auto", True, (REFLINK, HARDLINK, COPY)),
        ("auto", False, (REFLINK, COPY)),
        ("reflink", True, (REFLINK, COPY)),
        ("hardlink", False, (HARDLINK, COPY)),
        ("copy", True, (COPY,)),
    ],
)
def test_a_mode_is_tried_and_then_a_copy(
    mode: str, hard_links: bool, methods: tuple[Method, ...]
) -> None:
    assert methods_of(mode, hard_links=hard_links) == methods


@pytest.mark.parametrize(
    ("is_root", "rules", "shares"),
    [
        (True, None, False),
        (False, None, True),
        (True, True, True),
        (False, False, False),
    ],
    ids=["root at a prompt", "a user at a prompt", "verified at use", "a Bazel that fetches again"],
)
def test_root_shares_a_file_only_where_it_is_verified_at_use(
    is_root: bool, rules: bool | None, shares: bool
) -> None:
    assert may_share(is_root=is_root, rules=rules) is shares


def test_the_command_line_overrides_the_variable_and_that_the_module_file() -> None:
    variable = {"CGO_PREBUILT_LINK_MODE": "copy"}
    assert link_mode_of(variable, "hardlink", "reflink") == "hardlink"
    assert link_mode_of(variable, None, "reflink") == "copy"
    assert link_mode_of({}, None, "reflink") == "reflink"
    assert link_mode_of({"CGO_PREBUILT_LINK_MODE": ""}, None, None) == "auto"
    with pytest.raises(UsageError, match="'symlink' is not a link mode") as caught:
        link_mode_of({"CGO_PREBUILT_LINK_MODE": "symlink"}, "copy", None)
    assert caught.value.remedy == f"use one of {', '.join(LINK_MODES)}"


def test_seconds_to_wait_are_a_number() -> None:
    assert patience_of({}, 60) == 60
    assert patience_of({"CGO_PREBUILT_WAIT_SECONDS": "0.5"}, 60) == 0.5
    for text in ("inf", "-1", "1e9", "soon", "1" * 400):
        with pytest.raises(UsageError, match="is not a number of seconds"):
            patience_of({"CGO_PREBUILT_WAIT_SECONDS": text}, 60)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    write_files(tmp_path, {"vec.tar.gz": archive_of(FILES)})
    (tmp_path / "lock").write_text(format_lock(lock((tmp_path / "vec.tar.gz").as_uri())))
    return runner(tmp_path, monkeypatch, capsys)


def names_of_the_library(run: Run, tmp_path: Path, *options: str) -> int:
    """How many names the library's file has after a fetch: two where it is a hard link."""
    fetch = ("fetch", "--lock", "lock", "--platform", "linux_amd64", "--output", "out")
    answer = run(*fetch, *options)
    assert answer.code == 0, answer.err
    return (tmp_path / "out/lib/libvec.a").stat().st_nlink


def test_a_link_mode_is_obeyed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names_of_the_library(run, tmp_path, "--link-mode", "copy") == 1
    (tmp_path / "out/lib/libvec.a").unlink()
    monkeypatch.setenv("CGO_PREBUILT_LINK_MODE", "hardlink")
    assert names_of_the_library(run, tmp_path, "--default-link-mode", "copy") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="where reflinks are, there are no hard links")
def test_a_file_that_root_shares_is_one_that_bazel_compares(run: Run, tmp_path: Path) -> None:
    shared = 1 if os.geteuid() == 0 else 2
    assert names_of_the_library(run, tmp_path) == shared
    (tmp_path / "out/lib/libvec.a").unlink()
    assert names_of_the_library(run, tmp_path, "--auto-hard-links=no") == 1
    (tmp_path / "out/lib/libvec.a").unlink()
    assert names_of_the_library(run, tmp_path, "--auto-hard-links=yes") == 2
