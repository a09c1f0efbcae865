"""Read the fenced blocks of guides, so that tests run what a reader would type.

A block of the language `sh` is commands. A block whose first line is a comment with a file's name is that
file: `# MODULE.bazel`, or `// main.go`. With `, more` after the name, it is appended to the file.
A block of the language `text` is the output of the commands above it. Any other block is an
excerpt, and is not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).resolve().parents[1]

_FENCE = re.compile(r"^( *)```(\S*)$")
_HEADING = re.compile(r"^(#+) (.*)$")
_FILE = re.compile(r"^(?:#|//) ([\w/-]*(?:\.[\w.]+|/\w+))(?:, (\S.*))?$")
_INLINE = re.compile(r"`([^`\n]+)`")
# A command ends at the first character that the shell interprets.
_OWN = re.compile(r"(?:^|[(\s])(cgo-prebuilt [^|;&)>\\\n]*)", flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The guide, relative to the repository.
        line: The number of the fence's line, from 1.
        language: The word after the fence; empty without one.
        headings: The headings above it, the outermost first.
        text: The text between the fences, without their indentation.
    """

    page: str
    line: int
    language: str
    headings: tuple[str, ...]
    text: str

    @property
    def file(self) -> str | None:
        """The path of the file that the block is, relative to the reader's folder."""
        match = self._file_line()
        return match[1] if match else None

    @property
    def more(self) -> bool:
        """Whether it appends to a file that exists already."""
        match = self._file_line()
        return match is not None and match[2] == "more"

    @property
    def is_run(self) -> bool:
        """Whether a reader types it, or writes it into a file."""
        return self.language == "sh" or self.file is not None

    def _file_line(self) -> re.Match[str] | None:
        match = _FILE.match(self.text.partition("\n")[0])
        return match if match and match[2] in (None, "more") else None


def read_guide(page: str) -> list[Block]:
    """Reads a guide's blocks, in their order.

    Args:
        page: Its path, relative to the repository.
    """
    return blocks_of((REPOSITORY / page).read_text(encoding="utf-8"), page)


def blocks_of(text: str, page: str) -> list[Block]:
    """Finds the fenced blocks of a text.

    Args:
        text: In Markdown.
        page: Its name.

    Raises:
        ValueError: A block has no end.
    """
    found: list[Block] = []
    headings: list[tuple[int, str]] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if heading := _HEADING.match(line):
            depth = len(heading[1])
            headings = [*(one for one in headings if one[0] < depth), (depth, heading[2])]
        elif fence := _FENCE.match(line):
            indent, inside = len(fence[1]), []
            for _, content in lines:
                if content.strip() == "```":
                    break
                inside.append(content[indent:] + "\n")
            else:
                raise ValueError(f"{page}:{number}: the block has no end")
            names = tuple(name for _, name in headings)
            found.append(Block(page, number, fence[2], names, "".join(inside)))
    return found


def under(blocks: list[Block], heading: str) -> list[Block]:
    """Return the blocks below a heading, at any depth.

    Raises:
        ValueError: There are none.
    """
    found = [block for block in blocks if heading in block.headings]
    if not found:
        raise ValueError(f"no block stands below {heading!r}")
    return found


def shell_script(blocks: list[Block]) -> str:
    """Return a script for a POSIX shell with -eu that does what a reader of the blocks does.

    It prints each block's place on stderr, so that a failure names its line.
    """
    parts = []
    for block in blocks:
        if not block.is_run:
            continue
        parts.append(f"echo {block.page}:{block.line} >&2\n")
        if block.file is None:
            parts.append(block.text)
            continue
        folder = PurePosixPath(block.file).parent
        sign = ">>" if block.more else ">"
        parts.append(f"mkdir -p {folder}\ncat {sign} {block.file} <<'END OF FILE'\n")
        parts.append(f"{block.text}END OF FILE\n")
    return "".join(parts)


def printed(blocks: list[Block]) -> list[str]:
    """Return the promised outputs of the commands: a string for each block of `text`."""
    return [block.text for block in blocks if block.language == "text"]


def typed_commands(page: str) -> list[str]:
    """Every `cgo-prebuilt ...` in a page's blocks for the shell, and in those of a Dockerfile.

    Args:
        page: Its path, relative to the repository.
    """
    blocks = (block for block in read_guide(page) if block.language in ("dockerfile", "sh"))
    lines = re.sub(r"\\\n\s*", "", "".join(block.text for block in blocks))
    return [re.sub(r"\s+#.*", "", command).strip() for command in _OWN.findall(lines)]


def mentioned_commands(page: str) -> list[str]:
    """Every `cgo-prebuilt ...` between backquotes in a page's text: perhaps a part of a command.

    Args:
        page: Its path, relative to the repository.
    """
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return [command for code in _INLINE.findall(text) for command in _OWN.findall(code)]
