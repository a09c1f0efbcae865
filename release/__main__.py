"""`python3 -m release build TAG`: makes the files of a release, and prints its notes.

It needs git, and pip for the program's packages, and no package itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from release import version
from release.commit import Commit, ReleaseError
from release.completions import completions
from release.notes import changes, notes
from release.source_archive import integrity, tar_gz
from release.zip_app import zip_app

_REPOSITORY = Path(__file__).resolve().parents[1]
_NAME = "rules_cgo_prebuilt"


def build(commit: Commit, output: Path) -> str:
    """Makes a release's files.

    Args:
        commit: Its commit, by tag.
        output: The folder to put them in; it is made where there is none.

    Returns:
        The notes.

    Raises:
        ReleaseError: The tag is not the commit's version, or the commit is not fit to be released.
    """
    released = version.stated(commit.text(version.SOURCE))
    if commit.revision != f"v{released}":
        raise ReleaseError(
            f"{commit.revision} is the tag of a commit whose version is {released}\n"
            f"  next: tag it v{released}, or write another version into {version.SOURCE}"
        )
    changed = changes(commit.text("CHANGELOG.md"), released)
    archive = f"{_NAME}-{commit.revision}.tar.gz"
    content = tar_gz(commit.files(), f"{_NAME}-{released}", commit.time())
    program = zip_app(commit)
    output.mkdir(parents=True, exist_ok=True)
    (output / archive).write_bytes(content)
    (output / "cgo-prebuilt.pyz").write_bytes(program)
    (output / "cgo-prebuilt.pyz").chmod(0o755)
    for shell, text in completions(commit, program).items():
        (output / f"cgo-prebuilt.{shell}").write_text(text, encoding="utf-8", newline="\n")
    return notes(released, archive, integrity(content), changed)


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python3 -m release")
    commands = parser.add_subparsers(dest="command", required=True)
    builds = commands.add_parser("build", help="make a release's files, and print its notes")
    builds.add_argument("tag", help="the tag of its commit, such as v1.2.3")
    builds.add_argument(
        "--output", type=Path, default=Path("dist"), help="a folder (default: dist)"
    )
    commands.add_parser("stamp", help=f"copy the version from {version.SOURCE} to the other files")
    options = parser.parse_args()
    try:
        if options.command == "build":
            print(build(Commit(_REPOSITORY, options.tag), options.output), end="")
        else:
            print("".join(f"{name}\n" for name in version.stamp(_REPOSITORY)), end="")
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
