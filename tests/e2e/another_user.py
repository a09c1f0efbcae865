"""Another, real user of the machine, who can neither write our files nor read root's folders."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bazel.debian_root import BAZEL
from tests.e2e.bazel_workspace import REPOSITORY, Workspace

NOBODY = 65534

# The parts of this checkout that a workspace needs. The other user may be unable to read it.
_OURS = ("BUILD.bazel", "MODULE.bazel", "rules", "tools", "tests/e2e/cgo_rule")


@contextmanager
def as_another_user(workspace: Workspace) -> Iterator[Workspace]:
    """Yield a copy of a workspace that belongs to another user, who runs Bazel there.

    Args:
        workspace: The workspace to copy; Bazel has not run in it.

    Yields:
        The copy, with its own path, home, store and copy of our rules.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can be another user, with setpriv")
    folder = Path(tempfile.mkdtemp(prefix="nobody-"))  # the tests' own is closed to others
    ours = folder / "rules"
    for name in _OURS:
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, ours / name)
    path = folder / "checkout"
    shutil.copytree(workspace.path, path)
    module = (path / "MODULE.bazel").read_text()
    (path / "MODULE.bazel").write_text(module.replace(str(REPOSITORY), str(ours)))
    bazel = workspace.tools.bazel
    executable = folder / "bazel"
    executable.write_text(
        f"#!/bin/sh\nexec {bazel.in_root or 'env'} setpriv --reuid={NOBODY} --regid={NOBODY}"
        f' --clear-groups {" ".join(BAZEL) if bazel.in_root else bazel.executable} "$@"\n'
    )
    executable.chmod(0o755)
    tools = replace(
        workspace.tools, bazel=replace(bazel, executable=str(executable)), folder=folder
    )
    # Keep the variables, since actions depend on them, but use no folder that only root may enter.
    lines = workspace.tools.bazelrc().replace(str(workspace.tools.folder), str(folder)).splitlines()
    kept = [line for line in lines if "--sandbox_writable_path" not in line]
    (path / ".bazelrc").write_text("\n".join([*kept, ""]))
    for one in (folder, *folder.rglob("*")):
        os.chown(one, NOBODY, NOBODY)
    environment = {"CGO_PREBUILT_CACHE": str(folder / "store"), "HOME": str(folder)}
    environment |= {"LOGNAME": "nobody", "USER": "nobody"}
    made = Workspace(path, tools, environment)
    try:
        yield made
    finally:
        made.start_shutdown().wait()
        shutil.rmtree(folder)
