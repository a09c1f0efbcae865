"""A reproducible bill of materials of an archive: CycloneDX 1.6 as JSON (ECMA-424)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cgo_prebuilt.locks.lock import LockedFile

SUFFIX = ".cdx.json"
"""The suffix after an archive's name."""


def sbom(
    name: str,
    version: str,
    platform: str,
    archive: Mapping[str, str],
    files: Sequence[LockedFile],
) -> str:
    """Return the text of a bill of materials.

    It lists the archive and its files, each with its hash. Components such as crates and submodules are
    known to the library's build only. The optional time and serial number are left out.

    Args:
        name: The library.
        version: Its version.
        platform: The archive's platform.
        archive: The SHA-256 of the only archive, by its file name.
        files: Its files.
    """
    ((file, sha256),) = archive.items()
    purl = (
        f"pkg:generic/{quote(name)}@{quote(version)}?platform={platform}&checksum=sha256:{sha256}"
    )
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "purl": purl,
                "hashes": [{"alg": "SHA-256", "content": sha256}],
                "properties": [
                    {"name": "cgo-prebuilt:archive", "value": file},
                    {"name": "cgo-prebuilt:platform", "value": platform},
                ],
            }
        },
        "components": [
            {
                "type": "file",
                "bom-ref": f"{purl}#{item.path}",
                "name": item.path,
                "hashes": [{"alg": "SHA-256", "content": item.sha256}],
            }
            for item in files
        ],
        "dependencies": [
            {"ref": purl, "dependsOn": [f"{purl}#{item.path}" for item in files]},
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
