"""Fit docs/ and the README for the site; links out of docs/ go to the repository."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]

_LINK = re.compile(r"(\]\()([^)\s#][^)\s]*)(?=\))")
_CELL = re.compile(r"<td>.*?</td>", flags=re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z]+:")
_LOG = get_plugin_logger("pages")


def site_links(text: str, folder: str, repository_url: str) -> tuple[str, list[str]]:
    """Make the links of a page into the site's.

    Args:
        text: The page, in Markdown.
        folder: Where it is in the repository; empty for the top.
        repository_url: Where the files are that are not on the site.

    Returns:
        The text, and the paths that it leads to outside docs/, relative to the repository.
    """
    left: list[str] = []

    def changed(match: re.Match[str]) -> str:
        before, target = match.groups()
        if _ELSEWHERE.match(target):
            return match[0]
        path, mark, anchor = target.partition("#")
        place = posixpath.normpath(posixpath.join(folder, path))
        if place == "README.md":
            # It is shown as if it were in docs/.
            return before + posixpath.relpath("docs/index.md", folder) + mark + anchor
        if place.startswith("docs/"):
            return before + posixpath.relpath(place, folder or "docs") + mark + anchor
        left.append(place)
        return f"{before}{repository_url}/blob/main/{place}{mark}{anchor}"

    return _LINK.sub(changed, text), left


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the first page (an event of the site generator)."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn a page's links for the site; warn about one that leads nowhere (an event)."""
    source = page.file.src_uri
    folder = "" if source == "index.md" else posixpath.dirname(f"docs/{source}")
    text, left = site_links(markdown, folder, str(config.repo_url))
    for place in left:
        if not (REPOSITORY / place).exists():
            _LOG.warning("%s links to %s, which is not there", source, place)
    return text


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show an escaped bar in a table's cell as a bar, in code too, as GitHub does (an event)."""
    return _CELL.sub(lambda cell: cell[0].replace(r"\|", "|"), html)
