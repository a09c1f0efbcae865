"""`python3 -m release build TAG`: make the files of a release, and print its notes.

It needs git, and pip to download the fetcher's packages, but no installed package.
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
    """Make a release's files.

    Args:
        commit: Its commit, by tag.
        output: The output folder; created if missing.
        docs: The folder with Bazel's extracts of the public Starlark files; None for a release without
            documentation.

    Returns:
        The notes.

    Raises:
        ReleaseError: The tag does not fit the commit's version, or the commit cannot be released.
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
    """Pack the API documentation for the Central Registry: `stardoc_output.ModuleInfo` messages.

    Args:
        folder: The output folder of Bazel's `starlark_doc_extract` targets.
        time: The mtime for all files, in seconds since 1970.

    Raises:
        ReleaseError: The folder has no messages.
    """
    found = sorted(folder.glob("*.binaryproto"))
    if not found:
        raise ReleaseError(
            f"there is no .binaryproto in {folder}\n  next: bazel build //docs/reference:all"
        )
    return tar_gz([File(path.name, path.read_bytes()) for path in found], "docs/reference", time)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python3 -m release")
    commands = parser.add_subparsers(dest="command", required=True)
    builds = commands.add_parser("build", help="make a release's files, and print its notes")
    builds.add_argument("tag", help="the tag of its commit, such as v1.2.3")
    builds.add_argument(
        "--output", type=Path, default=Path("dist"), help="a folder (default: dist)"
    )
    builds.add_argument(
        "--docs", type=Path, metavar="FOLDER", help="what `bazel build //docs/reference:all` wrote"
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
