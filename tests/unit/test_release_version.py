"""The version stands in one place, and its copies are equal to it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt import __version__
from release.version import SOURCE, copies, places, stamp, stated

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = '"""Docs."""\n\nmodule(\n    name = "rules_cgo_prebuilt",\n    version = "{}",\n)\n'
README = '`bazel_dep(name = "rules_cgo_prebuilt", version = "{}")`, bazel_dep(name = "go", version = "1")\n'

# Debian's Bazel, which CI may run these tests in, has a root of its own.
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def test_every_copy_is_the_version() -> None:
    assert stated((REPOSITORY / SOURCE).read_text()) == __version__
    found = places(REPOSITORY)
    assert {"MODULE.bazel", "README.md", "tests/bcr/MODULE.bazel"} <= set(found)
    wrong = {name for name, text in found.items() if set(copies(text)) != {__version__}}
    assert wrong == set(), "run `python3 -m release stamp`"


def test_stamping_copies_the_version_to_where_it_is_named_and_changes_nothing_else(
    tmp_path: Path,
) -> None:
    files = {
        SOURCE: '"""Docs."""\n\n__version__ = "1.10.0"\n',
        "MODULE.bazel": MODULE.format("1.9.0"),
        "docs/use.md": README.format("0.1.0"),
        "docs/other.md": 'bazel_dep(name = "rules_go", version = "1.9.0")\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert stamp(tmp_path) == ["MODULE.bazel", "docs/use.md"]
    assert (tmp_path / "MODULE.bazel").read_text() == MODULE.format("1.10.0")
    assert (tmp_path / "docs/use.md").read_text() == README.format("1.10.0")
    assert stamp(tmp_path) == []
