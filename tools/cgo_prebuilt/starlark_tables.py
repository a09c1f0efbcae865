"""Tables for Bazel and Python: `.bzl` files of literals, which Python parses here.

Repository rules and module extensions can load Starlark only, so the tables are Starlark files.
"""

from __future__ import annotations

import ast
import pkgutil
from functools import cache
from typing import Any


@cache
def read_tables(package: str, file: str) -> dict[str, Any]:
    """Read a table from beside a package's modules, even inside a zip.

    Args:
        package: The package's name.
        file: The table's file name.

    Returns:
        The file's names and their values. Callers share them and must not change them.
    """
    source = pkgutil.get_data(package, file)
    if source is None:
        raise FileNotFoundError(f"{package} has no {file}")
    return parse_tables(source.decode("utf-8"))


def parse_tables(text: str) -> dict[str, Any]:
    """Parse a table: `NAME = literal`, comments and a docstring.

    Raises:
        ValueError: A value is no literal.
    """
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
