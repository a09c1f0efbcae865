"""Find idioms that readers of the field stumble over; docs/style.md lists them.

    python3 -m tests.prose

prints each with its file and line, and ends with exit code 1 if there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STYLE = "docs/style.md"
# The table itself, its test, and what was written in the past.
EXEMPT = {STYLE, "CHANGELOG.md", "tests/unit/test_prose.py"}

_ROW = re.compile(r"^\| (?P<idiom>[^|]+) \| (?P<better>[^|]+) \|$", flags=re.MULTILINE)


def idioms(page: str) -> dict[str, str]:
    """Read the table of idioms: what to write instead, by idiom."""
    rows = {row["idiom"]: row["better"] for row in _ROW.finditer(page)}
    rows.pop("not", None)
    return rows


def findings(text: str, banned: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Find the idioms in a text, with the line where each begins.

    Words may be separated by a space, an underscore, or a line end with a comment sign after it.
    """
    gap = r"(?:_|\s+(?:(?:#|//|\*)\s+)?)"
    alternatives = (gap.join(map(re.escape, idiom.split())) for idiom in banned)
    pattern = rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])"
    for match in re.finditer(pattern, text, flags=re.IGNORECASE):
        yield text.count("\n", 0, match.start()) + 1, match[0]


def _files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return sorted(set(filter(None, listed.stdout.split("\0"))) - EXEMPT)


def main() -> int:
    """Print what is found in the repository's texts."""
    banned = idioms((ROOT / STYLE).read_text(encoding="utf-8"))
    count = 0
    for name in _files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for line, idiom in findings(text, banned):
            plain = re.sub(r"[\s_#]+", " ", idiom).lower()
            print(f"{name}:{line}: {plain!r}: write {banned.get(plain, 'something plainer')!r}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
