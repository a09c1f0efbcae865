"""Read Bazel's documentation of the public Starlark files, from its `starlark_doc_extract` targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reference.text_proto import Message, parse

_PACKAGE = "docs/reference"

# In the order of the page.
_FILES = ("extensions", "defs", "toolchain")

_NO_TRACES = ("--symlink_prefix=/", "--lockfile_mode=off", "--noshow_progress")


def extracts(bazel: Callable[..., str]) -> list[Message]:
    """Build and read the extracts with Bazel.

    Args:
        bazel: Runs Bazel in the repository with some arguments and returns its standard output.

    Returns:
        A message for each file.
    """
    bazel("build", *_NO_TRACES, *(f"//{_PACKAGE}:{name}.textproto" for name in _FILES))
    folder = Path(bazel("info", "--lockfile_mode=off", "bazel-bin").strip(), _PACKAGE)
    return [parse((folder / f"{name}.textproto").read_text("utf-8")) for name in _FILES]
