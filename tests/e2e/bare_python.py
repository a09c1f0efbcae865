"""A Python without packages: the one of the tests' Bazel has `requests`, as most machines have."""

from __future__ import annotations

from tests.e2e.bazel_workspace import Workspace

BARE_PYTHON = 'prebuilt.python(interpreter = "//:bare_python.sh")\n'
"""What a MODULE.bazel says to run the fetcher with it."""

_WRAPPER = """\
#!/bin/sh
exec "${0%/*}/environment/bin/python3" "$@"
"""


def add_bare_python(workspace: Workspace, *, pip: bool = True) -> None:
    """Makes a Python in a workspace that sees no package of the machine.

    Args:
        workspace: Where; its MODULE.bazel says `BARE_PYTHON`.
        pip: Whether that Python has pip.
    """
    workspace.write({"bare_python.sh": _WRAPPER})
    (workspace.path / "bare_python.sh").chmod(0o755)
    options = () if pip else ("--without-pip",)
    folder = str(workspace.path / "environment")
    workspace.in_root("python3", "-m", "venv", *options, folder).checked()
