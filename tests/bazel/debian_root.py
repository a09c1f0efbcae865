"""A root folder with Debian's Bazel, for a machine that cannot download another one.

Root creates it once, on a Debian-like system, in a cache outside the checkout. One rename makes the
complete folder appear there; of two processes at the same time, only one creates it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tests.bazel.registry import MODULES, registry_files


def digest(text: str) -> str:
    """Return a short hash of some inputs, for a file name."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


SUITE = "forky"
PACKAGES = (
    "bazel-bootstrap",
    "bazel-rules-cc",
    "bazel-rules-shell",
    "bazel-skylib",
    "bazel-stardoc",
    "cargo",
    "cmake",
    "golang-go",
    "libstd-rust-dev:arm64",
    "openssh-client",
    "python3",
    "python3-pip",
    "python3-requests",
    "python3-venv",
)

# The programs that the scripts call, and the packages to install if one is missing.
_NEEDED = {
    "debootstrap": ("debootstrap", "debian-archive-keyring"),
    "pivot_root": ("util-linux-extra",),
    "unshare": ("util-linux",),
}

_HERE = Path(__file__).resolve().parent
_MAKE_ROOT = _HERE / "make_root.sh"
IN_ROOT = _HERE / "in_root.sh"
"""Runs a command in a root folder as if that were this machine."""

# Replaces Debian's bazelrc, which overrides modules, enables debug output, and names no registry.
# Bazel reads it last, so that a registry that a workspace names is asked first.
# Without --noenable_workspace, Bazel 7 downloads what its built-in WORKSPACE suffix names.
# Debian's Bazel does not know its own version, so bazel_features assumes that it is the newest.
_RC_TEXT = """\
startup --install_base=/usr/share/bazel
startup --trust_install_base
startup --host_jvm_args=-Xbootclasspath/a:{registry}/version.jar
common --registry=file://{registry}
common --noenable_workspace
"""

# Bazel caches a registry's answers for ever, in its server and in lock files, so a changed table
# needs another path. Checkouts with other tables share the root.
_REGISTRY = PurePosixPath(f"/usr/share/bazel/registry-{digest(repr(MODULES) + _RC_TEXT)}")

_RC = _REGISTRY / "bazelrc"
BAZEL = ("bazel", "--nosystem_rc", f"--bazelrc={_RC}")
"""The Bazel of the root, as a command in there."""


class RootError(Exception):
    """The root cannot be made here; the message says why."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for what the tests install.

    Args:
        environment: Environment variables, of which `CGO_PREBUILT_TEST_CACHE`, `XDG_CACHE_HOME` and
            `HOME` count.

    Returns:
        The folder, which need not exist yet.
    """
    named = environment.get("CGO_PREBUILT_TEST_CACHE")
    if named:
        return Path(named).absolute()
    home = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/root"), ".cache")
    return Path(home, "rules_cgo_prebuilt").absolute()


def root_name() -> str:
    """Return the root's name, a hash of its inputs: changed inputs make another root."""
    made_of = "\0".join((SUITE, *PACKAGES, _MAKE_ROOT.read_text()))
    return f"debian-{SUITE}-{digest(made_of)}"


def bazel_name() -> str:
    """Return the name of this checkout's Bazel launcher, which depends on its modules."""
    return f"bazel-{_REGISTRY.name.removeprefix('registry-')}"


def debian_mirror(index_targets: str) -> str:
    """Picks the Debian mirror that this machine's apt uses.

    Args:
        index_targets: Lines of `ORIGIN|LABEL|URI`, as `apt-get indextargets` prints them.

    Returns:
        The first mirror of Debian itself (not of its security archive); empty without one.
    """
    for line in index_targets.splitlines():
        origin, label, uri = line.split("|", 2)
        if (origin, label) == ("Debian", "Debian"):
            return uri
    return ""


def provide_root(cache: Path) -> Path:
    """Return the root's folder, and create it if missing.

    Args:
        cache: The folder to keep it in.

    Returns:
        A folder with `root`, and with `bin`, whose programs run in the root:
        Bazel, named `bazel_name()`, and any other command (`in_root go version`).

    Raises:
        RootError: Not root, not a Debian-like Linux, or a step failed.
    """
    made = cache / root_name()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        if not made.exists():
            _make(made)
        _write_launchers(made)
        _write_registry(made / "root")
    return made


def _make(made: Path) -> None:
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        raise RootError("not a Debian-like Linux, so that Debian's Bazel cannot be installed")
    if os.geteuid() != 0:
        raise RootError("not root, so that Debian's Bazel cannot be installed")
    building = made.with_name(f"{made.name}.partial")
    if building.exists():
        shutil.rmtree(building)
    building.mkdir()
    log = made.with_name(f"{made.name}.log")
    say(f"making a root with Debian's Bazel in {made} (once; some minutes; log: {log})")
    started = time.monotonic()
    with log.open("wb") as output:
        _install_missing(log, output.fileno())
        mirror = debian_mirror(_index_targets())
        root = str(building / "root")
        step(log, output.fileno(), str(_MAKE_ROOT), root, SUITE, mirror, *PACKAGES)
    building.rename(made)
    say(f"made in {time.monotonic() - started:.0f} s")


def _install_missing(log: Path, output: int) -> None:
    missing = [
        package
        for program, packages in _NEEDED.items()
        if shutil.which(program) is None
        for package in packages
    ]
    if missing:
        # Any one broken source fails the update; the install shows whether it mattered.
        step(log, output, "sh", "-c", "apt-get update || true")
        step(log, output, "apt-get", "install", "--yes", "--no-install-recommends", *missing)


def _index_targets() -> str:
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return answer.stdout


def step(log: Path, output: int, *command: str) -> None:
    """Runs a command that makes a root.

    Args:
        log: The file that `output` writes to.
        output: A file descriptor for the command's output.
        command: The command.

    Raises:
        RootError: It failed; with the end of the log.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        check=False,
    )
    if done.returncode:
        end = "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
        raise RootError(f"{Path(command[0]).name} failed, exit code {done.returncode}:\n{end}")


def _write_launchers(made: Path) -> None:
    # Copies, so that the Bazel still runs if the checkout moves.
    _write(made / "bin" / "in_root.sh", IN_ROOT.read_text())
    enter = f'exec "{made}/bin/in_root.sh" "{made}/root"'
    _write(made / "bin" / "in_root", f'#!/bin/sh\n{enter} "$@"\n')
    _write(made / "bin" / bazel_name(), f'#!/bin/sh\n{enter} {" ".join(BAZEL)} "$@"\n')


def _write_registry(root: Path) -> None:
    # With every command, Bazel would warn about Debian's bazelrc, which --nosystem_rc ignores.
    (root / "etc" / "bazel" / "bazelrc").unlink(missing_ok=True)
    registry = root / _REGISTRY.relative_to("/")
    _write(root / _RC.relative_to("/"), _RC_TEXT.format(registry=_REGISTRY))
    _write_version(registry / "version.jar", (root / "usr/share/bazel/build-label.txt").read_text())
    for name, text in registry_files(MODULES, _REGISTRY).items():
        _write(registry / name, text)


def _write_version(path: Path, version: str) -> None:
    """Write Bazel's version into its file: an archive, since Java caches no folder of classes."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    with zipfile.ZipFile(new, "w") as file:
        file.writestr("build-data.properties", f"build.label={version.strip()}\n")
    new.replace(path)


def _write(path: Path, text: str) -> None:
    """Write a file by a rename if it differs, since another process may be reading it."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.chmod(0o755 if text.startswith("#!") else 0o644)
    new.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file during the block; wait if another process holds it."""
    import fcntl  # Windows has none, and needs none: it has no such root

    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that is making the same root")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Print a message for the person who waits."""
    print(text, file=sys.stderr, flush=True)
