"""Find the files of a release in an OCI registry: from an index to the layers of its manifests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cgo_prebuilt.releases.registry import TITLE

Descriptor = Mapping[str, object]
Get = Callable[[str, str], bytes | None]
"""Returns a repository's document: of `manifests` by tag or digest, or of `referrers` by digest; or None."""

DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_MOST: Final = 500


def layers_in(document: bytes, get: Get) -> Iterator[tuple[Descriptor, Descriptor]]:
    """Yield the layers of a manifest, or of all manifests in an index.

    Args:
        document: The manifest or the index.
        get: Fetches the index's manifests.

    Yields:
        Each layer, and the descriptor of its manifest in the index; empty without an index.
    """
    for layer in _linked(document, "layers"):
        yield layer, {}
    for manifest in _linked(document, "manifests"):
        for layer in _linked(get("manifests", str(manifest["digest"])), "layers"):
            yield layer, manifest


def layers_about(digest: str, get: Get) -> Iterator[Descriptor]:
    """Yield the layers of the manifests that refer to another one.

    Args:
        digest: The digest of the manifest that they refer to.
        get: Fetches the list of referrers or, if a registry has no such list, the tag that replaces
            it (distribution specification 1.1, "Referrers Tag Schema"); then the manifests.
    """
    listed = _linked(get("referrers", digest), "manifests")
    for one in listed or _linked(get("manifests", digest.replace(":", "-")), "manifests"):
        yield from _linked(get("manifests", str(one["digest"])), "layers")


def listed_in(document: bytes | None, key: str) -> list[Descriptor]:
    """Return the descriptors in a document's list; none if malformed."""
    try:
        listed = json.loads(document or b"{}")[key]
    except (ValueError, RecursionError, LookupError, TypeError):
        return []
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def annotation(descriptor: Descriptor, name: str) -> str:
    """Return an annotation of a descriptor; empty without one."""
    annotations = descriptor.get("annotations")
    found = annotations.get(name) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) else ""


def title_of(descriptor: Descriptor) -> str:
    """Return a layer's file name; empty without one."""
    return annotation(descriptor, TITLE)


def _linked(document: bytes | None, key: str) -> list[Descriptor]:
    """Return the descriptors in a document's list, `_MOST` at most, without malformed digests."""
    listed = listed_in(document, key)[:_MOST]
    return [one for one in listed if DIGEST.fullmatch(str(one.get("digest")))]
