"""Debian's Rust as a relocatable folder: workers have it elsewhere, or get it as an input."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.bazel.provision import Bazel

# Without the libraries of C and of its compiler, which each machine has.
_COPY = """\
mkdir -p "$0/bin" "$0/lib/rustlib" "$0/programs"
cp -L /usr/bin/cargo /usr/bin/rustc "$0/programs"
ldd /usr/bin/cargo /usr/bin/rustc | grep -o '/[^ ]*/lib[^ ]*' \
    | grep -v -E '/lib(c|m|resolv|gcc_s|stdc\\+\\+)\\.so' | sort -u | xargs cp -Lt "$0/lib"
cp -RL /usr/lib/rustlib/x86_64-unknown-linux-gnu "$0/lib/rustlib"
"""

_LAUNCHER = """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH="$here/../lib" exec "$here/../programs/{name}" "$@"
"""


def copy_rust(bazel: Bazel, folder: Path) -> None:
    """Copies cargo, rustc, their libraries and Rust's own from the system that Bazel runs on.

    Args:
        bazel: A Bazel in a Debian root.
        folder: The folder to create; the programs are in its `bin`.
    """
    assert bazel.in_root is not None
    command = [bazel.in_root, "sh", "-euc", _COPY, str(folder)]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    for name in ("cargo", "rustc"):
        launcher = folder / "bin" / name
        launcher.write_text(_LAUNCHER.format(name=name))
        launcher.chmod(0o755)
