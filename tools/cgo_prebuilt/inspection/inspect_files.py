"""Inspect a platform's libraries with the tools of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cgo_prebuilt.host import detect
from cgo_prebuilt.inspection.build_paths import build_paths
from cgo_prebuilt.inspection.inspect_library import ERROR, Finding, inspect_libraries
from cgo_prebuilt.inspection.object_files import ObjectFile, read_objects
from cgo_prebuilt.inspection.provided_symbols import ProvidedSymbols, provided_symbols
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.this_machine import detect_machine


def inspect_files(spec: PlatformSpec, sources: Mapping[str, Path]) -> list[Finding]:
    """Inspect a platform's newly built libraries.

    Args:
        spec: The platform in the manifest.
        sources: The built files by name; `pack` reports missing libraries.
    """
    present = [name for name in spec.interface.libraries() if name in sources]
    libraries = {name: read_objects(sources[name]) for name in present}
    paths = {name: _build_paths(sources[name]) for name in present}
    return inspect_objects(spec.platform, spec.interface, libraries, paths)


def inspect_objects(
    platform: Platform,
    interface: Interface,
    libraries: Mapping[str, Sequence[ObjectFile]],
    paths: Mapping[str, Sequence[str]] | None = None,
) -> list[Finding]:
    """Inspect a platform's libraries, whose objects are already read; see `inspect_libraries`."""
    provided = _provided(platform, interface, libraries)
    return inspect_libraries(platform, interface, libraries, provided, paths)


def _provided(
    platform: Platform, interface: Interface, libraries: Mapping[str, Sequence[ObjectFile]]
) -> ProvidedSymbols | None:
    host = detect()
    if platform.os != "linux" or host.platform != platform:
        return None
    needed = {name for objects in libraries.values() for item in objects for name in item.needed}
    provided = provided_symbols(interface.linkopts, sorted(needed))
    machine = detect_machine(host)
    versions = {"glibc": machine.glibc, "libstdcxx": machine.libstdcxx}
    return None if provided is None else replace(provided, versions=versions)


def _build_paths(path: Path) -> list[str]:
    with path.open("rb") as file:
        return build_paths(file)


def refusals(findings: list[Finding]) -> list[Finding]:
    """Return the findings that forbid packing or locking."""
    return [finding for finding in findings if finding.level == ERROR]
