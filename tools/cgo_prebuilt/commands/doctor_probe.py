"""Collect facts about this machine for `cgo-prebuilt doctor`, which judges them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.archives.system_zstd import system_library
from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.host import Host, detect
from cgo_prebuilt.storage.link_mode import Method
from cgo_prebuilt.storage.materialize import methods_between
from cgo_prebuilt.storage.store_folder import StoreFolder

PACKAGES = ("requests", "isal", "backports.zstd")
"""The packages to look for."""

TOOLS: Mapping[str, tuple[str, ...]] = {
    "go": ("version",),
    "cargo": ("--version",),
    "cc": ("--version",),
    "bazel": ("--version",),
}
"""The tools to look for, each with the arguments that print its version."""

_MOUNTS = Path("/proc/self/mounts")
_TOOL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program on the PATH, and the first line of its version output."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store and its disk.

    Attributes:
        root: The folder; may be missing.
        refusal: Why it cannot be written, or must not be; or None.
        file_system: The type, such as `ext4`; None if unknown.
        free: The number of free bytes; None if unknown.
        methods: The methods that work from it into the workspace; None if they cannot be tried.
    """

    root: Path
    refusal: str | None
    file_system: str | None
    free: int | None
    methods: tuple[Method, ...] | None


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """All facts about a machine.

    Attributes:
        python: The interpreter's version.
        executable: The interpreter.
        packages: The versions of `PACKAGES`; None for one that is missing.
        has_libzstd: Whether the system's libzstd can be used.
        host: The host's platform, or why there is none.
        environ: The environment.
        missing_files: The missing files among those that the environment names for certificates.
        store: The store, or why there is none.
        workspace: The folder below which files are materialized.
        tools: `TOOLS` by name; None for one that is missing.
    """

    python: tuple[int, int, int]
    executable: str
    packages: Mapping[str, str | None]
    has_libzstd: bool
    host: Host | UsageError
    environ: Mapping[str, str]
    missing_files: frozenset[str]
    store: StoreFacts | UsageError
    workspace: Path
    tools: Mapping[str, Tool | None]


CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name files with certificates of authorities."""


def probe_machine(
    environ: Mapping[str, str], store: Path | UsageError, workspace: Path
) -> DoctorFacts:
    """Collect facts about this machine; leave nothing behind.

    Args:
        environ: The environment.
        store: The store's folder, or why there is none.
        workspace: An existing folder.
    """
    named = [environ[name] for name in CERTIFICATE_VARIABLES if environ.get(name)]
    with ThreadPoolExecutor(len(TOOLS)) as pool:
        tools = pool.map(lambda item: probe_tool(item[0], item[1], environ), TOOLS.items())
    return DoctorFacts(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        executable=sys.executable,
        packages={name: _package_version(name) for name in PACKAGES},
        has_libzstd=system_library() is not None,
        host=_host(),
        environ=environ,
        missing_files=frozenset(name for name in named if not Path(name).exists()),
        store=store if isinstance(store, UsageError) else probe_store(store, workspace),
        workspace=workspace,
        tools=dict(zip(TOOLS, tools, strict=True)),
    )


def probe_store(root: Path, workspace: Path) -> StoreFacts:
    """Collect facts about a store and its disk.

    Args:
        root: The store's folder; if it is missing, the nearest existing parent is checked.
        workspace: The folder for the files.
    """
    folder = next(parent for parent in (root, *root.parents) if os.path.lexists(parent))
    refusal = _other_user(root) or _refusal_to_write(folder)
    methods = None
    if refusal is None:
        try:
            methods = methods_between(folder, workspace)
        except OSError:
            methods = None
    try:
        free: int | None = shutil.disk_usage(folder).free
    except OSError:
        free = None
    return StoreFacts(root, refusal, file_system_of(folder), free, methods)


def _other_user(root: Path) -> str | None:
    """Return why a store is not this user's, or None."""
    try:
        StoreFolder(root).refuse_other_user()
    except UsageError as error:
        return error.what
    return None


def probe_tool(name: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Tool | None:
    """Find a tool and ask for its version.

    Args:
        name: Its name. For bazel, the variable `BAZEL` may name one, and bazelisk counts, too.
        arguments: The arguments that print its version.
        environ: The environment.
    """
    names = [environ.get("BAZEL") or "bazel", "bazelisk"] if name == "bazel" else [name]
    path = next((p for n in names if (p := shutil.which(n, path=environ.get("PATH")))), None)
    if path is None:
        return None
    try:
        said = run_bounded([path, *arguments], environ=environ, seconds=_TOOL_SECONDS)
    except OSError:
        return Tool(path, "")
    lines = said.text().strip().splitlines()
    return Tool(path, lines[0] if lines and said.code == 0 else "")


def file_system_of(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the type of the file system that a folder is on (proc_pid_mounts(5)).

    Args:
        folder: An existing folder.
        mounts: The system's table of mounts.

    Returns:
        Such as `ext4`; None if there is no table.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = Path(os.path.realpath(folder))
    deepest, kind = -1, None
    for line in lines:
        fields = line.split(" ")
        point = Path(_unescaped(fields[1]))
        # A later mount on the same folder hides the earlier one.
        if (point == real or point in real.parents) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), fields[2]
    return kind


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _refusal_to_write(folder: Path) -> str | None:
    sample = folder / temporary_name()
    try:
        sample.touch()
    except OSError as error:
        return error.strerror or str(error)
    finally:
        if os.path.lexists(sample):
            sample.unlink()
    return None


def _package_version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _host() -> Host | UsageError:
    try:
        return detect()
    except UsageError as error:
        return error
