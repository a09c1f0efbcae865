"""The release notes: the lines for MODULE.bazel, and the changes."""

from __future__ import annotations

import re

from release.commit import ReleaseError

_NOTES = """\
```starlark
bazel_dep(name = "rules_cgo_prebuilt", version = "{version}")
```

The command: `pipx install cgo-prebuilt=={version}`, or `cgo-prebuilt.pyz` below, for Python 3.10 or newer.
Its completions: `cgo-prebuilt.bash`, to be sourced; `cgo-prebuilt.zsh`, to be `_cgo-prebuilt` in `$fpath`.

{changes}

`{archive}` is `{integrity}`; `python3 -m release build v{version}` makes the same from the tag.
"""


def changes(changelog: str, version: str) -> str:
    """Find the section of a version in a changelog.

    Args:
        changelog: Its text, in the format of Keep a Changelog.
        version: The version.

    Returns:
        The version's section, without its heading.

    Raises:
        ReleaseError: There is no such section, or it is empty.
    """
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    section = re.search(rf"{heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise ReleaseError(
            f"CHANGELOG.md does not mention {version}\n"
            f"  next: rename [Unreleased] to [{version}] - YYYY-MM-DD, and begin a new one above it"
        )
    return section[1].strip()


def notes(version: str, archive: str, integrity: str, changes: str) -> str:
    """Return the notes.

    Args:
        version: The version.
        archive: The source archive's file name.
        integrity: The archive's hash, `sha256-` and base64.
        changes: The changes, in Markdown.

    Returns:
        The notes, in Markdown.
    """
    return _NOTES.format(version=version, archive=archive, integrity=integrity, changes=changes)
