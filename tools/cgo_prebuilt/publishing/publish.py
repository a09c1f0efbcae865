"""Publish a release: which files, which are already there, and in which order.

This module decides; `Destination`s carry it out. The order makes an interrupted run harmless: nothing is
sent before all files are compared, and `SHA256SUMS`, which lists them, comes last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cgo_prebuilt.bounded_read import bytes_of_file
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, UsageError, reporting
from cgo_prebuilt.locks.lock import Signature
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.network.failure import Failure, Kind, status_failure
from cgo_prebuilt.network.reply import Reply
from cgo_prebuilt.patterns import matches
from cgo_prebuilt.publishing.sbom import SUFFIX as SBOM_SUFFIX
from cgo_prebuilt.publishing.staged import source_sums
from cgo_prebuilt.releases.github_api import GitHubSite
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.signing import check_signature, update_signed
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS, parse_sums, read_sums


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A file to publish: path, SHA-256 and size in bytes."""

    path: Path
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's published name."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Request:
    """A request that changes something: method, URL or path, and body size in bytes."""

    method: str
    url: str
    size: int

    def __str__(self) -> str:
        return f"{self.method} {self.url} {self.size} B"


class Destination(Protocol):
    """The place of a release."""

    def existing(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the SHA-256 of the files that already exist."""

    def text(self, name: str) -> str | None:
        """Return a small text; None if it does not exist."""

    def plan(self, files: Sequence[ReleaseFile]) -> Sequence[Request]:
        """Return the requests that would publish these files; read only."""

    def send(self, file: ReleaseFile, *, replaces: str | None = None) -> None:
        """Upload a new file; refuse if a different one appeared meanwhile.

        Args:
            file: The file.
            replaces: The SHA-256 of the file to replace; only the sums and their signature replace one.
        """

    def finish(self) -> str:
        """Make the release public, and return its URL."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The result of publishing.

    Attributes:
        where: The release's public URL.
        sent: The files that were sent in this run.
        unchanged: The files that were there already, with the same bytes.
        requests: For a trial run, the requests that would be sent.
    """

    where: str
    sent: tuple[str, ...]
    unchanged: tuple[str, ...]
    requests: tuple[Request, ...] = ()


def release_files(
    manifest: Manifest,
    dist: Path,
    also: Sequence[str] = (),
    published: Mapping[str, str] | None = None,
) -> list[ReleaseFile]:
    """Return a release's files: all that `SHA256SUMS` lists, then itself and its signature.

    Args:
        manifest: The manifest, which names the required archives and the signer.
        dist: The folder that `pack` wrote.
        also: Globs of listed files that the manifest does not name.
        published: The sums of published files, which need not be in the folder.

    Raises:
        UsageError: An archive of the manifest, a listed file, or the signature is missing; or a listed
            file does not belong to this release.
        IntegrityError: A file does not match `SHA256SUMS`, or the manifest's key did not sign that.
    """
    sums = read_sums(dist / SUMS)
    for spec in manifest.specs():
        for archive in spec.archives:
            if archive.file not in sums:
                raise UsageError(
                    f"{SUMS} lacks {archive.file}, the archive of {spec}",
                    where=str(dist),
                    remedy=f"pack it: cgo-prebuilt pack {manifest.where} --platform {spec.platform}"
                    + (f" --flavor {spec.flavor}" if spec.flavor else "")
                    + f" --from DIR --output {dist}",
                )
    strange = unrelated_files(manifest, sums.keys(), also)
    if strange:
        raise UsageError(
            f"{SUMS} lists files that are not part of {manifest.name} {manifest.version}:"
            f" {', '.join(strange)}",
            where=str(dist / SUMS),
            remedy="pack each version into a separate folder, or name its other files with --also",
        )
    if manifest.public_key is not None:
        _check_signed(dist, manifest.public_key, sums)
    files = []
    elsewhere = {**source_sums(manifest), **(published or {})}
    for name, expected in sorted(sums.items()):
        if elsewhere.get(name) == expected and not (dist / name).exists():
            continue  # it is the source, which has a URL of its own, or it is published already
        file = _release_file(dist / name)
        if file.sha256 != expected:
            raise IntegrityError(
                f"{name} has the SHA-256 {file.sha256}, {SUMS} says {expected}",
                where=str(dist / name),
                remedy="pack it again",
            )
        files.append(file)
    last = [SUMS, *([SIGNATURE] if (dist / SIGNATURE).exists() else [])]
    return files + [_release_file(dist / name) for name in last]


def unrelated_files(
    manifest: Manifest, listed: Collection[str], also: Sequence[str] = ()
) -> list[str]:
    """Return the files that do not belong to a release, such as an earlier version's.

    A release has the manifest's archives, in all flavors, with their bills of materials, the source, and
    the zips of `goproxy build --zip-url`.

    Args:
        manifest: The manifest.
        listed: The files that `SHA256SUMS` lists.
        also: Globs of further files of the release.

    Raises:
        UsageError: A glob matches no file.
    """
    for pattern in also:
        if not any(matches(name, [pattern]) for name in listed):
            raise UsageError(
                f"--also {pattern} matches no file that {SUMS} lists",
                where="--also",
                remedy=f"add it: sha256sum FILE >> {SUMS}, in the folder of --dist",
            )
    archives = {archive.file for spec in manifest.specs() for archive in spec.archives}
    known = archives | {f"{file}{SBOM_SUFFIX}" for file in archives}
    if manifest.go is not None:
        platforms = ["", *(str(spec.platform) for spec in manifest.platforms)]
        known |= {go_zip(manifest, platform) for platform in platforms}
    known |= source_sums(manifest).keys()
    return sorted(name for name in listed if name not in known and not matches(name, also))


def go_zip(manifest: Manifest, platform: str) -> str:
    """Return the file name of a Go module's zip in a release.

    Args:
        manifest: The manifest.
        platform: The platform's name; empty for the forwarding module.
    """
    return f"{manifest.name}-{manifest.version}-go{f'-{platform}' if platform else ''}.zip"


def _check_signed(dist: Path, public_key: str, sums: Mapping[str, str]) -> None:
    """Refuse sums that `lock` would not accept, before they are published."""
    try:
        texts = [bytes_of_file(dist / name).decode() for name in (SUMS, SIGNATURE)]
    except FileNotFoundError:
        raise UsageError(
            f"the manifest has a public key, and {SUMS} is not signed",
            where=str(dist / SIGNATURE),
            remedy="pack once more with --sign KEY: nobody could lock this release",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the signature cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(dist / SIGNATURE),
            remedy="pack once more with --sign KEY",
        ) from None
    try:
        check_signature(Signature(public_key, *texts), sums.items())
    except IntegrityError as error:
        raise IntegrityError(
            error.what,
            where=f"{dist / SIGNATURE}, {public_key}",
            remedy="pack once more with --sign KEY, by the key of the manifest: nobody could lock"
            " this release",
        ) from None


def extend_sums(
    dist: Path, published: str, where: str, key: Path | None = None
) -> Mapping[str, str]:
    """Add a published version's sums to those of a folder.

    Args:
        dist: The folder that `pack` wrote.
        published: The text of the published `SHA256SUMS`.
        where: Its place, for errors.
        key: The SSH key that signs the result; None to sign nothing.

    Returns:
        The published sums.

    Raises:
        IntegrityError: A file of the folder is published with other bytes; or the text is malformed.
        UsageError: The folder's sums cannot be read or written.
    """
    try:
        there = parse_sums(published)
    except ValueError as error:
        raise IntegrityError(
            f"the published {SUMS} cannot be extended: {error}",
            where=where,
            remedy="publish a new version instead",
        ) from None
    ours = read_sums(dist / SUMS)
    different = sorted(name for name in ours if there.get(name, ours[name]) != ours[name])
    if different:
        raise conflict(different)
    update_signed(dist / SUMS, there, key)
    return there


def publish(
    files: Sequence[ReleaseFile],
    destination: Destination,
    *,
    replaces: Mapping[str, str] | None = None,
    trial: bool = False,
) -> PublishResult:
    """Publish files.

    Args:
        files: The files to publish, in this order.
        destination: The destination.
        replaces: By name, the SHA-256 of each published file that may be replaced.
        trial: Whether to send nothing, and return the requests that would be sent.

    Raises:
        IntegrityError: A file is there already and has other bytes, so nothing was sent. Or another
            publisher was active meanwhile.
        CgoPrebuiltError: The destination's errors; a second run resumes.
    """
    there = destination.existing([file.name for file in files])
    different = [file.name for file in files if there.get(file.name, file.sha256) != file.sha256]
    replaces = replaces or {}
    refused = [name for name in different if name not in replaces]
    if refused:
        raise conflict(refused)
    changed = [name for name in different if there[name] != replaces[name]]
    if changed:
        raise overtaken(", ".join(changed), "--to, or --repo")
    missing = [file for file in files if file.name not in there or file.name in different]
    requests = destination.plan(missing) if trial else ()
    for file in () if trial else missing:
        destination.send(file, replaces=there.get(file.name))
    return PublishResult(
        "" if trial else destination.finish(),
        tuple(file.name for file in missing),
        tuple(file.name for file in files if file not in missing),
        tuple(requests),
    )


RERUN = "run it again: files that are already published are not sent again"
"""The remedy after an interrupted upload: across runs, only complete files count."""


def not_uploaded(file: ReleaseFile, failure: Failure, place: Url) -> Exception:
    """Return the error for a file that could not be sent."""
    remedy = f"check the network and {RERUN}" if failure.status is None else RERUN
    return failure.error(f"{file.name} cannot be uploaded", place, remedy)


def overtaken(what: str, where: Url | str) -> IntegrityError:
    """Return the error for a file that another publisher changed meanwhile."""
    return IntegrityError(
        f"{what} has changed since this began: somebody else published meanwhile",
        where=where,
        remedy="run it again, when nobody else publishes",
    )


def conflict(names: Sequence[str]) -> IntegrityError:
    """Return the error for replacing a file that users may have locked."""
    return IntegrityError(
        f"published already, with other bytes: {', '.join(names)}",
        where=", ".join(names),
        remedy="publish a new version; what was published never changes, since locks pin it (a platform"
        " that it lacks is added by --add)",
    )


def refusal(reply: Reply) -> Failure:
    """Return the failure for a response that rejects a file."""
    failure = status_failure(
        reply.status, reply.message() or reply.reason, None, for_publisher=True
    )
    said, remedy = f"the server refused: {failure.reason}", failure.remedy
    location = reply.headers.get("location")
    if 300 <= reply.status < 400 and location:
        with suppress(ValueError):
            said = f"the server redirects uploads to {reply.url.redirect(location)}"
            remedy = "publish to where it redirects, if you trust that place"
    return Failure(Kind.STATUS, said, remedy=remedy, status=reply.status)


def unreachable_archives(
    manifest: Manifest, site: GitHubSite, repository: str, tag: str
) -> list[str]:
    """Return the archives that `lock` would not find at the manifest's URLs.

    Args:
        manifest: The manifest.
        site: The GitHub site.
        repository: The repository of the new release, `OWNER/NAME`.
        tag: The tag of the new release.

    Returns:
        The archives whose URLs lead elsewhere, sorted.

    Raises:
        UsageError: A URL leads to another release of the same repository: either the tag or the version
            is wrong, and publishing cannot be undone.
    """
    lost = set()
    for archive in (archive for spec in manifest.specs() for archive in spec.archives):
        addresses = [address for url in archive.urls if (address := site.asset_of(url)) is not None]
        # GitHub ignores case in these names.
        own = [one for one in addresses if one.repository.lower() == repository.lower()]
        if any((one.tag, one.file) == (tag, archive.file) for one in own):
            continue
        for one in own:
            if one.tag != tag:
                raise UsageError(
                    f"the manifest's 'urls' lead to the release {one.tag} of {repository}, this is"
                    f" to be {tag}",
                    where=f"{manifest.where}: version {manifest.version}, {archive.file}",
                    remedy="correct 'version' or 'urls' and pack again, or correct --tag",
                )
        lost.add(archive.file)
    return sorted(lost)


def _release_file(path: Path) -> ReleaseFile:
    with reporting("the file cannot be read", where=path, remedy="pack it again"):
        return ReleaseFile(path, *sha256_of(path))
