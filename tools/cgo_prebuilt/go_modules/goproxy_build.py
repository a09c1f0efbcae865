"""Publish a release into a module proxy's folder.

A published version never changes: the checksum database and every go.sum remember its hash.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.files.file_lock import PATIENCE, Waiting, hold
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.output_folder import check_output
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.go_modules.dirhash import go_mod_hash
from cgo_prebuilt.go_modules.go_module import GoModule
from cgo_prebuilt.go_modules.go_release import GoRelease
from cgo_prebuilt.go_modules.goproxy_pages import (
    CADDY,
    NGINX,
    NOT_FOUND,
    REDIRECTS,
    caddy_site,
    module_page,
    nginx_site,
    not_found_page,
    page_path,
    redirects_file,
)
from cgo_prebuilt.go_modules.goproxy_staging import StagedModule, stage_modules
from cgo_prebuilt.go_modules.goproxy_tree import (
    ProxyTree,
    PublishedVersion,
    version_info,
    write_file,
)
from cgo_prebuilt.go_modules.module_zip import write_module_zip
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.publishing.publish import go_zip
from cgo_prebuilt.template import url_below
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.signing import check_key, update_signed
from cgo_prebuilt.vouching.sums import SUMS

# Jekyll, which GitHub Pages runs by default, drops files such as _redirects.
_NO_JEKYLL = ".nojekyll"

# The lock file stays in the site; it is empty, so a server may expose it.
_LOCK = ".cgo-prebuilt.lock"

# Characters of RFC 3986 without a special meaning in settings of nginx, Caddy or Netlify.
_URL = re.compile(r"https?://[A-Za-z0-9.:_\[\]-]+(/[A-Za-z0-9._~:/?#@!&()*+,=%{}-]*)?")

# Also the time of a zip's entries: a version's time must not depend on the time of its build.
_DEFAULT_TIME = "1980-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class BuiltModule:
    """A module of a release, with its small files, and whether it is new in the tree."""

    staged: StagedModule
    files: PublishedVersion
    new: bool


@dataclass(frozen=True, slots=True)
class SeparateZips:
    """Zips that another server than the site's serves.

    Attributes:
        url: The base URL, or a template with `{file}`.
        folder: The folder for the zips; its `SHA256SUMS` lists them, too.
        key: The SSH key that signs the extended `SHA256SUMS`; None to sign nothing. The earlier signature
            is removed, since the sums have changed.
    """

    url: str
    folder: Path
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A module proxy's site.

    Attributes:
        folder: Its folder; created if missing. Versions that are in it stay.
        url: The URL that the folder is served at; None for `https://` and the module's host.
        zips: Where the zips are served; None to have them in the site.
    """

    folder: Path
    url: str | None = None
    zips: SeparateZips | None = None


def build_site(
    manifest: Manifest,
    release: GoRelease,
    site: Site,
    *,
    time: str,
    on_wait: Callable[[], None] = lambda: None,
) -> list[BuiltModule]:
    """Add a release to a site.

    Args:
        manifest: The manifest, with `go.module`.
        release: The release.
        site: The site.
        time: The version's time, by RFC 3339.
        on_wait: Called once if another process is building the site.

    Returns:
        The modules: the platforms', and the forwarding one last.

    Raises:
        IntegrityError: A version is in the site with other bytes; or see `stage_modules`.
        UsageError: A module is too large, or the site cannot be written.
        UnavailableError: See `stage_modules`.
    """
    url, zips = site.url, site.zips
    _check_url(url, "--url")
    _check_url(zips.url if zips is not None else None, "--zip-url")
    if zips is not None and zips.key is not None:
        check_key(zips.key)
    tree = ProxyTree(site.folder)
    with _staging_folder(site.folder, on_wait) as folder:
        built = compare(manifest, release, tree, folder, time=time)
        new = [item for item in built if item.new]
        written = {}
        for number, item in enumerate(new):
            module = item.staged.module
            written[module] = folder / f"{number}.zip"
            write_module_zip(module, item.staged.contents, written[module])
        redirects = tree.redirects()
        if zips is not None:
            staged = [item.staged for item in new]
            redirects.update(_move_out(staged, written, tree, manifest, zips))
            written.clear()
        modules = {*tree.modules(), *(item.staged.module.path for item in new)}
        _write_site(site.folder, sorted(modules), url, redirects)
        for item in new:
            tree.publish(item.staged.module, item.files, written.get(item.staged.module))
    return built


def compare(
    manifest: Manifest, release: GoRelease, tree: ProxyTree, staging: Path, *, time: str
) -> list[BuiltModule]:
    """Compare a release's modules with the published ones.

    Args:
        manifest: The manifest.
        release: The release.
        tree: The published modules.
        staging: An empty temporary folder.
        time: The version's time, by RFC 3339.

    Raises:
        IntegrityError: A version is published with other bytes; or see `stage_modules`.
        UsageError: See `stage_modules`.
        UnavailableError: See `stage_modules`.
    """
    built = []
    for staged in stage_modules(manifest, release, staging):
        old = tree.published(staged.module)
        if old is not None:
            _refuse_change(staged, old)
        new = PublishedVersion(
            version_info(staged.module.version, time), staged.go_mod, staged.zip_hash
        )
        built.append(BuiltModule(staged, old or new, old is None))
    return built


def version_time(environ: Mapping[str, str]) -> str:
    """Return the time of a version: `SOURCE_DATE_EPOCH`, or a fixed one.

    Reference: https://reproducible-builds.org/specs/source-date-epoch/.

    Raises:
        UsageError: The variable is not a number.
    """
    epoch = environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return _DEFAULT_TIME
    try:
        moment = datetime.fromtimestamp(int(epoch), timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {epoch!r}",
            where="SOURCE_DATE_EPOCH",
            remedy="set it to seconds since 1970, such as $(git log -1 --format=%ct)",
        ) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_url(url: str | None, option: str) -> None:
    if url is not None and (not _URL.fullmatch(url) or Url(url).credential() is not None):
        raise UsageError(
            f"'{Url(url)}' is not a URL that the go command and every server accept",
            where=option,
            remedy="it has to begin with https:// (or http://), without spaces, quotes and the like, and"
            " without a password, which the site would publish",
        )


@contextmanager
def _staging_folder(site: Path, on_wait: Callable[[], None]) -> Iterator[Path]:
    """Create a temporary folder on the site's file system, so that zips can be renamed into it.

    The site is locked meanwhile.
    """

    def refuse(holder: str) -> None:
        raise UsageError(
            f"{holder} is building the site, and has shown no sign of life for {PATIENCE:g} s",
            where=str(site),
            remedy="end it if it was stopped, and run this again",
        )

    check_output(site)
    try:
        site.mkdir(parents=True, exist_ok=True)
        with hold(site / _LOCK, Waiting(on_wait, PATIENCE, refuse)):
            remove_abandoned(site)
            folder = site / temporary_name()
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"the site cannot be written: {error.strerror}",
            where=error.filename or str(site),
            remedy="correct --output, or the folder's permissions and the space that is left",
        ) from None


def _refuse_change(staged: StagedModule, old: PublishedVersion) -> None:
    # The published .info stays; no hash depends on it.
    for what, before, now in (
        ("zip", old.zip_hash, staged.zip_hash),
        ("go.mod", go_mod_hash(old.go_mod), go_mod_hash(staged.go_mod)),
    ):
        if before != now:
            raise IntegrityError(
                f"{staged.module} is published with another {what}: it has {before}, this build"
                f" {now}",
                where=str(staged.module),
                remedy="publish a new version: the go command and its checksum database remember"
                " what this one was; if the site was never uploaded, delete it and build again",
            )


def _move_out(
    new: list[StagedModule],
    written: Mapping[GoModule, Path],
    tree: ProxyTree,
    manifest: Manifest,
    zips: SeparateZips,
) -> dict[str, str]:
    """Move zips to the release's assets, and return their URLs."""
    redirects = {}
    hashes = {}
    for staged in new:
        file = go_zip(manifest, staged.platform)
        shutil.move(written[staged.module], zips.folder / file)
        hashes[file] = sha256_of(zips.folder / file)[0]
        values = {"name": manifest.name, "version": manifest.version, "file": file}
        place = url_below(Url(zips.url), values, where="--zip-url")
        redirects[tree.name(staged.module, ".zip")] = place.raw
    update_signed(zips.folder / SUMS, hashes, zips.key)
    return redirects


def _write_site(
    site: Path, modules: list[str], url: str | None, redirects: Mapping[str, str]
) -> None:
    proxies = {
        module: (url or f"https://{module.partition('/')[0]}").rstrip("/") for module in modules
    }
    pages: dict[str, dict[str, str]] = {}
    for module, proxy in proxies.items():
        pages.setdefault(page_path(module), {})[module] = proxy
    texts = {page: module_page(found) for page, found in pages.items()}
    texts[NOT_FOUND] = not_found_page(proxies)
    texts[REDIRECTS] = redirects_file(redirects)
    texts[NGINX] = nginx_site(redirects)
    texts[CADDY] = caddy_site(redirects)
    texts[_NO_JEKYLL] = ""
    for name, text in texts.items():
        write_file(site / name, text.encode())
