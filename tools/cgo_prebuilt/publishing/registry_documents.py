"""The OCI manifests of a release; `releases.registry` describes their layout.

The documents are reproducible: without times and machine names, the same release has the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.publishing.sbom import SUFFIX as SBOM_SUFFIX
from cgo_prebuilt.releases.registry import (
    ARTIFACT,
    FLAVOR,
    INDEX_TYPE,
    MANIFEST_TYPE,
    PLATFORM,
    SIGNED,
    TITLE,
)
from cgo_prebuilt.releases.registry_layers import Descriptor, annotation, listed_in
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS

EMPTY: Final = b"{}"
"""The config of an artifact other than an image (image specification, "Guidance for an empty descriptor")."""

EMPTY_DIGEST: Final = f"sha256:{hashlib.sha256(EMPTY).hexdigest()}"

_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_MEDIA_TYPES: Final = {
    ".tar.zst": "application/zstd",
    ".tar.gz": "application/gzip",
    ".tgz": "application/gzip",
    ".zip": "application/zip",
    SBOM_SUFFIX: "application/vnd.cyclonedx+json",
    ".jsonl": "application/vnd.dev.sigstore.bundle.v0.3+json",
    ".sigstore.json": "application/vnd.dev.sigstore.bundle.v0.3+json",
}


def media_type(name: str) -> str:
    """Return a file's media type, by its name."""
    found = (kind for suffix, kind in _MEDIA_TYPES.items() if name.endswith(suffix))
    return next(found, "application/octet-stream")


def artifact_type(name: str) -> str:
    """Return the artifact type of a file about the whole release."""
    return SIGNED if name in (SUMS, SIGNATURE) else media_type(name)


def document_descriptor(content: bytes, kind: str) -> dict[str, object]:
    """Return a document's descriptor."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def layer(name: str, sha256: str, size: int) -> Descriptor:
    """Return a file's descriptor."""
    digest, annotations = f"sha256:{sha256}", {TITLE: name}
    return {
        "mediaType": media_type(name),
        "digest": digest,
        "size": size,
        "annotations": annotations,
    }


def manifest_of(
    kind: str, layers: Sequence[Descriptor], subject: Descriptor | None = None
) -> bytes:
    """Return a manifest.

    Args:
        kind: Its artifact type.
        layers: Its files.
        subject: The manifest that it refers to; None for none.
    """
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": kind,
        "config": document_descriptor(EMPTY, _EMPTY_TYPE),
        "layers": list(layers),
    }
    if subject is not None:
        document["subject"] = subject
    return _bytes(document)


def platform_manifests(
    manifest: Manifest, layers: Mapping[str, Descriptor]
) -> list[tuple[Descriptor, bytes]]:
    """Return each platform's and flavor's manifest, with its descriptor in the index.

    Args:
        manifest: The manifest of the library.
        layers: The descriptors of its archives, by name.
    """
    made: list[tuple[Descriptor, bytes]] = []
    for spec in manifest.specs():
        content = manifest_of(ARTIFACT, [layers[archive.file] for archive in spec.archives])
        annotations = {PLATFORM: str(spec.platform)} | (
            {FLAVOR: spec.flavor} if spec.flavor else {}
        )
        platform = {"os": spec.platform.os, "architecture": spec.platform.arch}
        descriptor = {
            **document_descriptor(content, MANIFEST_TYPE),
            "artifactType": ARTIFACT,
            "platform": platform,
            "annotations": annotations,
        }
        made.append((descriptor, content))
    return made


def index_of(manifest: Manifest, descriptors: Sequence[Descriptor]) -> bytes:
    """Return the index that a version's tag names."""
    prefix = "org.opencontainers.image"
    annotations = {f"{prefix}.title": manifest.name, f"{prefix}.version": manifest.version}
    return _bytes(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "artifactType": ARTIFACT,
            "manifests": sorted(descriptors, key=_key),
            "annotations": annotations,
        }
    )


def with_referrer(tag: bytes | None, referrer: Descriptor, kind: str) -> bytes:
    """Return the list of a manifest's referrers, for registries without that API (OCI 1.1).

    Args:
        tag: The present list, the text of the fallback tag; None without one.
        referrer: The descriptor to add.
        kind: Its artifact type.
    """
    entry = {**referrer, "artifactType": kind}
    listed = [one for one in listed_in(tag, "manifests") if one != entry]
    return _bytes({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*listed, entry]})


def merged(old: Sequence[Descriptor], new: Sequence[Descriptor]) -> list[Descriptor]:
    """Return an index's descriptors with the new ones added or replaced."""
    return list({_key(one): one for one in (*old, *new)}.values())


def _key(descriptor: Descriptor) -> tuple[str, str]:
    name = annotation(descriptor, PLATFORM) or str(descriptor.get("digest"))
    return name, annotation(descriptor, FLAVOR)


def _bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
