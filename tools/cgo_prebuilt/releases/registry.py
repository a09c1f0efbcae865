"""A release as an artifact of an OCI registry, and the blobs that its archives are.

The layout, which `publish` writes and `lock` reads (OCI image and distribution specifications, 1.1):

- The tag is the version; a `+`, which no tag may have, is written `_`.
- It names an image index of `artifactType` `ARTIFACT`. That has a manifest for each platform and
  flavor. Its descriptor has `platform` (`os`, `architecture`), and the annotation `PLATFORM` with
  the name that it has here; with flavors `FLAVOR`, too.
- Each manifest has `artifactType` `ARTIFACT`, the empty config
  (`application/vnd.oci.empty.v1+json`, `{}`), and a layer for each archive. A layer's annotation
  `TITLE` is the archive's file name, and its digest is the archive's SHA-256.
- What is about the whole release is a manifest whose `subject` is the index, with a layer for each
  file, titled likewise: `SHA256SUMS` and `SHA256SUMS.sig` in one of `artifactType` `SIGNED`; SBOMs
  and attestations in others, by their media type. Where the registry has no referrers API, the tag
  `sha256-HEX` of the index lists them, as the specification says.

An artifact of one manifest without an index, as `oras push` makes it, is read likewise.
"""

from __future__ import annotations

from typing import Final

ARTIFACT: Final = "application/vnd.cgo-prebuilt.v1"
SIGNED: Final = "application/vnd.cgo-prebuilt.sums.v1"
TITLE: Final = "org.opencontainers.image.title"
PLATFORM: Final = "dev.cgo-prebuilt.platform"
FLAVOR: Final = "dev.cgo-prebuilt.flavor"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
