"""Publish to an OCI registry (OCI distribution specification, 1.1).

Files are blobs, which are sent first; then the manifests that name them; the tag comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.network.api import Api, FilePart
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.publishing.publish import (
    RERUN,
    ReleaseFile,
    Request,
    not_uploaded,
    overtaken,
    refusal,
)
from cgo_prebuilt.publishing.registry_documents import (
    EMPTY,
    EMPTY_DIGEST,
    artifact_type,
    document_descriptor,
    index_of,
    layer,
    manifest_of,
    merged,
    platform_manifests,
    with_referrer,
)
from cgo_prebuilt.releases.registry import (
    ACCEPT,
    INDEX_TYPE,
    MANIFEST_TYPE,
    api_of,
    manifest_in,
    tag_of,
)
from cgo_prebuilt.releases.registry_layers import (
    Descriptor,
    layers_about,
    layers_in,
    listed_in,
    title_of,
)
from cgo_prebuilt.url import Url

CHUNKS: Final = (8 << 20, 4 << 20, 0)
"""The sizes of chunks to try: the next one if a registry refuses one. A broken connection loses one chunk.

GitHub's registry accepts 4 MiB (416). Google's accepts only the whole file in one request: 0.
"""

_BYTES: Final = {"Content-Type": "application/octet-stream"}
_RANGE: Final = re.compile(r"(?:bytes=)?0-([0-9]{1,15})")


class RegistryPlace:
    """A repository of a registry; see `publish.Destination`.

    Args:
        place: `oci://HOST/NAME`.
        manifest: The manifest, whose version is the tag.
        session: Sends the requests.
        progress: Receives the progress of the files.
    """

    def __init__(self, place: Url, manifest: Manifest, session: Api, progress: Progress) -> None:
        self._place = place
        self._api = api_of(place)
        self._manifest = manifest
        self._tag = tag_of(manifest.version)
        self._session = session
        self._progress = progress
        self._release: _Release | None = None
        self._is_changed = False
        self._chunks = list(CHUNKS)

    def url_of(self, name: str) -> Url:
        """Return a release file's URL, which does not exist if the registry lacks the file."""
        found = self._published().layers.get(name)
        return self._url(f"blobs/{found['digest'] if found else name}")

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """See `Destination.existing`. A blob's digest is its SHA-256."""
        there = self._published().layers
        digests = {name: str(there[name].get("digest")) for name in names if name in there}
        return {name: digest.removeprefix("sha256:") for name, digest in digests.items()}

    def text(self, name: str) -> str | None:
        """See `Destination.text`."""
        if name not in self._published().layers:
            return None
        reply = self._session.ask(self.url_of(name))
        if reply.status != 200:
            raise refusal(reply).error(f"{name} cannot be read", reply.url)
        return reply.content.decode(errors="replace")

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """See `Destination.plan`."""
        planned = []
        uploads = str(self._url("blobs/uploads/"))
        for digest, patched, put in [
            *((f"sha256:{file.sha256}", file.size, 0) for file in files),
            *([(EMPTY_DIGEST, 0, len(EMPTY))] if files else []),
        ]:
            if not self._has_blob(digest):
                planned.append(Request("POST", uploads, 0))
                planned += [Request("PATCH", f"{uploads}UPLOAD", patched)] if patched else []
                planned.append(Request("PUT", f"{uploads}UPLOAD?digest={digest}", put))
        for file in files:
            self._add_file(file)
        for reference, content, _ in self._documents():
            planned.append(Request("PUT", str(self._url(f"manifests/{reference}")), len(content)))
        return planned

    def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
        """See `Destination.send`. Blobs have no names, so none replaces another."""
        progress = self._progress.start(file.name, file.size)
        upload = _Upload(self._session, self._url("blobs/uploads/"), file, progress, self._chunks)
        try:
            self._session.retrying(
                lambda: self._has_blob(upload.digest) or upload.run(),
                self._api,
                gained=lambda: upload.most,
            )
        except Failure as failure:
            progress.done("failed")
            raise not_uploaded(file, failure, self._place) from None
        progress.done("done")
        self._add_file(file)

    def finish(self) -> str:
        """See `Destination.finish`. The tag is read before the manifests are sent, and again before it moves.

        Registries have no conditional PUT ("Pushing Manifests" has none). So if another publisher moves the
        tag between the last check and the PUT, that change is overwritten.
        """
        documents = list(self._documents())
        if documents and not self._has_blob(EMPTY_DIGEST):
            started = self._good(self._session.send("POST", self._url("blobs/uploads/"), b""))
            at = _with_digest(_location(started), EMPTY_DIGEST)
            self._good(self._session.send("PUT", at, EMPTY, headers=_BYTES))
        for reference, content, kind in documents[:-1]:
            url = self._url(f"manifests/{reference}")
            self._good(self._session.send("PUT", url, content, headers={"Content-Type": kind}))
        if documents:
            self._move_tag(documents[-1][1])
        return f"{self._place}:{self._tag}"

    def _move_tag(self, index: bytes) -> None:
        url, headers = self._url(f"manifests/{self._tag}"), {"Content-Type": INDEX_TYPE}

        def move() -> Reply | None:
            there = self._get("manifests", self._tag)
            if there == index:
                return None
            if there != self._published().index:
                raise overtaken(self._tag, self._place)
            return self._session.send_once("PUT", url, index, headers=headers)

        try:
            reply = self._session.retrying(move, url, is_small=True)
        except Failure as failure:
            raise failure.error("the release cannot be published", url, RERUN) from None
        if reply is not None:
            self._good(reply)
        if self._get("manifests", self._tag) != index:
            raise overtaken(self._tag, self._place)

    def _documents(self) -> Iterator[tuple[str, bytes, str]]:
        """Yield the manifests to send, in order, with names and media types."""
        release = self._published()
        platforms = platform_manifests(self._manifest, release.layers)
        index = index_of(self._manifest, merged(release.indexed, [one for one, _ in platforms]))
        if index == release.index and not self._is_changed:
            return
        for descriptor, content in platforms:
            yield str(descriptor["digest"]), content, MANIFEST_TYPE
        subject = document_descriptor(index, INDEX_TYPE)
        digest = str(subject["digest"])
        yield digest, index, INDEX_TYPE
        fallback = digest.replace(":", "-")
        listed = before = self._get("manifests", fallback)
        for kind, layers in self._about().items():
            content = manifest_of(kind, layers, subject)
            descriptor = document_descriptor(content, MANIFEST_TYPE)
            yield str(descriptor["digest"]), content, MANIFEST_TYPE
            listed = with_referrer(listed, descriptor, kind)
        # For registries without a list of a manifest's referrers.
        if listed is not None and listed != before and self._get("referrers", digest) is None:
            yield fallback, listed, INDEX_TYPE
        yield self._tag, index, INDEX_TYPE

    def _about(self) -> dict[str, list[Descriptor]]:
        """Return the files about the whole release, by artifact type."""
        release, about = self._published(), dict[str, list[Descriptor]]()
        archives = {archive.file for spec in self._manifest.specs() for archive in spec.archives}
        for name in sorted(release.layers.keys() - archives - release.archives):
            about.setdefault(artifact_type(name), []).append(release.layers[name])
        return dict(sorted(about.items()))

    def _add_file(self, file: ReleaseFile) -> None:
        self._published().layers[file.name] = layer(file.name, file.sha256, file.size)
        self._is_changed = True

    def _published(self) -> _Release:
        if self._release is None:
            self._release = _Release(self._get("manifests", self._tag))
            if self._release.index is not None:
                self._read(self._release, self._release.index)
        return self._release

    def _read(self, release: _Release, index: bytes) -> None:
        release.indexed = listed_in(index, "manifests")
        release.layers = {title_of(one): one for one, _ in layers_in(index, self._get)}
        release.archives = set(release.layers)
        for one in layers_about(str(document_descriptor(index, INDEX_TYPE)["digest"]), self._get):
            release.layers.setdefault(title_of(one), one)
        release.layers.pop("", None)  # a layer without a title is not a file of a release

    def _get(self, kind: str, reference: str) -> bytes | None:
        """Return a manifest, or the list of a manifest's referrers; None if it does not exist."""
        reply = self._session.ask(self._url(f"{kind}/{reference}"), headers=ACCEPT)
        if kind == "referrers":
            return reply.content if reply.status == 200 else None
        if reply.status == 404:
            return None
        return manifest_in(self._good(reply), reference)

    def _has_blob(self, digest: str) -> bool:
        reply = self._session.send("HEAD", self._url(f"blobs/{digest}"))
        return reply.status != 404 and bool(self._good(reply))

    def _good(self, reply: Reply) -> Reply:
        if not 200 <= reply.status < 300:
            raise refusal(reply).error("the release cannot be published", reply.url, RERUN)
        return reply

    def _url(self, path: str) -> Url:
        return Url(f"{self._api.raw}/{path}")


class _Release:
    """The part of a release that a repository already holds.

    Args:
        index: The text that the tag names; None if there is no such tag.

    Attributes:
        indexed: The descriptors in the index.
        layers: The descriptors of the files, by name.
        archives: The files of the index; the others are about the whole release.
    """

    def __init__(self, index: bytes | None) -> None:
        self.index = index
        self.indexed: list[Descriptor] = []
        self.layers: dict[str, Descriptor] = {}
        self.archives: set[str] = set()


class _Upload:
    """An upload of a blob in chunks ("Pushing a blob in chunks" of the specification).

    An attempt resumes after the last chunk that the registry has. If a registry discards an upload that was
    interrupted within a chunk, as docker-registry does, the file is sent from its start.

    Attributes:
        digest: The blob's digest.
        most: The most bytes that the registry has had.
    """

    def __init__(
        self,
        session: Api,
        uploads: Url,
        file: ReleaseFile,
        progress: FileProgress,
        chunks: list[int],
    ) -> None:
        self.digest = f"sha256:{file.sha256}"
        self.most = 0
        self._chunks = chunks
        self._least = 0
        self._session = session
        self._uploads = uploads
        self._file = file
        self._progress = progress
        self._at: Url | None = None

    def run(self) -> bool:
        """Send the missing bytes.

        Raises:
            Failure: It failed; a retry may succeed.
        """
        start, size = 0, self._file.size
        if self._at is not None:
            start = self._arrived(self._session.send_once("GET", self._at))
        if self._at is None:
            reply = self._session.send_once("POST", self._uploads, b"")
            self._accept(reply)
            least = reply.headers.get("oci-chunk-min-length", "").strip()
            self._least = int(least[:15]) if re.fullmatch("[0-9]+", least) else 0
        assert self._at is not None
        is_new = start == 0
        while start < size:
            chunk = self._chunks[0]
            end = min(start + max(chunk, self._least), size) if chunk else size
            headers = {"Content-Range": f"{start}-{end - 1}"} if chunk or start else {}
            part = FilePart(self._file.path, start, end - start)
            reply = self._session.send_file("PATCH", self._at, part, self._progress, headers)
            # If the upload was not interrupted, the registry refuses the size or the number of chunks.
            is_refused = is_new and reply.status in (400, 404, 405, 416)
            if is_refused and chunk and size > (self._chunks[1] or chunk):
                del self._chunks[0]
                self._at = None
                raise Failure(Kind.RESET, refusal(reply).reason)
            self._accept(reply)
            self.most, start = max(self.most, end), end
        at = _with_digest(self._at, self.digest)
        reply = self._session.send_once("PUT", at, b"", headers=_BYTES)
        if not 200 <= reply.status < 300:
            self._at = None
            raise refusal(reply)
        return True

    def _arrived(self, reply: Reply) -> int:
        """Return the number of bytes that the registry has; restart the upload if it does not tell."""
        found = _RANGE.fullmatch(reply.headers.get("range", ""))
        if reply.status != 204 or found is None or int(found[1]) == 0:
            self._at = None
            return 0
        self._at = _location(reply)
        return min(int(found[1]) + 1, self._file.size)

    def _accept(self, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            self._at = _location(reply)
            return
        failure = refusal(reply)
        if self._at is not None and reply.status == 401:
            # The token expired during the upload. The client renews it only for repeatable requests.
            self._session.send_once("POST", self._uploads, b"")
            failure.kind = Kind.RESET
        elif self._at is not None and reply.status in (404, 416):
            self._at = None
            failure.kind = Kind.RESET
        raise failure


def _location(reply: Reply) -> Url:
    """Return the URL at which an upload continues.

    Raises:
        Failure: The answer lacks it.
    """
    try:
        return reply.url.redirect(reply.headers["location"])
    except (KeyError, ValueError) as error:
        remedy = (
            "tell whoever runs the registry: its Location header is missing, malformed, or leads from"
            " https to http"
        )
        said = f"an upload without a location: {error}"
        raise Failure(Kind.MALFORMED, said, remedy=remedy) from None


def _with_digest(at: Url, digest: str) -> Url:
    return Url(f"{at.raw}{'&' if '?' in at.raw else '?'}digest={digest}")
