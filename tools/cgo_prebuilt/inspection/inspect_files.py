"""Inspecting libraries with what this machine has to do it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cgo_prebuilt.host import detect
from cgo_prebuilt.inspection.inspect_library import ERROR, Finding, build_paths, inspect_libraries
from cgo_prebuilt.inspection.object_files import read_objects
from cgo_prebuilt.inspection.provided_symbols import provided_symbols
from cgo_prebuilt.manifests.platform_section import PlatformSpec


def inspect_files(spec: PlatformSpec, sources: Mapping[str, Path]) -> list[Finding]:
    """Inspects a platform's libraries.

    Args:
        spec: What the manifest says of the platform.
        sources: The built files by name; a library that is not there is `pack`'s to miss.
    """
    present = [name for name in spec.interface.libraries() if name in sources]
    libraries = {name: read_objects(sources[name]) for name in present}
    paths = {name: build_paths(sources[name].read_bytes()) for name in present}
    native = spec.platform.os == "linux" and detect().platform == spec.platform
    provided = provided_symbols(spec.interface.linkopts) if native else None
    return inspect_libraries(spec.platform, spec.interface, libraries, paths, provided)


def refusals(findings: list[Finding]) -> list[Finding]:
    """The findings that nothing can be made of."""
    return [finding for finding in findings if finding.level == ERROR]
