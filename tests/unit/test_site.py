"""The site: its links lead somewhere, and it can be built."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.guide import REPOSITORY

URL = "https://example.com/ruleset"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The site's hook, which is loaded by its path as MkDocs does it."""
    spec = importlib.util.spec_from_file_location("pages", REPOSITORY / "docs/site/pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("folder", "link", "seen"),
    [
        ("", "docs/publish.md#lock", "publish.md#lock"),
        ("", "examples/duckdb", f"{URL}/blob/main/examples/duckdb"),
        ("docs", "publish.md", "publish.md"),
        ("docs", "../README.md#more", "index.md#more"),
        ("docs", "../tests/unit", f"{URL}/blob/main/tests/unit"),
        ("docs/reference", "../publish.md", "../publish.md"),
        ("docs/reference", "../../README.md", "../index.md"),
        ("docs", "https://bazel.build/a.md", "https://bazel.build/a.md"),
        ("docs", "#below", "#below"),
    ],
)
def test_a_link_is_turned_for_the_site(
    pages: ModuleType, folder: str, link: str, seen: str
) -> None:
    text, left = pages.site_links(f"[words]({link}) and more", folder, URL)
    assert text == f"[words]({seen}) and more"
    assert left == ([seen.removeprefix(f"{URL}/blob/main/")] if seen.startswith(URL + "/") else [])


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.py"))
    for page in tmp_path.rglob("*.html"):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        # A fence or a table that Markdown took for words.
        assert not re.search(r"```|^(?:<p>)?\| |\\\|", text, flags=re.MULTILINE), page.name
