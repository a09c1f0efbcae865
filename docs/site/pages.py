"""Build the site of docs/ and the README: `python docs/site/pages.py FOLDER`.

Zensical renders the pages and refuses broken links. This script prepares copies of them: the README
becomes the first page, links out of docs/ lead to the repository, and code breaks between words only.
"""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGURATION = "mkdocs.yml"

_LINK = re.compile(r"(\]\()([^)\s#][^)\s]*)(?=\))")
_ELSEWHERE = re.compile(r"[a-z]+:")
_ROW = re.compile(r"^\|.*\|$", flags=re.MULTILINE)
_CODE_IN_ROW = re.compile(r"`[^`]+`")
_INLINE_CODE = re.compile(r"<pre.*?</pre>|<code>(?P<code>.*?)</code>", flags=re.DOTALL)
# The characters after which a line may break in a long word of code.
_BORDER = re.compile(r"(?<=\w)(::|[/_.:=,])(?=\w)|(?<=/)(?=/)")


def site_links(text: str, folder: str, repository_url: str) -> tuple[str, list[str]]:
    """Turn the links of a page into the site's.

    Args:
        text: The page, in Markdown.
        folder: Its folder in the repository; empty for the root.
        repository_url: The URL of files that are not on the site.

    Returns:
        The text, and the paths of its links outside of docs/, relative to the repository.
    """
    left: list[str] = []

    def changed(match: re.Match[str]) -> str:
        before, target = match.groups()
        if _ELSEWHERE.match(target):
            return match[0]
        path, mark, anchor = target.partition("#")
        place = posixpath.normpath(posixpath.join(folder, path))
        if place == "README.md":
            # The site shows it as a page of docs/.
            return before + posixpath.relpath("docs/index.md", folder) + mark + anchor
        if place.startswith("docs/"):
            return before + posixpath.relpath(place, folder or "docs") + mark + anchor
        left.append(place)
        return f"{before}{repository_url}/blob/main/{place}{mark}{anchor}"

    return _LINK.sub(changed, text), left


def plain_bars(text: str) -> str:
    r"""Write `\|` in a table's code as `|`: GitHub needs the backslash, Zensical would show it."""
    return _ROW.sub(
        lambda row: _CODE_IN_ROW.sub(lambda code: code[0].replace(r"\|", "|"), row[0]), text
    )


def breakable(page: str) -> str:
    """Let a line end inside long inline code, after a border between words (`<wbr>`)."""

    def changed(match: re.Match[str]) -> str:
        code = match["code"]
        if code is None or "<" in code or len(html.unescape(code)) < 16:
            return match[0]
        return f"<code>{_BORDER.sub(lambda border: border[0] + '<wbr>', code)}</code>"

    return _INLINE_CODE.sub(changed, page)


def _listed(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for item in nav if isinstance(nav, list) else nav.values() if isinstance(nav, dict) else ():
        yield from _listed(item)


def _prepare(folder: Path) -> list[str]:
    """Copy the pages and the configuration; return their errors."""
    configuration = (REPOSITORY / CONFIGURATION).read_text(encoding="utf-8")
    (folder / CONFIGURATION).write_text(configuration, encoding="utf-8")
    settings = yaml.safe_load(configuration)
    docs = folder / "docs"
    shutil.copytree(
        REPOSITORY / "docs", docs, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.bazel")
    )
    shutil.copy(REPOSITORY / "README.md", docs / "index.md")
    problems = []
    pages = {path.relative_to(docs).as_posix(): path for path in docs.rglob("*.md")}
    for name, path in pages.items():
        parent = "" if name == "index.md" else posixpath.dirname(f"docs/{name}")
        text, left = site_links(path.read_text(encoding="utf-8"), parent, settings["repo_url"])
        path.write_text(plain_bars(text), encoding="utf-8")
        missing = [place for place in left if not (REPOSITORY / place).exists()]
        problems += [f"{name} links to {place}, which does not exist" for place in missing]
    nav = set(_listed(settings["nav"]))
    problems += [f"{name} is not in the navigation" for name in sorted(pages.keys() - nav)]
    problems += [f"{name} of the navigation does not exist" for name in sorted(nav - pages.keys())]
    return problems


def main(site: Path) -> int:
    """Build the site into a folder, which is replaced; return the exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        problems = _prepare(folder)
        print("\n".join(problems), end="\n" if problems else "", file=sys.stderr)
        command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", CONFIGURATION]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode or problems:
            print(done.stdout, file=sys.stderr)
            return 1
        built = folder / "dist" / "site"
        for page in built.rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            page.write_text(breakable(text), encoding="utf-8")
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(built, site)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
