"""The guides, followed to the letter: their commands are run, their files are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import Tools
from tests.e2e.reader import Reader, make_reader, shut_down
from tests.guide import read_guide


@pytest.fixture
def reader(bazel_tools: Tools, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with an empty folder, an empty store, and all programs that the guides name."""
    made = make_reader(tmp_path, bazel_tools)
    yield made
    shut_down(made)


def test_quick_start(reader: Reader) -> None:
    reader.checked(read_guide("docs/quick-start.md"))
