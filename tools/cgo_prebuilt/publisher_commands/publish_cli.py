"""The verbs `pack` and `publish` of the command line."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store, open_transport
from cgo_prebuilt.commands.verbs import (
    add_json,
    add_manifest,
    add_network_options,
    add_verb,
    path_argument,
    place_argument,
    print_json,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.manifests.manifest import Manifest
    from cgo_prebuilt.publishing.plain_places import PutPlace
    from cgo_prebuilt.publishing.publish import Destination
    from cgo_prebuilt.publishing.registry_place import RegistryPlace

# Higher levels of zstd need more memory than a frame justifies.
_LEVEL_MAX = 19
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


def add_publishing(verbs: Verbs) -> None:
    """Add `pack` and `publish`."""
    verb = add_verb(
        verbs,
        "pack",
        _pack,
        "write a platform's archive, reproducibly",
        "pack prebuilt.yaml --platform linux_amd64 --from out --output dist",
    )
    add_manifest(verb)
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("--platform", metavar="PLATFORM", help="a platform of the manifest")
    which.add_argument(
        "--all-in-one", action="store_true", help="all platforms of the manifest in one archive"
    )
    verb.add_argument("--flavor", metavar="FLAVOR", help="instead of the manifest's first")
    verb.add_argument(
        "--from",
        required=True,
        type=path_argument,
        metavar="DIR",
        dest="folder",
        help="the folder of the built files, with the paths in the manifest",
    )
    verb.add_argument(
        "--output", required=True, type=path_argument, metavar="DIST", help="the archives' folder"
    )
    verb.add_argument(
        "--format", choices=("tar.zst", "tar.gz", "zip"), help="instead of the file name's"
    )
    verb.add_argument(
        "--level",
        type=_level,
        metavar="N",
        help="the level of zstd, 1 to 19; by default 11",
    )
    verb.add_argument("--strip", action="store_true", help="remove debug information (STRIP)")
    verb.add_argument(
        "--debug-symbols",
        action="store_true",
        help="strip shared libraries, and pack their debug information separately (ELF)",
    )
    verb.add_argument(
        "--slim",
        action="store_true",
        help="keep only what the functions in the headers (or --localize) need, in static libraries",
    )
    verb.add_argument(
        "--localize",
        metavar="GLOB",
        action="append",
        default=[],
        help="make all symbols local except these, such as 'vec_*'; may be given several times",
    )
    verb.add_argument(
        "--notice",
        metavar="FILE",
        type=path_argument,
        action="append",
        default=[],
        help="pack this file, too; 'licenses' in the manifest names it",
    )
    verb.add_argument("--pkg-config", action="store_true", help="make and pack a .pc file")
    verb.add_argument("--sbom", action="store_true", help="write a CycloneDX file beside it")
    verb.add_argument(
        "--sign", metavar="KEY_FILE", type=path_argument, help="sign SHA256SUMS with this SSH key"
    )
    add_json(verb, "print what was written as JSON", {"archives": ("file", "sha256", "size")})

    verb = add_verb(
        verbs,
        "publish",
        _publish,
        "upload packed files; skip equal ones, refuse to replace others",
        "publish prebuilt.yaml --dist dist --repo acme/vecsearch --tag v0.3.0",
    )
    add_manifest(verb)
    verb.add_argument(
        "--dist",
        required=True,
        type=place_argument,
        metavar="DIR_OR_URL",
        help="the folder that `pack` wrote; or a published release, to copy it",
    )
    where = verb.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--repo", metavar="OWNER/NAME", help="to a GitHub release of this repository"
    )
    where.add_argument(
        "--to",
        type=place_argument,
        metavar="DIR_OR_URL",
        help="to a folder, by PUT below a URL ({file} may be in it), or to oci://REGISTRY/NAME",
    )
    verb.add_argument(
        "--tag", metavar="TAG", help="the release's tag; by default the manifest's version"
    )
    verb.add_argument(
        "--also",
        metavar="GLOB",
        action="append",
        default=[],
        help="publish files of SHA256SUMS that the manifest does not name; may be given several times",
    )
    verb.add_argument(
        "--add",
        action="store_true",
        help="add new files to a published version, and extend its sums",
    )
    verb.add_argument(
        "--sign",
        metavar="KEY_FILE",
        type=path_argument,
        help="sign the extended SHA256SUMS, as `pack` does",
    )
    verb.add_argument(
        "--dry-run",
        action="store_true",
        help="send nothing; print each request that would write, and its size",
    )
    add_network_options(verb)
    keys = {"where": (), "sent": (), "unchanged": (), "requests": ("method", "url", "size")}
    add_json(verb, "print what was done as JSON", keys)


def _level(text: str) -> int:
    """Return a level of zstd; the type of an argument."""
    if not text.isdecimal() or not 1 <= int(text) <= _LEVEL_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a level from 1 to {_LEVEL_MAX}")
    return int(text)


def _pack(options: argparse.Namespace) -> int:
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.platforms import parse_platform
    from cgo_prebuilt.publishing.pack import Form
    from cgo_prebuilt.publishing.packaging import Extras, Packing, package

    manifest = read_manifest(options.manifest).of_flavor(options.flavor)
    specs = manifest.platforms
    if options.platform:
        specs = (manifest.platform(parse_platform(options.platform)),)
    extras = Extras(
        strip=options.strip,
        debug_symbols=options.debug_symbols,
        slim=options.slim,
        localize=tuple(options.localize),
        notices=tuple(options.notice),
        pkg_config=options.pkg_config,
        sbom=options.sbom,
        form=Form(options.format, options.level),
        key=options.sign,
    )
    progress = progress_for(sys.stderr, verb="pack")
    packing = Packing(manifest, options.folder, options.output, extras, print_prefixed, progress)
    packed = package(packing, specs)
    if options.json:
        archives = [{"file": str(p.path), "sha256": p.sha256, "size": p.size} for p in packed]
        print_json(options, {"archives": archives})
        return 0
    for item in packed:
        print(item.path)
    return 0


def _publish(options: argparse.Namespace) -> int:
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.publishing.publish import publish, release_files
    from cgo_prebuilt.vouching.sums import SIGNATURE

    if options.sign is not None and not options.add:
        raise UsageError(
            "--sign is for sums that --add extends",
            where="--sign",
            remedy="sign with `cgo-prebuilt pack --sign KEY_FILE`",
        )
    manifest = read_manifest(options.manifest)
    destination = _destination(options, manifest)
    with _packed(options, manifest) as dist:
        published: Mapping[str, str] = {}
        replaces: Mapping[str, str] = {}
        if options.add:
            published, replaces = _extend(options, manifest, destination, dist)
        files = release_files(manifest, dist, options.also, published)
        if manifest.public_key is None and files[-1].name == SIGNATURE:
            print_prefixed(f"the manifest has no 'public_key', so no `lock` verifies {SIGNATURE}")
        done = publish(files, destination, replaces=replaces, trial=options.dry_run)
    if options.json:
        answer = {"where": done.where, "sent": done.sent, "unchanged": done.unchanged}
        print_json(options, {**answer, "requests": [asdict(one) for one in done.requests]})
        return 0
    for name in done.unchanged:
        print_message(f"{name}: there already")
    for request in done.requests:
        print(request)
    if not options.dry_run:
        print(done.where)
    return 0


def _extend(
    options: argparse.Namespace, manifest: Manifest, destination: Destination, dist: Path
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Add the sums of a published version to a folder's `SHA256SUMS`.

    Returns:
        The published sums; and the SHA-256 of that list and of its signature, which are replaced.
    """
    from cgo_prebuilt.publishing.publish import extend_sums
    from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS

    where = options.to or options.repo
    text = destination.text(SUMS)
    if text is None:
        raise UsageError(
            f"there is no {SUMS} of {manifest.name} {manifest.version} to add to",
            where=Url(where),
            remedy="check the place and the version; leave out --add to publish it for the first time",
        )
    published = extend_sums(dist, text, where, options.sign)
    signature = destination.text(SIGNATURE)
    if signature is not None and not (dist / SIGNATURE).exists():
        raise UsageError(
            f"the published {SUMS} is signed, and what extends it is not",
            where=str(dist / SIGNATURE),
            remedy="add --sign KEY_FILE",
        )
    texts = {SUMS: text, SIGNATURE: signature or ""}
    digests = {name: hashlib.sha256(one.encode()).hexdigest() for name, one in texts.items()}
    return published, digests


@contextmanager
def _packed(options: argparse.Namespace, manifest: Manifest) -> Iterator[Path]:
    """Open the folder that `pack` wrote, or a temporary one with a published release."""
    from cgo_prebuilt.publishing.staged import download_release
    from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS

    place = _server(options.dist, manifest)
    if place is None:
        dist = Path(options.dist)
        if not dist.is_dir():
            raise UsageError(
                f"--dist {'is not a folder' if dist.exists() else 'does not exist'}",
                where=options.dist,
                remedy="name the folder that `cgo-prebuilt pack --output` wrote",
            )
        with _restoring(dist / SUMS, dist / SIGNATURE) if options.dry_run else nullcontext():
            yield dist
        return
    with TemporaryDirectory() as folder:
        transport = open_transport(open_store().partials)
        download_release(place, Url(options.dist), manifest, Path(folder), transport)
        yield Path(folder)


@contextmanager
def _restoring(*files: Path) -> Iterator[None]:
    """Restore the contents of files after the block, and remove new ones."""
    before = {file: file.read_bytes() for file in files if file.is_file()}
    try:
        yield
    finally:
        for file in files:
            if file in before:
                file.write_bytes(before[file])
            else:
                file.unlink(missing_ok=True)


def _server(place: str, manifest: Manifest) -> PutPlace | RegistryPlace | None:
    """Return the server of a destination; None for a folder.

    Raises:
        UsageError: It is a URL of an unsupported scheme.
    """
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.publishing.plain_places import PutPlace
    from cgo_prebuilt.publishing.registry_place import RegistryPlace

    url = Url(place)
    session = Api(HttpClient(API_SETTINGS, os.environ), note=print_prefixed)
    progress = progress_for(sys.stderr, verb="upload")
    if url.scheme in ("http", "https"):
        return PutPlace(url, session, progress)
    if url.scheme == "oci":
        return RegistryPlace(url, manifest, session, progress)
    if "://" in place or url.scheme == "file":
        raise UsageError(
            f"publish cannot upload to {url.scheme} URLs",
            where=url,
            remedy="name a folder, an https or http URL that accepts PUT (as S3, Google's and Azure's"
            " stores do), or oci://REGISTRY/NAME",
        )
    return None


def _destination(options: argparse.Namespace, manifest: Manifest) -> Destination:
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.github_asset import HEADERS
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.publishing.github_release import GitHubRelease
    from cgo_prebuilt.publishing.plain_places import FolderPlace
    from cgo_prebuilt.publishing.publish import unreachable_archives
    from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite

    if options.to is not None:
        if options.tag is not None:
            raise UsageError(
                "--tag is for a GitHub release, and --to is not one",
                where="--tag",
                remedy="leave it out: the version is the manifest's",
            )
        server, folder = _server(options.to, manifest), Path(options.to)
        if server is None and folder.exists() and not folder.is_dir():
            raise UsageError(
                "--to is a file, and not a folder or a URL",
                where=options.to,
                remedy="name a folder, which need not be there",
            )
        return server or FolderPlace(folder)
    if not _REPOSITORY.fullmatch(options.repo):
        raise UsageError(
            f"--repo {options.repo} is not a repository",
            where="--repo",
            remedy="write it as OWNER/NAME",
        )
    site = GitHubSite.of(os.environ)
    if not site.has_token:
        raise UsageError(
            "there is no token to publish with",
            where=site.server,
            remedy="set GITHUB_TOKEN or GH_TOKEN; in GitHub Actions, `GITHUB_TOKEN: ${{ github.token"
            " }}` with `permissions: contents: write`",
        )
    tag = options.tag or manifest.version
    lost = unreachable_archives(manifest, site, options.repo, tag)
    if lost:
        print_prefixed(
            f"the manifest's 'urls' do not lead to {', '.join(lost)} in this release;"
            " `lock` would look elsewhere"
        )
    session = Api(HttpClient(API_SETTINGS, os.environ), HEADERS, note=print_prefixed)
    api = GitHubApi(site, options.repo, session, writes=True)
    progress = progress_for(sys.stderr, verb="upload")
    return GitHubRelease(api, tag, session, progress)
