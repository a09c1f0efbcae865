"""From where an archive is taken: the URLs of its manifest or lock, unless the settings name a mirror."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cgo_prebuilt.platforms import SUPPORTED, Platform
from cgo_prebuilt.settings import Settings, read_settings
from cgo_prebuilt.template import url_below, values_for
from cgo_prebuilt.url import Url

_RELEASE_URL = re.compile(r"CGO_PREBUILT_(\w+)_RELEASE_URL")


def urls_to_try(
    urls: Sequence[Url],
    file: str,
    *,
    name: str,
    version: str,
    platform: Platform,
    settings: Settings,
) -> tuple[Url, ...]:
    """The URLs of an archive, in the order to try.

    A mirror fails closed: with one set, nothing else is contacted.

    Args:
        urls: Where the archive is published.
        file: Its file name.
        name: Its library.
        version: Its release.
        platform: Its platform.
        settings: May name a mirror, and may be offline, which leaves `file://` URLs only.
    """
    values = {**values_for(name, version, platform), "file": file}
    if settings.mirror is not None:
        urls = (url_below(settings.mirror, values, where=settings.mirror_name),)
    elif settings.release_url is not None:
        urls = (url_below(settings.release_url, values, where=settings.release_url_variable),)
    return tuple(url for url in urls if not settings.offline or url.scheme == "file")


def check_environment(environ: Mapping[str, str]) -> None:
    """Refuses settings that no fetch could begin with, of whatever library.

    Raises:
        UsageError: A variable has a value that it cannot have.
    """
    named = (_RELEASE_URL.fullmatch(name) for name in environ)
    for library in ("", *(match[1].lower() for match in named if match)):
        settings = read_settings(environ, library)
        urls_to_try((), "", name="", version="", platform=SUPPORTED[0], settings=settings)
