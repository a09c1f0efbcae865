"""Tables that both worlds read: a `.bzl` file of literals, which Bazel loads and Python parses here.

A repository rule and the module extension can load Starlark and nothing else, so the table is that.
"""

from __future__ import annotations

import ast
import pkgutil
from functools import cache
from typing import Any


@cache
def read_tables(package: str, file: str) -> dict[str, Any]:
    """Reads a table that is beside a package's modules, in a zip file too.

    Args:
        package: The package's name.
        file: The table's file name.

    Returns:
        The file's names and their values. They are shared: nobody may change them.
    """
    source = pkgutil.get_data(package, file)
    if source is None:
        raise FileNotFoundError(f"{package} has no {file}")
    return parse_tables(source.decode("utf-8"))


def parse_tables(text: str) -> dict[str, Any]:
    """Parses a table: `NAME = literal` and nothing else but comments and a docstring.

    Raises:
        ValueError: A value is no literal.
    """
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
