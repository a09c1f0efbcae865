"""`make docs`: writes docs/reference, with a Bazel that says what the Starlark files hold."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from reference.pages import FOLDER, MODULES, REPOSITORY, pages
from reference.rules_page import rules_page
from reference.text_proto import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes every page and prints its name; returns the exit code."""
    command = argparse.ArgumentParser(prog="reference", description=__doc__)
    command.add_argument("--bazel", required=True, help="the Bazel to ask")
    options = command.parse_args(arguments)
    try:
        extracts = _extracts(options.bazel)
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} {error.cmd[1]} failed, see above", file=sys.stderr)
        return 1
    written = {**pages(), "rules.md": rules_page([parse(text) for text in extracts])}
    for name, text in sorted(written.items()):
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"docs/reference/{name}")
    return 0


def _extracts(bazel: str) -> list[str]:
    """What Bazel says of the public Starlark files, as text protos."""
    package = "docs/reference"
    common = ["--symlink_prefix=/", "--lockfile_mode=off", "--noshow_progress"]
    targets = [f"//{package}:{name}.textproto" for name in MODULES]
    subprocess.run([bazel, "build", *common, *targets], cwd=REPOSITORY, check=True)
    asked = subprocess.run(
        [bazel, "info", "--lockfile_mode=off", "bazel-bin"],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = Path(asked.stdout.strip(), package)
    return [(folder / f"{name}.textproto").read_text(encoding="utf-8") for name in MODULES]


if __name__ == "__main__":
    sys.exit(main())
