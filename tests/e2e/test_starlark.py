"""`bazel test //...` of this repository itself, which runs the Starlark tests."""

from __future__ import annotations

from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace


def test_bazel_test_passes_in_the_repository(bazel_tools: Tools) -> None:
    repository = Workspace(REPOSITORY, bazel_tools, {})
    options = ["--symlink_prefix=/", "--lockfile_mode=off", "--noshow_progress"]
    try:
        tested = repository.bazel("test", *options, "//...")
        assert tested.code == 0, tested.stdout + tested.stderr
        assert "tests pass" in tested.stdout + tested.stderr
    finally:
        repository.bazel("shutdown")
