"""What the tests need, and whether this machine has it: `python3 -m tests.machine_needs`.

It runs first in `make test`, on any Python since 3.10 without packages, in less than a second.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_REQUIRED = {
    "cc": "install a C compiler",
    "go": "install Go",
    "cargo": "install Rust, as by rustup",
    "npm": "install Node.js, for buildifier",
    "git": "install git",
}
"""Programs without which there is no test run, each with the advice to install it."""

FROM_DEBIAN = {
    "caddy": "caddy",
    "docker-registry": "docker-registry",
    "fish": "fish",
    "ip": "iproute2",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.xfs": "xfsprogs",
    "nginx": "nginx-light",
    "pkg-config": "pkgconf",
    "qemu-aarch64": "qemu-user",
    "skopeo": "skopeo",
    "squid": "squid",
    "time": "time",
    "unzip": "unzip",
    "wine64": "wine64",
    "xz": "xz-utils",
    "zsh": "zsh",
    "zstd": "zstd",
}
"""Programs that tests take from the machine, else from the Debian package of that name."""

_MORE_FOLDERS = ("/usr/sbin", "/sbin", "/usr/lib/wine")


@dataclass(frozen=True)
class Needs:
    """What a test run on some machine lacks, installs and skips.

    Attributes:
        missing: The programs to install first, each with advice.
        installed: What the run installs by itself.
        skipped: The skipped tests, each with the reason.
    """

    missing: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def judge(
    find: Callable[[str], bool],
    environment: Mapping[str, str],
    *,
    system: str,
    is_root: bool,
    has_venv: bool,
) -> Needs:
    """Decides what a test run on a machine lacks, installs and skips.

    Args:
        find: Whether the machine has a program.
        environment: Environment variables; `BAZEL` and `CGO_PREBUILT_TEST_REGISTRY` count.
        system: The operating system, as `sys.platform` names it.
        is_root: Whether the user is root.
        has_venv: Whether Python can make virtual environments.
    """
    needs = Needs([f"{program}: {how}" for program, how in _REQUIRED.items() if not find(program)])
    if not has_venv:
        needs.missing.append("Python's venv and pip: install them, as by python3-venv")
    installs = is_root and find("apt-get")
    absent = {name: package for name, package in FROM_DEBIAN.items() if not find(name)}
    if absent and installs:
        needs.installed.append(f"Debian's {', '.join(sorted(set(absent.values())))}")
    elif absent:
        needs.skipped.append(
            f"tests of {', '.join(absent)}: only root of a Debian machine installs these"
        )
    if not (environment.get("BAZEL") or find("bazel") or find("bazelisk")):
        if installs:
            needs.installed.append("Debian's Bazel, unless an earlier run did: 3 GB, two minutes")
        else:
            needs.missing.append("a Bazel: install bazelisk, or name one in $BAZEL")
    if not is_root:
        needs.skipped.append("small disks, network namespaces and another user: only root can")
    if not find("pwsh"):
        needs.skipped.append("PowerShell: there is no pwsh")
    if not system.startswith("linux"):
        needs.skipped.append("most of the end-to-end tests: they need Linux")
    if not environment.get("CGO_PREBUILT_TEST_REGISTRY"):
        needs.skipped.append("the newest Bazel modules: CGO_PREBUILT_TEST_REGISTRY is not set")
    return needs


def main() -> int:
    """Print this machine's needs on standard error; return 1 if something is missing."""
    searched = os.pathsep.join([os.environ.get("PATH", ""), *_MORE_FOLDERS])
    needs = judge(
        lambda program: shutil.which(program, path=searched) is not None,
        os.environ,
        system=sys.platform,
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        has_venv=all(map(importlib.util.find_spec, ("venv", "ensurepip"))),
    )
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    print(
        "The tests need package registries (PyPI, Go, npm, crates.io) and 12 GB of disk;"
        f" there are {free:.0f} GB.",
        file=sys.stderr,
    )
    for what, lines in (
        ("missing", needs.missing),
        ("installed by this run", needs.installed),
        ("skipped", needs.skipped),
    ):
        for line in lines:
            print(f"  {what}: {line}", file=sys.stderr)
    return 1 if needs.missing else 0


if __name__ == "__main__":
    sys.exit(main())
