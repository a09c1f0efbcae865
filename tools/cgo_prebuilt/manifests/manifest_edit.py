"""Edit one line of a manifest; keep the rest of the file unchanged."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.manifests.strict_yaml import parse_yaml
from cgo_prebuilt.template import bare_version

_VERSION_LINE = re.compile(
    r"^version:[^\S\n]*([^\s#][^#\n]*?)([^\S\n]*(?:#[^\n]*)?)$", re.MULTILINE
)
# Plain words that YAML reads as text: `v1.2.3`, but not `1.10` and `null`.
_PLAIN = re.compile(r"v[0-9][0-9A-Za-z.+-]*")

_V_BEFORE_VERSION = re.compile(r"(?m)^(?!\s*#).*(?<![A-Za-z0-9{}])v\{version\}")


def version_as_written(text: str, version: str) -> str:
    """Return a version without its `v` if the manifest writes `v{version}` itself.

    Args:
        text: The manifest.
        version: The version, perhaps spelled as its tag.
    """
    return bare_version(version) if _V_BEFORE_VERSION.search(text) else version


def with_version(text: str, version: str, *, where: str) -> str:
    """Return a manifest's text with another version; keep comments and order.

    Args:
        text: The manifest.
        version: The new version.
        where: The manifest's file, for errors.

    Raises:
        ManifestError: It has no separate line `version: ...`.
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


_WITHDRAWN = re.compile(
    r"^withdrawn:[^\S\r\n]*(\{[^\r\n]*\})?[^\S\r\n]*(?:#[^\r\n]*)?(?=\r?$)", re.MULTILINE
)


def with_withdrawn(text: str, version: str, why: str, *, where: str) -> str:
    """Return a manifest's text that withdraws a version; keep comments and order.

    Args:
        text: The manifest.
        version: The version.
        why: The reason, on one line.
        where: The manifest's file, for errors.

    Raises:
        ManifestError: The form of `withdrawn` cannot be edited automatically.
    """
    entry = f"{_spellings(version)[0]}: {_spellings(why)[0]}"
    before = parse_yaml(text, where)
    reasons = (before.get("withdrawn") or {}) if isinstance(before, dict) else None
    if isinstance(reasons, dict) and version in reasons and reasons[version] == why:
        return text
    if isinstance(before, dict) and isinstance(reasons, dict):
        wanted = {**before, "withdrawn": {**reasons, version: why}}
        attempts = [_with_entry(text, entry)]
        if version in reasons:
            attempts = _with_other_entry(text, version, str(reasons[version]), entry)
        for changed in attempts:
            with suppress(ManifestError):
                if parse_yaml(changed, where) == wanted:
                    return changed
    raise ManifestError(
        "'withdrawn' cannot be extended there",
        where=where,
        remedy=f"write {entry} into it by hand, and run `cgo-prebuilt lock`",
    )


def _spellings(value: str) -> list[str]:
    """Return the spellings of a text on one line of YAML, our own first."""
    return [json.dumps(value, ensure_ascii=False), json.dumps(value), f"'{value}'", value]


def _with_other_entry(text: str, version: str, old: str, entry: str) -> list[str]:
    """Return the candidate texts in which an entry replaces a version's earlier reason."""
    ways = [f"{key}: {reason}" for key in _spellings(version) for reason in _spellings(old)]
    return [text.replace(one, entry) for one in ways if text.count(one) == 1]


def _with_entry(text: str, entry: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    found = _WITHDRAWN.search(text)
    if found is None:
        return f"{text.rstrip()}{end}withdrawn: {{{entry}}}{end}"
    if found[1] is None:
        place, rest = found.end(), text[found.end() :]
        indent = re.match(r"\r?\n( +)", rest)
        return f"{text[:place]}{end}{indent[1] if indent else '  '}{entry}{rest}"
    place = found.end(1) - 1  # in front of the closing brace
    comma = ", " if found[1].strip("{} ") else ""
    return f"{text[:place]}{comma}{entry}{text[place:]}"
