"""`python3 -m release build TAG`: makes the files of a release, and prints its notes.

It needs git, and pip for the fetcher's packages, and no package itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from release import version
from release.carried import carried_packages
from release.commit import Commit, File, ReleaseError
from release.completions import completions
from release.notes import changes, notes
from release.source_archive import integrity, tar_gz
from release.zip_app import zip_app

_REPOSITORY = Path(__file__).resolve().parents[1]
_NAME = "rules_cgo_prebuilt"


def build(commit: Commit, output: Path, docs: Path | None = None) -> str:
    """Makes a release's files.

    Args:
        commit: Its commit, by tag.
        output: The folder to put them in; it is made where there is none.
        docs: The folder with what Bazel extracted of the public Starlark files; None for a release
            without them.

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
    files = sorted(commit.files() + carried_packages(commit), key=lambda file: file.path)
    content = tar_gz(files, f"{_NAME}-{released}", commit.time())
    program = zip_app(commit)
    extracted = None if docs is None else docs_archive(docs, commit.time())
    output.mkdir(parents=True, exist_ok=True)
    if extracted is not None:
        (output / f"{_NAME}-{commit.revision}.docs.tar.gz").write_bytes(extracted)
    (output / archive).write_bytes(content)
    (output / "cgo-prebuilt.pyz").write_bytes(program)
    (output / "cgo-prebuilt.pyz").chmod(0o755)
    for shell, text in completions(program).items():
        (output / f"cgo-prebuilt.{shell}").write_text(text, encoding="utf-8", newline="\n")
    return notes(released, archive, integrity(content), changed)


def docs_archive(folder: Path, time: int) -> bytes:
    """Packs what the Central Registry shows of the API: `stardoc_output.ModuleInfo` messages.

    Args:
        folder: Where Bazel's `starlark_doc_extract` targets put them.
        time: When all of them were changed, in seconds since 1970.

    Raises:
        ReleaseError: There are none.
    """
    found = sorted(folder.glob("*.binaryproto"))
    if not found:
        raise ReleaseError(
            f"there is no .binaryproto in {folder}\n  next: bazel build //docs/reference:all"
        )
    return tar_gz([File(path.name, path.read_bytes()) for path in found], "docs/reference", time)


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python3 -m release")
    commands = parser.add_subparsers(dest="command", required=True)
    builds = commands.add_parser("build", help="make a release's files, and print its notes")
    builds.add_argument("tag", help="the tag of its commit, such as v1.2.3")
    builds.add_argument(
        "--output", type=Path, default=Path("dist"), help="a folder (default: dist)"
    )
    builds.add_argument(
        "--docs", type=Path, metavar="FOLDER", help="what Bazel built of //docs/reference"
    )
    commands.add_parser("stamp", help=f"copy the version from {version.SOURCE} to the other files")
    options = parser.parse_args()
    try:
        if options.command == "build":
            commit = Commit(_REPOSITORY, options.tag)
            print(build(commit, options.output, options.docs), end="")
        else:
            print("".join(f"{name}\n" for name in version.stamp(_REPOSITORY)), end="")
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
