"""The version that `lock --update` takes by default: the newest release on GitHub."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.verbs import print_prefixed
from cgo_prebuilt.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from cgo_prebuilt.manifests.manifest import Manifest

_MOST_RELEASES = 100


def newest_of(manifest: Manifest, min_age: timedelta | None, *, prereleases: bool) -> str | None:
    """Find the newest version of a manifest's library among its GitHub releases.

    Args:
        manifest: The manifest, of the present version.
        min_age: The least age of the release.
        prereleases: Whether to consider pre-releases.

    Returns:
        The version; None if there is no newer one.

    Raises:
        UsageError: The manifest's archives are not in a GitHub release, or the tag has no version.
        UnavailableError: GitHub cannot be reached, or the repository has no release.
    """
    from cgo_prebuilt.network.api import API_SETTINGS, Api
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.network.github_asset import HEADERS
    from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite
    from cgo_prebuilt.releases.newest import UpdateCriteria, newest_version, tag_template

    site = GitHubSite.of(os.environ)
    archives = (archive for spec in manifest.specs() for archive in spec.archives)
    urls = (url for archive in archives for url in archive.urls)
    address = next((found for url in urls if (found := site.asset_of(url))), None)
    template = tag_template(address.tag, manifest.version) if address is not None else None
    if address is None or template is None:
        raise UsageError(
            "the newest release is known only for archives in GitHub releases, whose tag has the"
            " version in it",
            where=manifest.where,
            remedy="name the version: --update VERSION",
        )
    api = GitHubApi(
        site,
        address.repository,
        Api(HttpClient(API_SETTINGS, os.environ), HEADERS, note=print_prefixed),
    )
    criteria = UpdateCriteria(template, min_age or timedelta(), prereleases, manifest.withdrawn)
    releases = api.recent(_MOST_RELEASES)
    if all(release.draft for release in releases):
        raise UnavailableError(
            f"{address.repository} has no release",
            where=api.url,
            remedy="check the 'urls' of the manifest; for a private repository, set GITHUB_TOKEN",
        )
    now = datetime.now(timezone.utc)
    return newest_version(releases, manifest.version, criteria, now, print_prefixed)
