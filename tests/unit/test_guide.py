"""How a guide's blocks are read, and that the guides show commands which there are."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt.cli import parser
from tests.guide import (
    REPOSITORY,
    blocks_of,
    mentioned_commands,
    printed,
    read_guide,
    shell_script,
    typed_commands,
    under,
)

PAGE = """\
# A guide
```sh
make it
```
## Files
```starlark
# MODULE.bazel
one
```
1. In a list:
   ```yaml
   # MODULE.bazel, more
   two
   ```
### Deep
```go
// cmd/a/main.go
package main
```
## Others
```yaml
# a comment that names no file
```
```starlark
# MODULE.bazel, before
```
```text
what is printed
```
"""
BLOCKS = blocks_of(PAGE, "a.md")
PAGES = sorted(
    str(path.relative_to(REPOSITORY))
    for path in [
        REPOSITORY / "README.md",
        *REPOSITORY.glob("docs/*.md"),
        *REPOSITORY.glob("examples/*/README.md"),
    ]
)


def test_a_block_knows_its_place() -> None:
    assert [(block.line, block.language) for block in BLOCKS[:3]] == [
        (2, "sh"),
        (6, "starlark"),
        (11, "yaml"),
    ]
    assert BLOCKS[3].headings == ("A guide", "Files", "Deep")
    assert BLOCKS[4].headings == ("A guide", "Others")
    assert [block.line for block in under(BLOCKS, "Files")] == [6, 11, 16]


def test_a_block_says_which_file_it_is() -> None:
    assert [block.file for block in BLOCKS] == [
        None,
        "MODULE.bazel",
        "MODULE.bazel",
        "cmd/a/main.go",
        None,
        None,
        None,
    ]
    assert [block.more for block in BLOCKS[1:3]] == [False, True]
    assert printed(BLOCKS) == ["what is printed\n"]


def test_the_script_does_what_a_reader_does(tmp_path: Path) -> None:
    script = shell_script(BLOCKS).replace("make it", "echo made")
    done = subprocess.run(
        ["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "made\n"
    assert done.stderr.split() == ["a.md:2", "a.md:6", "a.md:11", "a.md:16"]
    module = (tmp_path / "MODULE.bazel").read_text()
    assert module == "# MODULE.bazel\none\n# MODULE.bazel, more\ntwo\n"
    assert (tmp_path / "cmd/a/main.go").read_text() == "// cmd/a/main.go\npackage main\n"


def test_what_is_wrong_with_a_guide_is_said() -> None:
    with pytest.raises(ValueError, match=r"a.md:1: the block has no end"):
        blocks_of("```sh\nls\n", "a.md")
    with pytest.raises(ValueError, match="no block stands below 'Nowhere'"):
        under(BLOCKS, "Nowhere")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_ours_that_a_page_types_is_one(page: str) -> None:
    for command in typed_commands(page):
        assert callable(parser().parse_args(shlex.split(command)[1:]).run), command


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_ours_that_a_page_speaks_of_is_one(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in mentioned_commands(page):
        words = shlex.split(command)[1:]
        verbs = itertools.takewhile(lambda word: not word.startswith("-"), words)
        with pytest.raises(SystemExit):
            parser().parse_args([*verbs, "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert known >= {word for word in words if word.startswith("--")}, command


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith(("README", "docs/"))])
def test_a_page_with_commands_or_files_is_followed_by_a_test(page: str) -> None:
    if any(block.is_run for block in read_guide(page)):
        tests = (path.read_text() for path in (REPOSITORY / "tests").glob("*/test_*.py"))
        assert any(f'read_guide("{page}")' in text for text in tests)
