"""`make docs`: write docs/reference, with Bazel for the Starlark; update quoted errors."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from reference.error_quotes import update_page
from reference.extracts import extracts
from reference.pages import FOLDER, REPOSITORY, pages
from reference.rules_page import rules_page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every page and print its name; return the exit code."""
    command = argparse.ArgumentParser(prog="reference", description=__doc__)
    command.add_argument("--bazel", required=True, help="the Bazel to ask")
    options = command.parse_args(arguments)

    def bazel(*words: str) -> str:
        return subprocess.run(
            [options.bazel, *words],
            cwd=REPOSITORY,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    try:
        update_page()
        rules = rules_page(extracts(bazel))
        written = {**pages(rules), "rules.md": rules}
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} {error.cmd[1]} failed, see above", file=sys.stderr)
        return 1
    for name, text in sorted(written.items()):
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
