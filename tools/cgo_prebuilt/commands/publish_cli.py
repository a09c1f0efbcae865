"""The verbs `pack` and `publish` of the command line: they parse, call, and print."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import (
    add_json,
    add_manifest,
    add_network_options,
    add_verb,
    note,
    path_argument,
    place_argument,
    print_json,
    say,
)
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.manifests.manifest import Manifest
    from cgo_prebuilt.publishing.publish import Destination

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


def add_publishing(verbs: Verbs) -> None:
    """Adds `pack` and `publish`."""
    verb = add_verb(
        verbs,
        "pack",
        _pack,
        "write a platform's archive, the same bytes every time",
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
        help="what was built, by its paths in the manifest",
    )
    verb.add_argument(
        "--output", required=True, type=path_argument, metavar="DIST", help="the archives' folder"
    )
    verb.add_argument(
        "--format", choices=("tar.zst", "tar.gz", "zip"), help="instead of the file name's"
    )
    verb.add_argument("--strip", action="store_true", help="remove debug information (STRIP)")
    verb.add_argument(
        "--debug-symbols",
        action="store_true",
        help="strip shared libraries, and pack what goes by itself, for debuggers (ELF)",
    )
    verb.add_argument(
        "--slim",
        action="store_true",
        help="pack of static libraries only what the functions in their headers (or --localize) need",
    )
    verb.add_argument(
        "--localize",
        metavar="GLOB",
        action="append",
        default=[],
        help="make all symbols local but these, such as 'vec_*'; may be given several times",
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
        "upload what was packed; the same bytes are skipped, others are refused",
        "publish prebuilt.yaml --dist dist --repo acme/vecsearch --tag v0.3.0",
    )
    add_manifest(verb)
    verb.add_argument(
        "--dist", required=True, type=path_argument, metavar="DIST", help="what `pack` wrote"
    )
    where = verb.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--repo", metavar="OWNER/NAME", help="to a GitHub release of this repository"
    )
    where.add_argument(
        "--to",
        type=place_argument,
        metavar="DIR_OR_URL",
        help="to a folder, or by PUT below a URL ({file} may be in it)",
    )
    verb.add_argument(
        "--tag", metavar="TAG", help="the release's tag; the manifest's version if not given"
    )
    verb.add_argument(
        "--also",
        metavar="GLOB",
        action="append",
        default=[],
        help="publish files of SHA256SUMS that the manifest says nothing of; several times",
    )
    add_network_options(verb)
    add_json(verb, "print what was done as JSON", {"where": (), "sent": (), "unchanged": ()})


def _pack(options: argparse.Namespace) -> int:
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.platforms import parse_platform
    from cgo_prebuilt.publishing.packaging import Extras, package

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
        key=options.sign,
    )
    packed = package(manifest, specs, options.folder, options.output, options.format, extras, note)
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
    from cgo_prebuilt.releases.sums import SIGNATURE

    manifest = read_manifest(options.manifest)
    destination = _destination(options, manifest)
    files = release_files(manifest, options.dist, options.also)
    if manifest.public_key is None and files[-1].name == SIGNATURE:
        note(f"the manifest has no 'public_key', so nobody's `lock` looks at {SIGNATURE}")
    done = publish(files, destination)
    if options.json:
        answer = {"where": done.where, "sent": done.sent, "unchanged": done.unchanged}
        print_json(options, answer)
        return 0
    for name in done.unchanged:
        say(f"{name}: there already")
    print(done.where)
    return 0


def _destination(options: argparse.Namespace, manifest: Manifest) -> Destination:
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.publishing.github_release import GitHubRelease
    from cgo_prebuilt.publishing.plain_places import FolderPlace, PutPlace
    from cgo_prebuilt.publishing.publish import unreachable_archives
    from cgo_prebuilt.releases.github_api import HEADERS, GitHubApi, GitHubSite

    progress = progress_for(sys.stderr, verb="upload")
    if options.to is not None:
        if options.tag is not None:
            raise UsageError(
                "--tag is a GitHub release's, --to has none",
                where="--tag",
                remedy="leave it out: the version is the manifest's",
            )
        url = Url(options.to)
        if url.scheme in ("http", "https"):
            session = Api(HttpClient(API_SETTINGS, os.environ), note=note)
            return PutPlace(url, session, progress)
        if "://" in options.to or url.scheme == "file":
            raise UsageError(
                f"publish knows no way to a URL of {url.scheme}",
                where=url,
                remedy="name a folder, or a URL of https or http that takes a PUT; for an object store,"
                " publish to a folder and copy that with the store's own program",
            )
        return FolderPlace(Path(options.to))
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
        note(
            f"the manifest's 'urls' do not lead to {', '.join(lost)} in this release;"
            " `lock` would look elsewhere"
        )
    session = Api(HttpClient(API_SETTINGS, os.environ), HEADERS, note=note)
    api = GitHubApi(site, options.repo, session, writes=True)
    return GitHubRelease(api, tag, session, progress)
