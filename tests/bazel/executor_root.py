"""A root folder with a remote executor and its workers' tools; only the slow tests use it.

It is Bazel's root with other packages, since a worker must have the compiler that Bazel knows. Its
files are hard links, which need no disk space: dpkg replaces files, and never writes into them.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.bazel.debian_root import IN_ROOT, digest, locked, say, step

# Debian has no package of BuildGrid. Not below /opt, where in_root.sh mounts this machine's /opt.
_SCRIPT = """\
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get update
apt-get install --yes --no-install-recommends buildbox postgresql
apt-get remove --yes bazel-bootstrap cargo cmake rustc
rm -rf /var/lib/apt/lists/*
python3 -m venv /usr/lib/buildgrid
/usr/lib/buildgrid/bin/pip install --quiet --only-binary=:all: buildgrid==0.9.1
"""

BUILDGRID = "/usr/lib/buildgrid/bin/bgd"
"""BuildGrid's command, in the root."""

APART = Path(__file__).resolve().with_name("apart.sh")
"""Runs a command in a root folder as if that were another machine."""


def provide_executor_root(bazel_root: Path) -> Path:
    """Return the root, and create it if missing.

    Args:
        bazel_root: The folder from `provide_root`.

    Returns:
        The root folder.

    Raises:
        RootError: A step failed.
    """
    made = bazel_root.with_name(f"{bazel_root.name}-executor-{digest(_SCRIPT)}")
    with locked(bazel_root.with_name("executor-lock")):
        if not made.exists():
            _make(made, bazel_root)
    return made / "root"


def _make(made: Path, bazel_root: Path) -> None:
    building = made.with_name(f"{made.name}.partial")
    if building.exists():
        shutil.rmtree(building)
    building.mkdir()
    log = made.with_name(f"{made.name}.log")
    say(f"making a root with a remote executor in {made} (once; some minutes; log: {log})")
    started = time.monotonic()
    root = str(building / "root")
    with log.open("wb") as output:
        step(log, output.fileno(), "cp", "-a", "--link", str(bazel_root / "root"), root)
        step(log, output.fileno(), str(IN_ROOT), root, "sh", "-euc", _SCRIPT)
    building.rename(made)
    say(f"made in {time.monotonic() - started:.0f} s")
