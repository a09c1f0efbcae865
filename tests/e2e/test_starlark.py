"""`bazel test //...` in this repository, which runs the Starlark tests; docs of the rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reference.extracts import extracts
from reference.pages import FOLDER
from reference.rules_page import rules_page
from tests.e2e.bazel_workspace import NEWER_RC, REPOSITORY, Tools, Workspace

OPTIONS = ["--symlink_prefix=/", "--lockfile_mode=off", "--noshow_progress"]


@pytest.fixture(scope="module")
def repository(bazel_tools: Tools) -> Iterator[Workspace]:
    """This checkout, as a workspace."""
    one = Workspace(REPOSITORY, bazel_tools, {})
    yield one
    one.bazel("shutdown")


def test_the_starlark_tests_pass_with_flags_of_newer_bazels(repository: Workspace) -> None:
    if not repository.tools.is_seven():
        pytest.skip("this Bazel is newer itself")
    tools = replace(repository.tools, startup=(f"--bazelrc={NEWER_RC}",))
    newer = replace(repository, tools=tools)
    tested = newer.bazel("test", *OPTIONS, "--config=newer", "//tests/starlark/...")
    assert tested.code == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("newer", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_presubmit_of_the_central_registry_passes(
    bazel_tools: Tools, tmp_path: Path, newer: bool
) -> None:
    """`.bcr/presubmit.yml` names the workspace."""
    startup = (f"--bazelrc={NEWER_RC}",) if newer and bazel_tools.is_seven() else ()
    config = ("--config=newer",) if startup else ()
    presubmit = Workspace(
        REPOSITORY / "tests/bcr",
        replace(bazel_tools, startup=startup),
        {"CGO_PREBUILT_CACHE": str(tmp_path / "store")},
    )
    tested = presubmit.bazel("test", *OPTIONS, *config, "//...")
    presubmit.bazel("shutdown")
    assert tested.code == 0, tested.stdout + tested.stderr
    assert "//:linked_test" in tested.stdout + tested.stderr


def test_bazel_test_passes_in_the_repository(repository: Workspace) -> None:
    # Only one module of pytest's tests, since this run already includes them all.
    pytest_options = [
        f"--test_env=VIRTUAL_ENV={sys.prefix}",
        "--test_arg=tests/unit/test_platforms.py",
    ]
    tested = repository.bazel("test", *OPTIONS, *pytest_options, "//...")
    assert tested.code == 0, tested.stdout + tested.stderr
    assert "tests pass" in tested.stdout + tested.stderr


def test_the_reference_of_the_rules_is_current(repository: Workspace) -> None:
    page = rules_page(extracts(lambda *words: repository.bazel(*words).checked().stdout))
    assert (FOLDER / "rules.md").read_text(encoding="utf-8") == page, "run `make docs`"


def test_the_labels_of_the_reference_exist(repository: Workspace) -> None:
    text = (FOLDER / "names.md").read_text(encoding="utf-8")
    found = re.findall(r"@rules_cgo_prebuilt(//[\w./:]+)`(?:, `(:[\w.]+)`)?", text)
    labels = [label for label, _ in found]
    labels += [label.partition(":")[0] + other for label, other in found if other]
    assert len(labels) == 13
    repository.bazel("query", "--lockfile_mode=off", " + ".join(labels)).checked()
