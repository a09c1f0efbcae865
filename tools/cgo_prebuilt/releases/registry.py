"""The layout of a release in an OCI registry, and the URLs of its blobs.

The layout, which `publish` writes and `lock` reads (OCI image and distribution specifications, 1.1):

- The tag is the version; a `+`, which no tag may have, is written `_`.
- It names an image index of `artifactType` `ARTIFACT`. That has a manifest for each platform and
  flavor. Its descriptor has `platform` (`os`, `architecture`), and the annotation `PLATFORM` with
  this project's name of the platform; with flavors `FLAVOR`, too.
- Each manifest has `artifactType` `ARTIFACT`, the empty config
  (`application/vnd.oci.empty.v1+json`, `{}`), and a layer for each archive. A layer's annotation
  `TITLE` is the archive's file name, and its digest is the archive's SHA-256.
- Files about the whole release are in manifests whose `subject` is the index, with a layer for each
  file, titled likewise: `SHA256SUMS` and `SHA256SUMS.sig` in one of `artifactType` `SIGNED`; SBOMs
  and attestations in others, by their media type. Where the registry has no referrers API, the tag
  `sha256-HEX` of the index lists them, as the specification says.

An artifact of one manifest without an index, as `oras push` makes it, is read likewise.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.url import Url

ARTIFACT: Final = "application/vnd.cgo-prebuilt.v1"
SIGNED: Final = "application/vnd.cgo-prebuilt.sums.v1"
TITLE: Final = "org.opencontainers.image.title"
PLATFORM: Final = "dev.cgo-prebuilt.platform"
FLAVOR: Final = "dev.cgo-prebuilt.flavor"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
ACCEPT: Final = {"Accept": f"{INDEX_TYPE}, {MANIFEST_TYPE}"}
"""The headers of every request for a manifest."""

_PLACE: Final = re.compile(
    r"oci://([A-Za-z0-9.-]+(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?)/([a-z0-9._/-]+)"
)
_TAGGED: Final = re.compile(r"oci://[^/@]+/[a-z0-9._/-]+(:[\w.-]+)?(@\w+:[0-9a-f]*)?", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def api_of(place: Url) -> Url:
    """Return a repository's API, `https://HOST/v2/NAME`, for `oci://HOST/NAME`; http on loopback.

    Raises:
        UsageError: It names no repository.
    """
    found = _PLACE.fullmatch(place.raw)
    if found is None and _TAGGED.fullmatch(place.raw):
        raise UsageError(
            "a place in a registry has no tag and no digest",
            where=place,
            remedy="write oci://HOST/NAME: the tag is the version",
        )
    if found is None or not _NAME.fullmatch(found[2]):
        raise UsageError(
            "it does not name a repository of a registry",
            where=place,
            remedy="write oci://HOST/NAME, in lower case, without a tag, which is the version",
        )
    host = "registry-1.docker.io" if found[1] == "docker.io" else found[1]
    scheme = "http" if place.host in _LOOPBACK else "https"
    return Url(f"{scheme}://{host}/v2/{found[2]}")


def manifest_in(reply: Reply, reference: str) -> bytes:
    """Parse a registry's manifest.

    Args:
        reply: Its answer.
        reference: The requested tag, or digest, which must match.

    Raises:
        IntegrityError: The digest does not match.
    """
    digest = f"sha256:{hashlib.sha256(reply.content).hexdigest()}"
    if reference.startswith("sha256:") and reference != digest:
        raise IntegrityError(
            f"the registry gives {digest} for {reference}",
            where=reply.url,
            remedy="do not use it; ask who runs the registry",
        )
    return reply.content


def tag_of(version: str) -> str:
    """Return a version's tag.

    Raises:
        UsageError: A tag cannot have this name.
    """
    tag = version.replace("+", "_")
    if not _TAG.fullmatch(tag):
        raise UsageError(
            f"a registry has no tag for the version {version}",
            where="version",
            remedy="use at most 128 letters, digits, dots, dashes and underscores",
        )
    return tag
