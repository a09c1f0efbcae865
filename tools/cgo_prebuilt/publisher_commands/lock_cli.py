"""The verb `lock` of the command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.bounded_read import bytes_of_file, text_of_file
from cgo_prebuilt.commands.context import open_downloads, open_store
from cgo_prebuilt.commands.verbs import (
    STALE,
    add_manifest,
    add_network_options,
    add_renamed,
    add_verb,
    age_argument,
    path_argument,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import UsageError, reporting
from cgo_prebuilt.settings import Settings, read_settings

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.locks.lock import Lock, LockedVersion
    from cgo_prebuilt.manifests.archive_section import ArchiveSpec
    from cgo_prebuilt.manifests.manifest import Manifest
    from cgo_prebuilt.releases.entry_points import Layout
    from cgo_prebuilt.releases.index import WantedFiles
    from cgo_prebuilt.releases.locking import IndexedArchive

_MOVING = ("latest", "stable", "nightly", "main", "master", "head", "trunk", "dev")
"""Words that may be mistaken for versions, but name a different release each day."""

_NEWEST = ""  # not the name of a version


def add_lock(verbs: Verbs) -> None:
    """Add `lock`."""
    verb = add_verb(
        verbs,
        "lock",
        _lock,
        "resolve, hash and index a release",
        "lock prebuilt.yaml --update v0.3.1",
    )
    add_manifest(verb)
    which = verb.add_mutually_exclusive_group()
    which.add_argument(
        "--version",
        metavar="VERSION",
        action="append",
        help="instead of the manifest's; may be given several times, the last one becomes the default",
    )
    which.add_argument(
        "--update",
        metavar="VERSION",
        nargs="?",
        const=_NEWEST,
        help="lock this version, or the newest GitHub release, and set it in the manifest",
    )
    verb.add_argument(
        "--min-age",
        type=age_argument,
        metavar="AGE",
        help="skip releases that are younger: 12h, 7d, 2w; for `--update`",
    )
    verb.add_argument(
        "--prereleases", action="store_true", help="consider pre-releases, too; for `--update`"
    )
    verb.add_argument(
        "--output",
        type=path_argument,
        metavar="LOCK",
        help="the lock; beside the manifest by default",
    )
    verb.add_argument("--check", action="store_true", help="write nothing; exit 1 if it is stale")
    verb.add_argument(
        "--verify-attestation",
        metavar="BUNDLE",
        type=path_argument,
        help="require that this file, from `gh attestation download`, attests the archives",
    )
    verb.add_argument(
        "--identity",
        metavar="WHO",
        help="the identity that must have attested: a GitHub repository (OWNER/NAME), or its workflow",
    )
    add_renamed(verb, "--attested-by", "--identity")
    add_network_options(verb)


def _lock(options: argparse.Namespace) -> int:
    from cgo_prebuilt.locks.lock_file import format_lock, ranges_path, read_lock
    from cgo_prebuilt.locks.ranges_file import read_sections
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.publisher_commands.lock_ranges import has_ranges, write_lock
    from cgo_prebuilt.releases.locking import merge

    if options.update and options.check:
        raise UsageError(
            "--check writes nothing, --update does",
            where="--check --update",
            remedy="leave one out",
        )
    if (options.verify_attestation is None) != (options.identity is None):
        raise UsageError(
            "--verify-attestation and --identity go together",
            where="--identity" if options.verify_attestation is None else "--verify-attestation",
            remedy="give the file with the attestation, and its identity: OWNER/NAME",
        )
    for name in filter(None, [*(options.version or ()), options.update]):
        if name.endswith((".yaml", ".yml")):
            raise UsageError(
                f"{name} is a manifest, not a version",
                where="--update" if name == options.update else "--version",
                remedy=f"name it first: `cgo-prebuilt lock {name} --update`",
            )
    if options.update == _NEWEST:
        options.update = _newest(options)
        if options.update is None:
            return 0
    elif options.min_age is not None or options.prereleases:
        raise UsageError(
            "--min-age and --prereleases choose a release, but the version is named",
            where=str(options.manifest),
            remedy="use them with --update, and name no version",
        )
    typed: list[str | None] = options.version or [options.update]
    names = [one and _version_in_manifest(options.manifest, one) for one in typed]
    update = names[0] if options.update else None
    manifests = [read_manifest(options.manifest, name) for name in names]
    if update is not None and update in manifests[0].withdrawn:
        raise UsageError(
            f"{manifests[0].name} {update} is withdrawn: {manifests[0].withdrawn[update]}",
            where=str(options.manifest),
            remedy="update to another version, or remove this one from 'withdrawn'",
        )
    edited = _edited(options.manifest, update)
    target: Path = options.output or options.manifest.with_suffix(".lock.json")
    if not target.parent.is_dir():
        raise UsageError(
            "there is no such folder for the lock",
            where=str(target.parent),
            remedy="make it, or choose another place with --output",
        )
    old = new = read_lock(target) if target.exists() else None
    if old is not None:
        old.check_complete(str(target))
    settings = read_settings(os.environ, manifests[0].name)
    sections = read_sections(ranges_path(target))
    for manifest in manifests:
        version = _locked(manifest, settings, options, target.parent, old, sections)
        new = merge(new, manifest, version)
        _note_moving(manifest)
    assert new is not None
    _note_withdrawn(new, manifests[-1])
    _note_other_version(new, manifests[-1], target.parent)
    if options.check:
        place = f" --output {target}" if options.output else ""
        command = f"cgo-prebuilt lock {options.manifest}{place}"
        if old is not None and text_of_file(target) == format_lock(new):
            return 0 if has_ranges(new, ranges_path(target), command) else STALE
        _say_changes(old, new)
        print_prefixed(f"{target} is stale; run `{command}`")
        return STALE
    write_lock(target, new, old, sections)
    if edited is not None:
        _write_manifest(options.manifest, edited.encode())
    _say_changes(old, new)
    print(target)
    return 0


def _version_in_manifest(manifest: Path, typed: str) -> str:
    from cgo_prebuilt.manifests.manifest_edit import version_as_written

    try:
        version = version_as_written(text_of_file(manifest), typed)
    except (OSError, UnicodeDecodeError):
        return typed  # reading the manifest reports its errors
    if version != typed:
        print_prefixed(f"{manifest} writes v{{version}}, so {typed} is its version {version}")
    return version


def _newest(options: argparse.Namespace) -> str | None:
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.publisher_commands.lock_update import newest_of

    manifest = read_manifest(options.manifest)
    version = newest_of(manifest, options.min_age, prereleases=options.prereleases)
    if version is None:
        print_message(f"{manifest.name} {manifest.version} is the newest release to update to")
    return version


def _locked(
    manifest: Manifest,
    settings: Settings,
    options: argparse.Namespace,
    folder: Path,
    old: Lock | None,
    sections: dict[str, bytes],
) -> LockedVersion:
    """Download, index and inspect one version, and compare it with its release's sums."""
    from cgo_prebuilt.inspection.object_files import can_inspect
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.github_asset import HEADERS
    from cgo_prebuilt.publisher_commands.lock_findings import LibraryFindings
    from cgo_prebuilt.publisher_commands.lock_ranges import add_ranges
    from cgo_prebuilt.publisher_commands.lock_source import source_with_git
    from cgo_prebuilt.releases.github_api import GitHubSite
    from cgo_prebuilt.releases.locking import indexer, lock_version, released_archives
    from cgo_prebuilt.releases.registry import ACCEPT
    from cgo_prebuilt.releases.registry_reader import RegistryReader, with_blobs
    from cgo_prebuilt.releases.release_digests import check_statements, collect_statements
    from cgo_prebuilt.releases.release_reader import ReleaseReader, read_signature
    from cgo_prebuilt.vouching.signing import check_signature

    store = open_store()
    client = HttpClient(API_SETTINGS, os.environ)
    downloads = open_downloads(store)
    registry = RegistryReader(Api(client, ACCEPT, note=print_prefixed))
    if settings.mirror is None and settings.release_url is None and not settings.offline:
        manifest = with_blobs(manifest, registry)
    layouts: dict[str, Layout] = {}

    def index(spec: ArchiveSpec, wanted: WantedFiles) -> IndexedArchive:
        found = index_archive(spec, wanted)
        if found.contents.layout is not None:
            layouts[found.sha256] = found.contents.layout
        return found

    index_archive = indexer(manifest, settings, downloads.run)
    findings = LibraryFindings()
    inspects = can_inspect()
    version = lock_version(manifest, index, folder, findings.inspect if inspects else None)
    archives = released_archives(manifest, version, settings)
    version = add_ranges(version, archives, store, layouts, old, sections)
    downloads.trim()
    if version.source is not None and version.source.vendor:
        version = replace(
            version, source=source_with_git(version.source, manifest, settings, folder)
        )
    site = GitHubSite.of(os.environ)
    github = Api(client, HEADERS, note=print_prefixed)
    reader = ReleaseReader(site, Api(client, note=print_prefixed), github, registry)
    statements = collect_statements(
        archives, reader.text, reader.assets, print_prefixed, reader.guess, registry.file_beside
    )
    check_statements(statements)
    version = replace(version, published=max(reader.days, default=""))
    prebuilts = [prebuilt for _, _, prebuilt in version.prebuilts()]
    hashes = dict.fromkeys((a.file, a.sha256) for held in prebuilts for a in held.archives)
    if options.verify_attestation is not None:
        from cgo_prebuilt.trust import parse_identity
        from cgo_prebuilt.vouching.attestation import verify_attestations

        identity = parse_identity(options.identity)
        attestations = verify_attestations(options.verify_attestation, identity, hashes)
        version = replace(version, attestations=attestations)
        print_message(
            f"attested by {', '.join(dict.fromkeys(one.workflow for one in attestations))}"
        )
    if manifest.public_key is not None:
        urls = [url for archive in archives for url in archive.urls]
        signature = read_signature(manifest.public_key, urls, reader.text)
        signed = check_signature(signature, hashes).values()
        print_message(f"signed by {manifest.public_key}")
        if version.source is not None and version.source.sha256 not in {None, *signed}:
            print_prefixed(
                f"{version.source.url} is not signed: consumers who pin the key cannot build from it"
            )
        version = replace(version, signature=signature)
    _note_header_problems(version)
    _note_refused_linkopts(version)
    findings.report(print_prefixed)
    if not inspects:
        print_prefixed("the libraries were not inspected: pip install 'cgo-prebuilt[inspect]'")
    sources = ", ".join(dict.fromkeys(str(item.source) for item in statements))
    platforms = ", ".join(version.platforms)
    flavors = ", ".join(version.flavor_names())
    print_message(
        f"{manifest.name} {manifest.version}: {platforms}" + (f"; {flavors}" if flavors else "")
    )
    if sources:
        print_message(f"cross-checked with {sources}")
    return version


def _note_moving(manifest: Manifest) -> None:
    """Warn about a moving release: its bytes change, and later fetches fail."""
    if manifest.version.lower() in _MOVING:
        print_prefixed(
            f"{manifest.where}: the version {manifest.version} does not name a fixed release: lock one that"
            " never changes, such as v1.2.0"
        )
    urls = {url: None for spec in manifest.specs() for one in spec.archives for url in one.urls}
    moving = next((url for url in urls if "/latest/" in url.raw), None)
    if moving is not None:
        print_prefixed(
            f"{manifest.where}: {moving} leads to the newest release, whatever that is: write"
            " /releases/download/{version}/, with the version's tag"
        )


def _note_withdrawn(lock: Lock, manifest: Manifest) -> None:
    reason = manifest.withdrawn.get(lock.default_version)
    if reason is not None:
        print_prefixed(f"the default version {lock.default_version} is withdrawn: {reason}")
    for version in manifest.withdrawn:
        if version not in lock.versions:
            print_prefixed(f"'withdrawn' names {version}, which is not in the lock")


def _note_other_version(lock: Lock, manifest: Manifest, folder: Path) -> None:
    from cgo_prebuilt.commands.go_mod_notes import warn_of_other_version
    from cgo_prebuilt.linking.required_version import modules_of_releases

    urls = [url for spec in manifest.specs() for archive in spec.archives for url in archive.urls]
    warn_of_other_version(folder, modules_of_releases(urls), lock.name, lock.default_version)


def _note_header_problems(version: LockedVersion) -> None:
    from cgo_prebuilt.inspection.header_search import header_problems

    platforms: dict[str, list[str]] = {}
    for flavor, platform, locked in version.prebuilts():
        name = f"{platform}, flavor {flavor}" if flavor else platform
        for problem in header_problems(locked.interface.headers, locked.interface.include_dirs):
            platforms.setdefault(problem, []).append(name)
    for problem, names in platforms.items():
        print_prefixed(f"{'; '.join(names)}: {problem}")


def _note_refused_linkopts(version: LockedVersion) -> None:
    from cgo_prebuilt.locks.link_options import refused_linkopt

    interfaces = [locked.interface for _, _, locked in version.prebuilts()]
    if version.source is not None:
        sources = (version.source, *version.source.platforms.values())
        interfaces += [source.outputs for source in sources]
    refused = [refused_linkopt(interface.linkopts, ()) for interface in interfaces]
    for linkopt in dict.fromkeys(option for option in refused if option is not None):
        print_prefixed(
            f"the link option {linkopt!r} could run a program: each consumer must allow its words,"
            " by prebuilt.defaults(allow_linkopts = ...) or CGO_PREBUILT_ALLOW_LINKOPTS"
        )


def _say_changes(old: Lock | None, new: Lock) -> None:
    from cgo_prebuilt.releases.lock_diff import describe_changes

    print_message("\n".join(describe_changes(old, new)) or "nothing changed")


def _edited(manifest: Path, version: str | None) -> str | None:
    """Return the manifest's text with the updated version; None if it did not change."""
    from cgo_prebuilt.manifests.manifest_edit import with_version

    if version is None:
        return None
    # Bytes, since reading it as text would change Windows' line ends.
    return with_version(bytes_of_file(manifest).decode(), version, where=str(manifest))


def _write_manifest(manifest: Path, content: bytes) -> None:
    from cgo_prebuilt.files.renames import write_atomically

    remedy = "change its version by hand"
    with reporting("the manifest cannot be written", where=manifest, remedy=remedy):
        write_atomically(manifest, content)
