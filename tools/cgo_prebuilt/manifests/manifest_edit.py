"""Changing a manifest as a person would: one line of it, and nothing else."""

from __future__ import annotations

import json
import re

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.template import bare_version

_VERSION_LINE = re.compile(
    r"^version:[^\S\n]*([^\s#][^#\n]*?)([^\S\n]*(?:#[^\n]*)?)$", re.MULTILINE
)
# What YAML takes for a text as it stands: `v1.2.3` is one, `1.10` and `null` are not.
_PLAIN = re.compile(r"v[0-9][0-9A-Za-z.+-]*")

_V_BEFORE_VERSION = re.compile(r"(?m)^(?!\s*#).*(?<![A-Za-z0-9{}])v\{version\}")


def as_manifest_has_it(text: str, version: str) -> str:
    """The version that somebody typed, without its `v` where the manifest writes `v{version}` itself.

    Args:
        text: The manifest.
        version: The version, perhaps as its tag is.
    """
    return bare_version(version) if _V_BEFORE_VERSION.search(text) else version


def with_version(text: str, version: str, *, where: str) -> str:
    """A manifest's text with another version in it; comments and order stay.

    Args:
        text: The manifest.
        version: The new version.
        where: The manifest's file, for errors.

    Raises:
        ManifestError: It has no line `version: ...` of its own.
    """
    value = version if _PLAIN.fullmatch(version) else json.dumps(version)
    changed, count = _VERSION_LINE.subn(lambda match: f"version: {value}{match[2]}", text)
    if count != 1:
        raise ManifestError(
            "the version is not on a line of its own, so it cannot be changed there",
            where=where,
            remedy=f"set it to {version} by hand, and run `cgo-prebuilt lock` without --update",
        )
    return changed
