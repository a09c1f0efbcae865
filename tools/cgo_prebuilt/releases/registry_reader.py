"""Read a release from an OCI registry: archives as blobs, and the files about them.

`registry` defines the layout of a release. A blob is fetched like any other file: its URL is https, and
its digest is the archive's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cgo_prebuilt.errors import UnavailableError
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.network.api import Api
from cgo_prebuilt.network.failure import status_failure
from cgo_prebuilt.releases.registry import (
    FLAVOR,
    PLATFORM,
    api_of,
    manifest_in,
    tag_of,
)
from cgo_prebuilt.releases.registry_layers import (
    DIGEST,
    Descriptor,
    layers_about,
    layers_in,
    title_of,
)
from cgo_prebuilt.url import Url

_REFERENCE: Final = re.compile(r"(oci://[^/]+/[^:]+)(?::(.+))?")
_BLOB: Final = re.compile(r"(https?://[^/]+/v2/.+)/blobs/([^/?#]+)")


@dataclass(frozen=True, slots=True)
class _Layer:
    """A release's file: name, digest and purpose, by `PLATFORM` and `FLAVOR`."""

    title: str
    digest: str
    purpose: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Artifact:
    """A tag's artifact: its digest and files."""

    digest: str
    layers: tuple[_Layer, ...]


class RegistryReader:
    """Finds files in registries; each manifest is read once.

    Args:
        session: Sends the requests, with `ACCEPT`.
    """

    def __init__(self, session: Api) -> None:
        self._session = session
        self._artifacts: dict[tuple[Url, str], _Artifact] = {}
        self._beside: dict[Url, Mapping[str, str]] = {}

    def blob(self, place: Url, version: str, file: str, purpose: Mapping[str, str]) -> Url:
        """Return an archive's URL.

        Args:
            place: `oci://HOST/NAME`, perhaps followed by `:TAG`.
            version: The default tag.
            file: The archive's name.
            purpose: Its platform and flavor, to select among several.

        Raises:
            UnavailableError: It is missing.
            IntegrityError: The registry returns a different manifest than the requested one.
        """
        api, tag = key = _repository(place, version)
        if key not in self._artifacts:
            self._artifacts[key] = self._read(api, tag)
        layers = self._artifacts[key].layers
        fitting = [layer for layer in layers if layer.title == file]
        for what, value in purpose.items():
            fitting = [one for one in fitting if one.purpose.get(what) == value] or fitting
        digests = {layer.digest for layer in fitting}
        if len(digests) != 1:
            titles = ", ".join(sorted({layer.title for layer in layers})[:20]) or "no named file"
            raise UnavailableError(
                f"the registry has {file} {len(digests)} times" if digests else f"it has no {file}",
                where=f"{place} ({api.raw}/manifests/{tag})",
                remedy=f"correct 'file' in the manifest, or publish it again; it has {titles}",
            )
        return Url(f"{api.raw}/blobs/{digests.pop()}")

    def file_beside(self, url: Url) -> Url | None:
        """Return the URL of a text about a release, for a name beside a blob.

        Args:
            url: A URL such as `https://HOST/v2/NAME/blobs/SHA256SUMS`; any other is returned unchanged.

        Returns:
            The URL; None if the registry lacks the file.
        """
        match = _BLOB.fullmatch(url.raw)
        api = Url(match[1]) if match else url
        artifacts = [one for (place, _), one in self._artifacts.items() if place == api]
        if match is None or not artifacts or DIGEST.fullmatch(match[2]):
            return url
        if api not in self._beside:
            found = [self._read_beside(api, artifact) for artifact in artifacts]
            self._beside[api] = {name: one[name] for one in reversed(found) for name in one}
        digest = self._beside[api].get(match[2])
        return None if digest is None else Url(f"{api.raw}/blobs/{digest}")

    def _read(self, api: Url, tag: str) -> _Artifact:
        content = self._get(api, "manifests", tag)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return _Artifact(digest, tuple(_layers(layers_in(content, partial(self._get, api)))))

    def _read_beside(self, api: Url, artifact: _Artifact) -> Mapping[str, str]:
        def get(kind: str, reference: str) -> bytes | None:
            try:
                return self._get(api, kind, reference)
            except UnavailableError:
                if kind == "manifests" and DIGEST.fullmatch(reference):
                    raise
                return None  # not every registry has such a list

        about = _layers((one, {}) for one in layers_about(artifact.digest, get))
        return {layer.title: layer.digest for layer in reversed([*artifact.layers, *about])}

    def _get(self, api: Url, kind: str, reference: str) -> bytes:
        reply = self._session.ask(Url(f"{api.raw}/{kind}/{reference}"))
        if reply.status != 200:
            failure = status_failure(reply.status, reply.reason, None)
            raise failure.error("the registry does not serve it", reply.url)
        content = manifest_in(reply, reference if kind == "manifests" else "")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise UnavailableError(
                "the registry's answer is not a manifest",
                where=reply.url,
                remedy="check the registry's name in 'urls'",
            )
        return content


def with_blobs(manifest: Manifest, registry: RegistryReader) -> Manifest:
    """Return a manifest with registry URLs replaced by those of blobs.

    Raises:
        UnavailableError: A registry lacks an archive, or refuses it.
        UsageError: A URL does not name a repository.
    """

    def found(url: Url, file: str, purpose: Mapping[str, str]) -> Url:
        return registry.blob(url, manifest.version, file, purpose) if url.scheme == "oci" else url

    flavors = {}
    for flavor, specs in manifest.flavors.items():
        flavors[flavor] = tuple(
            replace(
                spec,
                archives=tuple(
                    replace(
                        one,
                        urls=tuple(
                            found(url, one.file, {PLATFORM: str(spec.platform), FLAVOR: flavor})
                            for url in one.urls
                        ),
                    )
                    for one in spec.archives
                ),
            )
            for spec in specs
        )
    return replace(manifest, flavors=flavors)


def blob_of(url: Url, version: str, sha256: str) -> Url:
    """Return the URL of a blob by hash, or the URL itself outside of registries."""
    if url.scheme != "oci":
        return url
    return Url(f"{_repository(url, version)[0].raw}/blobs/sha256:{sha256}")


def digest_in(urls: Sequence[Url]) -> str | None:
    """Return the SHA-256 in a blob's URL; None for other URLs."""
    matches = (DIGEST.fullmatch(match[2]) for url in urls if (match := _BLOB.fullmatch(url.raw)))
    return next((match[1] for match in matches if match), None)


def _repository(place: Url, version: str) -> tuple[Url, str]:
    match = _REFERENCE.fullmatch(place.raw)
    repository, tag = (match[1], match[2]) if match else (place.raw, None)
    return api_of(Url(repository)), tag_of(tag or version)


def _layers(found: Iterable[tuple[Descriptor, Descriptor]]) -> list[_Layer]:
    """Return the named files among layers, each with its manifest's descriptor."""
    return [
        _Layer(title.rpartition("/")[2], str(one["digest"]), _purpose(manifest))
        for one, manifest in found
        if (title := title_of(one))
    ]


def _purpose(manifest: Descriptor) -> Mapping[str, str]:
    if not manifest:
        return {}
    annotations, platform = (_texts(manifest.get(key)) for key in ("annotations", "platform"))
    usual = f"{platform.get('os')}_{platform.get('architecture')}"
    return {PLATFORM: usual, **annotations}


def _texts(value: object) -> Mapping[str, str]:
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}
