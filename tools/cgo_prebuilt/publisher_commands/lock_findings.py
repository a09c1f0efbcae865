"""Findings of `lock` about the libraries that it locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import ManifestError

if TYPE_CHECKING:
    from cgo_prebuilt.inspection.inspect_library import Finding
    from cgo_prebuilt.inspection.object_files import ObjectFile
    from cgo_prebuilt.locks.lock import Interface
    from cgo_prebuilt.manifests.platform_section import PlatformSpec


class LibraryFindings:
    """Inspects libraries, and reports each finding once for all its platforms.

    Attributes:
        found: The platforms of each finding.
    """

    def __init__(self) -> None:
        self.found: dict[Finding, list[str]] = {}

    def inspect(
        self,
        spec: PlatformSpec,
        interface: Interface,
        libraries: Mapping[str, Sequence[ObjectFile]],
    ) -> None:
        """Inspect the libraries of a platform; a `locking.InspectLibraries`.

        Raises:
            ManifestError: They are for a different platform.
        """
        from cgo_prebuilt.inspection.inspect_files import inspect_objects, refusals

        findings = inspect_objects(spec.platform, interface, libraries)
        wrong = refusals(findings)
        if wrong:
            raise ManifestError(
                f"the manifest gives {spec} a library for another platform: {wrong[0].what}",
                where=", ".join(dict.fromkeys(finding.file for finding in wrong)),
                remedy=wrong[0].remedy or "take another build of it",
            )
        for finding in findings:
            self.found.setdefault(finding, []).append(str(spec))

    def report(self, note: Callable[[str], None]) -> None:
        """Report all findings."""
        for finding, platforms in self.found.items():
            note(f"{', '.join(platforms)}: {finding}")
