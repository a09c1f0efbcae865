"""Install the packages that the fetcher lacks, by its Python's pip; run by Bazel's rules.

    python -m cgo_prebuilt.commands.python_packages FOLDER NAME=REQUIREMENTS...

It prints an error, or nothing. A folder in the user's store keeps the installed packages, so that another
output base need not run pip. Without a writable store, pip installs into the folder itself.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.commands.context import open_store
from cgo_prebuilt.errors import CgoPrebuiltError
from cgo_prebuilt.network.requests_library import CARRIED, is_good
from cgo_prebuilt.settings import is_on

if TYPE_CHECKING:
    from cgo_prebuilt.storage.store import Store

_LEAST: Final = {"signatures": ("cryptography", 42), "attestations": ("sigstore", 4)}

_PURPOSES: Final = {
    "attestations": "`sigstore`, which the fetcher verifies attestations with",
    "requests": "`requests`, which the fetcher downloads with",
    "signatures": "`cryptography`, which the fetcher verifies signatures with",
}
"""The fetcher's use of required packages. Decoders are optional: it reports a missing one when needed."""

_OPTIONS: Final = (
    *("--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"),
    *("--only-binary=:all:", "--require-hashes"),
)
_SECONDS: Final = 3600.0
"""A limit against hanging."""


def install(
    wanted: Mapping[str, Path], folder: Path, environ: Mapping[str, str], store: Store | None
) -> str:
    """Install packages, from the store if an earlier call kept them there.

    Args:
        wanted: Requirements in pip's format, by name.
        folder: The output folder.
        environ: The environment, which configures pip.
        store: The user's store; None without one.

    Returns:
        The error; empty if all required packages are present.
    """
    if not wanted:
        return ""
    variables = pip_variables(environ)
    if store is not None:
        # If the store fails, pip installs without it.
        with suppress(CgoPrebuiltError, OSError):
            if _install_by_store(wanted, folder, variables, store):
                return ""
    if len(wanted) > 1:
        # Starting pip takes half of the time, so install everything in one run. If that fails,
        # install each set alone, since an index may lack a decoder.
        if not _pip(wanted.values(), folder, variables):
            return ""
        variables["PIP_RETRIES"] = "0"
    problem = ""
    for name, path in wanted.items():
        said = "" if name == "decoders" and problem else _pip([path], folder, variables)
        if said and name in _PURPOSES:
            problem = problem or pip_problem(_PURPOSES[name], said, sys.executable)
    return problem


def pip_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's environment; offline, only a configured index remains. Pure.

    Args:
        environ: The caller's environment.
    """
    variables = {**environ, "PIP_USER": "0"}
    variables.pop("PYTHONPATH", None)  # set for the fetcher's Python, not for pip
    if is_on(environ.get("CGO_PREBUILT_OFFLINE", "")) and not environ.get("PIP_INDEX_URL"):
        variables["PIP_NO_INDEX"] = "1"
    return variables


def pip_problem(purpose: str, said: str, interpreter: str) -> str:
    """Return the error for a missing package of the fetcher. Pure.

    Args:
        purpose: The package and its purpose.
        said: pip's error output.
        interpreter: The path of the Python.
    """
    return (
        f"pip could not install {purpose}:\n{said}\n"
        "  next: install python3-pip where it is missing; behind a mirror set PIP_INDEX_URL, without a"
        " network PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels; or install it beside"
        f" {interpreter}"
    )


def is_lacking(name: str) -> bool:
    """Return whether this Python lacks packages of a set of requirements.

    Args:
        name: The name of the set.
    """
    if name == "requests":
        return not CARRIED.is_dir() and not _has_requests()
    if name == "decoders":
        zstd = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        return not (_can_import(zstd) and _can_import("isal"))
    package, least = _LEAST[name]
    try:
        return int(version(package).split(".")[0]) < least
    except (PackageNotFoundError, ValueError):
        return True


def _has_requests() -> bool:
    try:
        return is_good(importlib.import_module("requests").__version__)
    except (ImportError, AttributeError):
        return False


def _can_import(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _install_by_store(
    wanted: Mapping[str, Path], folder: Path, variables: Mapping[str, str], store: Store
) -> bool:
    """Install all of them; return False if pip cannot."""
    from cgo_prebuilt.digest import sha256_of
    from cgo_prebuilt.locks.lock import LockedFile
    from cgo_prebuilt.storage.link_mode import Method
    from cgo_prebuilt.storage.materialize import materialize
    from cgo_prebuilt.storage.results import Results, result_key
    from cgo_prebuilt.storage.store import tree_key

    requirements = {name: path.read_text(encoding="utf-8") for name, path in wanted.items()}
    key = result_key("python packages", [requirements, _this_python()])
    results = Results(store.results)
    with store.exclusive(key):
        result = results.get(key)
        files = result.files if result else ()
        tree = store.find(tree_key(files), files) if result else None
        if result is None or tree is None or not result.is_of(tree):
            with store.staging(key) as staging:
                if _pip(wanted.values(), staging, variables):
                    return False
                found = sorted(path for path in staging.rglob("*") if path.is_file())
                files = tuple(
                    LockedFile(path.relative_to(staging).as_posix(), *sha256_of(path))
                    for path in found
                )
                label = f"Python packages of the fetcher: {', '.join(wanted)}"
                tree = store.publish(staging, tree_key(files), files, label)
            results.put(key, tree, files)
    with store.shared(tree.key):
        materialize(tree, files, folder, (Method.REFLINK, Method.COPY))
    return True


def _this_python() -> list[str]:
    """Return the properties by which pip chooses a wheel."""
    tags = (sys.version, sysconfig.get_platform(), sysconfig.get_config_var("SOABI"))
    return [str(tag) for tag in (*tags, *platform.libc_ver())]


def _pip(requirements: Iterable[Path], folder: Path, variables: Mapping[str, str]) -> str:
    """Run pip once; return its error output, or an empty string."""
    command = [sys.executable, "-m", "pip", "install", *_OPTIONS, f"--target={folder}"]
    command += [f"--requirement={path}" for path in requirements]
    try:
        ended = run_bounded(command, seconds=_SECONDS, environ=variables)
    except OSError as error:
        return str(error.strerror or error)
    if ended.code == 0:
        return ""
    said = ended.stderr.decode("utf-8", "replace").strip() or ended.text().strip()
    return said or f"it {ended.failure()}"


def main(words: list[str]) -> int:
    """Run the command; see the module.

    Args:
        words: The command line, without the program.
    """
    folder, *pairs = words
    listed = {name: Path(path) for name, _, path in (pair.partition("=") for pair in pairs)}
    wanted = {name: path for name, path in listed.items() if is_lacking(name)}
    store = None
    with suppress(CgoPrebuiltError):
        store = packages_store(open_store())
    print(install(wanted, Path(folder), os.environ, store), end="")
    return 0


def packages_store(store: Store) -> Store:
    """Return the user's store of Python packages; refuse an unsafe one.

    Args:
        store: The user's store.

    Raises:
        UsageError: It belongs to another user, or others can write it.
    """
    _ = store.partials  # raises if the store is unsafe
    return store.packages


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
