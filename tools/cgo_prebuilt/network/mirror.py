"""From where an archive is taken: the URLs of its manifest or lock, unless the settings name a mirror."""

from __future__ import annotations

from collections.abc import Sequence

from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.template import url_below, values_for
from cgo_prebuilt.url import Url


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
