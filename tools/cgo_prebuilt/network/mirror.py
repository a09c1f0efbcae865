"""The URLs of an archive: those of the manifest or lock, unless a mirror is set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.settings import Settings, read_settings
from cgo_prebuilt.template import url_below, values_for
from cgo_prebuilt.url import Url

_SETTING = re.compile(r"CGO_PREBUILT_\w+")
_RELEASE_URL = re.compile(r"CGO_PREBUILT_(\w+)_RELEASE_URL")


def urls_to_try(
    archive: Download, values: Mapping[str, str], settings: Settings
) -> tuple[Url, ...]:
    """Return an archive's URLs by preference.

    A mirror fails closed: with one set, nothing else is contacted.

    Args:
        archive: Its file name, and where it is published.
        values: The placeholders' values but for `{file}`; see `values_for`.
        settings: The settings, which may name a mirror. If offline, only `file://` URLs are returned.
    """
    urls, values = archive.urls, {**values, "file": archive.file}
    if settings.mirror is not None:
        urls = (url_below(settings.mirror, values, where=settings.mirror_name),)
    elif settings.release_url is not None:
        urls = (url_below(settings.release_url, values, where=settings.release_url_variable),)
    return tuple(url for url in urls if not settings.offline or url.scheme == "file")


def _check_mirror(mirror: Url | None, variable: str) -> None:
    """Refuse a mirror folder that does not exist."""
    path = None if mirror is None else mirror.file()
    if path is None:
        return
    fixed, brace, _ = path.partition("{")
    folder = Path(fixed.rpartition("/")[0] if brace else fixed)
    if not folder.is_dir():
        raise UsageError(
            f"the mirror {folder} does not exist",
            where=variable,
            remedy=f"fill it with `cgo-prebuilt mirror --lock LOCK --to DIR`, or correct {variable}",
        )


def faulty_settings(environ: Mapping[str, str]) -> list[CgoPrebuiltError]:
    """Return an error for each variable that prevents every fetch."""
    # It imports ssl, which is slow.
    from cgo_prebuilt.network.credential_helper import read_helpers
    from cgo_prebuilt.network.credentials import github_servers, github_token

    names = [name for name in environ if _SETTING.fullmatch(name)]
    found: list[CgoPrebuiltError] = []
    for name in names:
        release = _RELEASE_URL.fullmatch(name)
        try:
            settings = read_settings({name: environ[name]}, release[1].lower() if release else "")
            urls_to_try(Download("", ()), values_for("", "", SUPPORTED[0]), settings)
            _check_mirror(settings.mirror or settings.release_url, name)
        except CgoPrebuiltError as error:
            found.append(error)
    readers: tuple[Callable[[Mapping[str, str]], object], ...]
    readers = (github_token, github_servers, read_helpers)
    for read in readers:
        try:
            read(environ)
        except CgoPrebuiltError as error:
            found.append(error)
    return found
