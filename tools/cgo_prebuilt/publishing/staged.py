"""Download a published release into a folder, to publish it elsewhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cgo_prebuilt.archives.bytestream import save
from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.source.source_tree import archive_name
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS, parse_sums

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transport


class PublishedPlace(Protocol):
    """A place that has a release."""

    def text(self, name: str) -> str | None:
        """Return a small text; None if it does not exist."""

    def url_of(self, name: str) -> Url:
        """Return a file's download URL."""


def download_release(
    published: PublishedPlace, where: Url, manifest: Manifest, folder: Path, transport: Transport
) -> None:
    """Download every file that a release's `SHA256SUMS` lists.

    Args:
        published: The place.
        where: The place's name, for errors.
        manifest: The release's manifest; its source is published elsewhere.
        folder: The empty output folder.
        transport: Downloads the files.

    Raises:
        UnavailableError: `SHA256SUMS`, or a file, is missing.
        IntegrityError: A file does not match `SHA256SUMS`, or that is malformed.
    """
    text = published.text(SUMS)
    if text is None:
        raise UnavailableError(
            f"there is no {SUMS}, which says what was published",
            where=where,
            remedy="name the place that was given to `publish --to`",
        )
    try:
        sums = parse_sums(text)
        strange = [name for name in sums if Path(name).name != name or name in (SUMS, SIGNATURE)]
        if strange:
            raise ValueError(f"{strange[0]!r} is not a file name")
    except ValueError as error:
        raise IntegrityError(
            f"the published {SUMS} is malformed: {error}",
            where=where,
            remedy="pack it again, and publish it as a new version",
        ) from None
    for name, content in ((SUMS, text), (SIGNATURE, published.text(SIGNATURE))):
        if content is not None:
            (folder / name).write_bytes(content.encode())
    source = source_sums(manifest)
    for name, sha256 in sums.items():
        if source.get(name) != sha256:
            download = Download(name, (published.url_of(name),), sha256)
            transport.run(download, partial(save, target=folder / name, sha256=sha256))


def source_sums(manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of a manifest's source, by its file name, if it is an archive."""
    source = manifest.source
    if source is None or source.url is None:
        return {}
    return {archive_name(source): source.sha256 or ""}
