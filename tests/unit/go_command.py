"""The real go command, on Go files that a test made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest


@cache
def _program() -> str:
    found = shutil.which("go")
    if found is None:
        pytest.skip("there is no go")
    return found


def go(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it in a folder, without the network; nothing of the caller's Go environment steers it.

    Args:
        folder: Where it runs.
        arguments: Its own.
        environment: More variables.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GO", "CGO_")) or name == "GOCACHE"
    }
    own = {"GOENV": "off", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        [_program(), *arguments],
        cwd=folder,
        env={**inherited, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def allowed_flags(kind: str) -> list[re.Pattern[str]]:
    """The flags that the installed go command allows in `#cgo` lines, out of its own source.

    Args:
        kind: `Compiler` or `Linker`.
    """
    root = go(Path.cwd(), "env", "GOROOT").stdout.strip()
    source = Path(root, "src/cmd/go/internal/work/security.go")
    if not source.is_file():
        pytest.skip("go came without its sources")
    text = source.read_text(encoding="utf-8")
    block = re.search(rf"^var valid{kind}Flags = .*?^\}}", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return [re.compile(flag) for flag in re.findall(r"re\(`(.*)`\)", block[0])]


def is_allowed(kind: str, word: str) -> bool:
    """Whether that list has a flag; see `allowed_flags`."""
    # Go's engine, too, takes what matches first, which then has to be all of it.
    found = (flag.match(word) for flag in allowed_flags(kind))
    return any(match and match[0] == word for match in found)
