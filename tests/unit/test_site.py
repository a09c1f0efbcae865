"""The site: its links lead somewhere, and it can be built."""

from __future__ import annotations

import importlib.util
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
    """The script that builds the site."""
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


def test_a_bar_in_the_code_of_a_table_loses_its_backslash(pages: ModuleType) -> None:
    text = "a `x\\|y` b\n\n| `x\\|y` | z \\| z |\n"
    assert pages.plain_bars(text) == "a `x\\|y` b\n\n| `x|y` | z \\| z |\n"


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("<code>short_name</code>", "<code>short_name</code>"),
        (
            "<code>a_long_name::of.a/test</code>",
            "<code>a_<wbr>long_<wbr>name::<wbr>of.<wbr>a/<wbr>test</code>",
        ),
        ("<code>--a-very-long-option</code>", "<code>--a-very-long-option</code>"),
        ("<pre><code>a_long_name_in_a_block</code></pre>",) * 2,
        ("<code><a href='a_long/path_of'>x</a></code>",) * 2,
    ],
)
def test_long_code_may_break_between_its_words(pages: ModuleType, page: str, seen: str) -> None:
    assert pages.breakable(page) == seen


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="zensical, which needs Python 3.11, is not installed")
    site = tmp_path / "site"
    command = [sys.executable, str(REPOSITORY / "docs/site/pages.py"), str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(site.rglob("*.py"))
    for page in site.rglob("*.html"):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        # A fence or a table that Markdown took for words.
        assert not re.search(r"```|^(?:<p>)?\| |\\\|", text, flags=re.MULTILINE), page.name


@pytest.mark.parametrize(
    ("page", "text", "complaint"),
    [
        ("docs/quick-start.md", "[a](nowhere.md)", "page does not exist"),
        ("docs/quick-start.md", "[a](consume.md#nowhere)", "anchor does not exist"),
        ("docs/quick-start.md", "[a](../nowhere)", "links to nowhere, which does not exist"),
        ("docs/extra.md", "# Extra", "extra.md is not in the navigation"),
    ],
)
def test_a_broken_link_or_a_lost_page_fails(
    pages: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    page: str,
    text: str,
    complaint: str,
) -> None:
    pytest.importorskip("zensical", reason="zensical, which needs Python 3.11, is not installed")
    (tmp_path / "docs").mkdir()
    nav = "site_name: x\nrepo_url: https://example.com\ndocs_dir: docs\nsite_dir: dist/site\n"
    nav += "nav: [Home: index.md, A: quick-start.md, B: consume.md]\n"
    for name, content in {
        "README.md": "# Home",
        "mkdocs.yml": nav,
        "docs/quick-start.md": "# A",
        "docs/consume.md": "# B",
        page: text,
    }.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(pages, "REPOSITORY", tmp_path)
    assert pages.main(tmp_path / "site") == 1
    assert complaint in capfd.readouterr().err
