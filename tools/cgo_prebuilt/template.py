"""Placeholders in manifests and mirrors: `{name}`, `{version}`, `{platform}`, `{file}` ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from cgo_prebuilt.errors import CgoPrebuiltError, ManifestError, UsageError
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.url import Url

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

# Characters that a path may hold unencoded (RFC 3986 section 3.3), and `/`, which a tag may have.
_SAFE_IN_URL = "/:@!$&'()*+,;=~-._"


def values_for(name: str, version: str, platform: Platform) -> dict[str, str]:
    """Return the values of the placeholders that manifests, mirrors and sources share."""
    return {
        "name": name,
        "version": version,
        "bare_version": bare_version(version),
        "platform": str(platform),
        "os": platform.os,
        "arch": platform.arch,
    }


def bare_version(version: str) -> str:
    """Return a version without its `v`, as in the names of many archives and folders."""
    return version[1:] if version[:1] == "v" and version[1:2].isdigit() else version


def fill(
    text: str,
    values: Mapping[str, str],
    *,
    where: str,
    shown: str | Url | None = None,
    error: type[CgoPrebuiltError] = ManifestError,
) -> str:
    """Replace the placeholders in a text.

    Args:
        text: The text.
        values: The values, by placeholder.
        where: A description of the text, for the error.
        shown: The text to quote in the error instead of the original.
        error: The error to raise.

    Raises:
        CgoPrebuiltError: The text has a placeholder without a value.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            quoted = str(text if shown is None else shown)
            unknown = f"{{{name}}}" if match[0] in quoted else "{***}"
            raise error(
                f"unknown placeholder {unknown} in {quoted!r}",
                where=where,
                remedy="use " + ", ".join(f"{{{known}}}" for known in sorted(values)),
            )
        return values[name]

    return _PLACEHOLDER.sub(value_of, text)


def fill_url(
    url: Url,
    values: Mapping[str, str],
    *,
    where: str,
    error: type[CgoPrebuiltError] = ManifestError,
) -> Url:
    """Replace the placeholders in a URL; values are percent-encoded (RFC 3986 section 2.1)."""
    encoded = {name: quote(value, safe=_SAFE_IN_URL) for name, value in values.items()}
    return url.map(lambda text: fill(text, encoded, where=where, shown=url, error=error))


def url_below(base: Url, values: Mapping[str, str], *, where: str) -> Url:
    """Return the URL of `{file}` below a mirror: a base URL, or a template."""
    return fill_url(base.below("{file}"), values, where=where, error=UsageError)
